"""
The form of a file: what may stand in it, and what it means.

The reference of the documentation is written from this table (`reference`), so the two cannot differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from strongroom.cli.seed.key_shape import key_shape
from strongroom.cli.seed.reading import read_yaml
from strongroom.cli.seed.schema import (
    Choice,
    Entry,
    Flag,
    Instant,
    Kind,
    ListOf,
    Member,
    Shape,
    Text,
    Texts,
    Whole,
    take,
)
from strongroom.core import limits
from strongroom.core.diagnostics import CATEGORY_GROUPS, LOG_CATEGORIES, METRIC_CATEGORIES
from strongroom.core.locks import LockLevel

VERSION = 1
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
LENGTH = 32
_LEAST_BITS = 64
_GUID = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
# Each is a segment of a path: `..` would lead out of it.
_NAME = r"(?!\.{1,2}(?:/|$))[^/\x00-\x1f\x7f]{1,256}"

NAME = Text(_NAME, "a name", "name")
LINE = Text(r"[^\x00-\x1f\x7f]{1,1024}", "a text of one line")
TEXT = Text()
ANY_TEXT = Text(r"(?s).*")
GUID = Text(_GUID, "a GUID", "GUID")
IN_GROUP = Text(rf"{_NAME}/{_NAME}", "resource group/name", "group/name")
# The operator's token goes where an id says: nothing may stand in it that ends the path, or the host before it.
_ARM_ID = r"(?:/(?!\.{1,2}(?:/|$))[^/?#%\\\x00-\x1f\x7f]{1,256}){1,32}"
ARM_ID = Text(rf"/|{_ARM_ID}", "an ARM id, as /subscriptions/...", "ARM id")
SUBNET = Text(
    rf"{_NAME}/{_NAME}/{_NAME}|(?i:(?=/subscriptions/){_ARM_ID})",
    "resource group/network/subnet",
    "group/network/subnet, or an ARM id",
)
VAULT = Text(r"[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]", "the name of a vault", "name of a vault")
OBJECT = Text(r"[A-Za-z0-9-]{1,127}", "the name of a secret", "name of a secret")
TEXTS = ListOf(TEXT)
LOCATION = Member(
    LINE, "The region, that of its resource group if it is not said; a label, since the instance is where it is."
)
TAGS = Member(Texts(), "All its tags: those that the file leaves out go.")


def _check_scope(entry: Entry) -> str | None:
    places = [name for name in entry if name != "secret"]
    if len(places) != 1:
        return "exactly one place must be said, and a secret only with its vault"
    return "a secret is in a vault: say which" if "secret" in entry and "vault" not in entry else None


def _check_generate(entry: Entry) -> str | None:
    alphabet, length = entry.get("alphabet", ALPHABET), entry.get("length", LENGTH)
    if len(set(alphabet)) != len(alphabet):
        return "a character stands in the alphabet twice"
    if len(alphabet) < 2 or length * math.log2(len(alphabet)) < _LEAST_BITS:
        return f"so short a value of so few characters can be guessed: it must have {_LEAST_BITS} bits"
    return None


PRINCIPAL = Shape(
    "principal",
    {
        "user": Member(TEXT, "A user, by user principal name."),
        "group": Member(TEXT, "A group, by display name."),
        "application": Member(TEXT, "An application of this tenant, by display name: its service principal."),
        "identity": Member(IN_GROUP, "A user-assigned managed identity."),
        "objectId": Member(GUID, "Any principal, by its object id, which is another one on every instance."),
        "everyone": Member(Flag(only=True), "Everybody; only in a deny assignment."),
    },
    choose=("user", "group", "application", "identity", "objectId", "everyone"),
)
SCOPE = Shape(
    "scope",
    {
        "subscription": Member(Flag(only=True), "The subscription."),
        "resourceGroup": Member(NAME, "A resource group."),
        "vault": Member(VAULT, "A vault."),
        "secret": Member(OBJECT, "One secret of that vault; with `vault`."),
        "identity": Member(IN_GROUP, "A user-assigned managed identity."),
        "virtualNetwork": Member(IN_GROUP, "A virtual network."),
        "privateEndpoint": Member(IN_GROUP, "A private endpoint."),
        "managementGroup": Member(NAME, "A management group."),
        "id": Member(ARM_ID, "Anything, by its ARM id."),
    },
    check=_check_scope,
)
GENERATE = Shape(
    "generate",
    {
        "length": Member(Whole(8, 1024), f"How many characters; {LENGTH} if it is not said."),
        "alphabet": Member(LINE, "Of which characters; letters and digits if it is not said."),
    },
    check=_check_generate,
)
SOURCE = Shape(
    "source",
    {
        "env": Member(
            Text(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable"),
            "The value of an environment variable.",
        ),
        "file": Member(
            LINE, "The content of a file, without one line end at its end; the path begins at this file's folder."
        ),
        "generate": Member(GENERATE, "A random value: made once, and kept whenever there is one."),
        "keep": Member(Flag(only=True), "The value that is there; there has to be one."),
        "literal": Member(
            ANY_TEXT, "The value itself. It is taken with `--allow-literals` alone: a file is no place for secrets."
        ),
    },
    choose=("env", "file", "generate", "keep", "literal"),
    quiet=True,
)
STORE = Shape(
    "store",
    {"vault": Member(VAULT, "The vault.", required=True), "secret": Member(OBJECT, "The secret.", required=True)},
)

TENANT = Shape(
    "tenant",
    {
        "domain": Member(LINE, "Its first domain, by which it is known.", required=True),
        "displayName": Member(TEXT, "What it is called."),
        "administrator": Member(NAME, "What its first administrator is called before the @; only for a new one."),
        "subscription": Member(Flag(), "Whether a new tenant gets a subscription."),
    },
)
USER = Shape(
    "user",
    {
        "userPrincipalName": Member(LINE, "Its name, with the domain.", required=True),
        "displayName": Member(TEXT, "What it is called; its name if it is not said."),
        "mailNickname": Member(TEXT, "The alias; the name before the @ if it is not said."),
        "givenName": Member(TEXT, "Given name."),
        "surname": Member(TEXT, "Surname."),
        "department": Member(TEXT, "Department."),
        "jobTitle": Member(TEXT, "Job title."),
        "mail": Member(TEXT, "Address."),
        "accountEnabled": Member(Flag(), "Whether it may sign in; true for a new one."),
        "password": Member(
            SOURCE, "The first password, which has to be changed; asked of nobody who is there already."
        ),
    },
)
GROUP = Shape(
    "group",
    {
        "displayName": Member(TEXT, "Its name.", required=True),
        "description": Member(ANY_TEXT, "What it is for."),
        "mailNickname": Member(TEXT, "The alias; made of the name if it is not said."),
        "members": Member(ListOf(PRINCIPAL), "Every member: who is not here is taken out."),
        "owners": Member(ListOf(PRINCIPAL), "Every owner, likewise."),
    },
)
FEDERATED = Shape(
    "federated credential",
    {
        "name": Member(NAME, "Its name.", required=True),
        "issuer": Member(LINE, "Whose tokens are taken.", required=True),
        "subject": Member(LINE, "Which subject is this principal.", required=True),
        "audiences": Member(TEXTS, "For whom the tokens are; `api://AzureADTokenExchange` if it is not said."),
    },
)
APP_ROLE = Shape(
    "app role",
    {
        "value": Member(TEXT, "The word in the `roles` of tokens; without one it is known by its `displayName` here."),
        "displayName": Member(TEXT, "What it is called.", required=True),
        "description": Member(TEXT, "What it allows.", required=True),
        "allowedMemberTypes": Member(ListOf(Choice(("User", "Application"))), "Who may have it.", required=True),
        "isEnabled": Member(Flag(), "Whether it can be given; true if it is not said."),
    },
)
REDIRECTS = Shape(
    "redirect URIs",
    {
        "web": Member(TEXTS, "Of confidential web applications."),
        "spa": Member(TEXTS, "Of pages that redeem codes in a browser."),
        "publicClient": Member(TEXTS, "Of installed programs."),
    },
)
APP_PASSWORD = Shape(
    "client secret",
    {
        "displayName": Member(
            TEXT, "By which it is known: as long as one of this name is good, no other is made.", required=True
        ),
        "days": Member(Whole(1, 730), "How long a new one is good; 90 if it is not said."),
        "store": Member(STORE, "Where a new one is put; otherwise it goes into the file of `--credentials`."),
    },
)
SERVICE_PRINCIPAL = Shape(
    "service principal",
    {
        "accountEnabled": Member(Flag(), "Whether it may sign in."),
        "appRoleAssignmentRequired": Member(Flag(), "Whether only who has an app role gets tokens for it."),
        "description": Member(ANY_TEXT, "What it is for."),
        "notes": Member(ANY_TEXT, "Notes."),
        "tags": Member(TEXTS, "Every tag."),
    },
)
APPLICATION = Shape(
    "application",
    {
        "displayName": Member(TEXT, "Its name, which no other application of the tenant may have.", required=True),
        "identifierUris": Member(TEXTS, "By which tokens for it are asked."),
        "signInAudience": Member(TEXT, "Whose users and programs it is for."),
        "notes": Member(ANY_TEXT, "Notes."),
        "tags": Member(TEXTS, "Every tag."),
        "redirectUris": Member(REDIRECTS, "Where sign-in leads to."),
        "isFallbackPublicClient": Member(Flag(), "Whether it may be a public client."),
        "requestedAccessTokenVersion": Member(Whole(1, 2), "The version of access tokens for it."),
        "appRoles": Member(ListOf(APP_ROLE), "Every app role."),
        "servicePrincipal": Member(SERVICE_PRINCIPAL, "Its principal; `{}` makes one. Without one it has no rights."),
        "passwords": Member(ListOf(APP_PASSWORD), "Client secrets."),
        "federatedCredentials": Member(ListOf(FEDERATED), "Whose tokens it may sign in by."),
        "owners": Member(ListOf(PRINCIPAL), "Every owner: who is not here is taken out."),
    },
)
DIRECTORY_ROLE = Shape(
    "directory role assignment",
    {
        "role": Member(TEXT, "The role's name, as `Global Administrator`.", required=True),
        "principal": Member(PRINCIPAL, "Who has it.", required=True),
    },
)
APP_ROLE_ASSIGNMENT = Shape(
    "app role assignment",
    {
        "principal": Member(PRINCIPAL, "Who has it.", required=True),
        "application": Member(TEXT, "The application that defines the role.", required=True),
        "role": Member(TEXT, "The role's `value`.", required=True),
    },
)

SUBNET_SHAPE = Shape(
    "subnet",
    {
        "name": Member(NAME, "Its name.", required=True),
        "addressPrefixes": Member(TEXTS, "Its ranges.", required=True),
        "serviceEndpoints": Member(TEXTS, "Services that are reached from it, as `Microsoft.KeyVault`."),
    },
)
NETWORK = Shape(
    "virtual network",
    {
        "name": Member(NAME, "Its name.", required=True),
        "location": LOCATION,
        "tags": TAGS,
        "addressPrefixes": Member(TEXTS, "Its ranges.", required=True),
        "subnets": Member(ListOf(SUBNET_SHAPE), "Every subnet: one that is not here goes."),
    },
)
CONNECTION = Shape(
    "connection",
    {
        "name": Member(NAME, "Its name.", required=True),
        "vault": Member(VAULT, "The vault that is reached.", required=True),
        "manual": Member(Flag(), "Whether the vault's owner has to approve."),
        "message": Member(TEXT, "What is asked of the owner."),
    },
)
ENDPOINT = Shape(
    "private endpoint",
    {
        "name": Member(NAME, "Its name.", required=True),
        "location": LOCATION,
        "tags": TAGS,
        "subnet": Member(SUBNET, "Where it is.", required=True),
        "connection": Member(CONNECTION, "What it reaches.", required=True),
    },
)
NETWORK_MAP = Shape(
    "network map",
    {
        "virtualNetwork": Member(IN_GROUP, "Which network.", required=True),
        "ranges": Member(TEXTS, "Where its addresses really come from.", required=True),
    },
)
LISTENER = Shape(
    "endpoint listener",
    {
        "privateEndpoint": Member(IN_GROUP, "Which endpoint.", required=True),
        "address": Member(LINE, "The address of the machine that it is.", required=True),
        "port": Member(Whole(1, 65535), "The port; that of the URLs if it is not said."),
    },
)
IDENTITY = Shape(
    "managed identity",
    {
        "name": Member(NAME, "Its name.", required=True),
        "location": LOCATION,
        "tags": TAGS,
        "federatedCredentials": Member(ListOf(FEDERATED), "Whose tokens it may sign in by."),
    },
)
PERMISSIONS = Shape(
    "permissions",
    {
        "keys": Member(TEXTS, "Words for keys."),
        "secrets": Member(TEXTS, "Words for secrets, as `get`."),
        "certificates": Member(TEXTS, "Words for certificates."),
        "storage": Member(TEXTS, "Words for storage accounts."),
    },
)
ACCESS_POLICY = Shape(
    "access policy",
    {
        "principal": Member(PRINCIPAL, "Who may.", required=True),
        "application": Member(TEXT, "Only through this application, by display name, or by application id."),
        "permissions": Member(PERMISSIONS, "What.", required=True),
    },
)
SUBNET_RULE = Shape(
    "subnet rule",
    {
        "subnet": Member(SUBNET, "Who comes from it is admitted.", required=True),
        "ignoreMissingVnetServiceEndpoint": Member(Flag(), "Take it though it has no service endpoint."),
    },
)
ACLS = Shape(
    "network rules",
    {
        "defaultAction": Member(Choice(("Allow", "Deny")), "What happens to everybody else."),
        "bypass": Member(Choice(("AzureServices", "None")), "Whether trusted services pass."),
        "ipRules": Member(TEXTS, "Every address or range that is admitted."),
        "virtualNetworkRules": Member(ListOf(SUBNET_RULE), "Every subnet that is admitted."),
    },
)
SECRET = Shape(
    "secret",
    {
        "name": Member(OBJECT, "Its name.", required=True),
        "value": Member(SOURCE, "Where its value comes from.", required=True),
        "contentType": Member(TEXT, "What kind of value it is."),
        "enabled": Member(Flag(), "Whether it can be read."),
        "notBefore": Member(Instant(), "From when on."),
        "expires": Member(Instant(), "Until when."),
        "tags": TAGS,
    },
)
DIAGNOSTIC_SETTING = Shape(
    "diagnostic setting",
    {
        "name": Member(NAME, "Its name.", required=True),
        "logs": Member(ListOf(Choice(LOG_CATEGORIES)), "Which logs are sent."),
        "logGroups": Member(ListOf(Choice(tuple(CATEGORY_GROUPS))), "Or which groups of them."),
        "metrics": Member(ListOf(Choice(METRIC_CATEGORIES)), "Which numbers are sent."),
        "storageAccountId": Member(ARM_ID, "To which storage account."),
        "eventHubAuthorizationRuleId": Member(ARM_ID, "By which rule of an event hub's namespace."),
        "eventHubName": Member(TEXT, "To which event hub there."),
        "workspaceId": Member(ARM_ID, "To which workspace."),
        "logAnalyticsDestinationType": Member(Choice(("AzureDiagnostics", "Dedicated")), "Into which tables there."),
        "marketplacePartnerId": Member(ARM_ID, "To which partner."),
    },
)
VAULT_SHAPE = Shape(
    "vault",
    {
        "name": Member(VAULT, "Its name.", required=True),
        "location": LOCATION,
        "tags": TAGS,
        "sku": Member(Choice(("standard", "premium")), "`standard` if it is not said."),
        "enableRbacAuthorization": Member(Flag(), "Whether roles decide; otherwise access policies do."),
        "enabledForDeployment": Member(Flag(), "For virtual machines."),
        "enabledForDiskEncryption": Member(Flag(), "For disk encryption."),
        "enabledForTemplateDeployment": Member(Flag(), "For template deployments."),
        "softDeleteRetentionInDays": Member(
            Whole(limits.RETENTION_MIN_DAYS, limits.RETENTION_MAX_DAYS),
            "How long deleted things are kept; it cannot be changed.",
        ),
        "enablePurgeProtection": Member(Flag(only=True), "Nothing is purged before its time; there is no way back."),
        "publicNetworkAccess": Member(
            Choice(("Enabled", "Disabled", "SecuredByPerimeter")),
            "Whether anybody comes in but through private endpoints.",
        ),
        "networkAcls": Member(ACLS, "The firewall; what is not said of it stays."),
        "accessPolicies": Member(ListOf(ACCESS_POLICY), "Every access policy."),
        "diagnosticSettings": Member(ListOf(DIAGNOSTIC_SETTING), "Where copies of its audit go; each is said whole."),
        "secrets": Member(ListOf(SECRET), "Its secrets."),
        "keys": Member(
            ListOf(key_shape(Member(OBJECT, "Its name.", required=True), TAGS)),
            "Its keys: made where there are none, without private parts.",
        ),
    },
)
RESOURCE_GROUP = Shape(
    "resource group",
    {
        "name": Member(NAME, "Its name.", required=True),
        "location": Member(LINE, LOCATION.about, required=True),
        "tags": TAGS,
        "identities": Member(ListOf(IDENTITY), "Managed identities."),
        "virtualNetworks": Member(ListOf(NETWORK), "Virtual networks."),
        "vaults": Member(ListOf(VAULT_SHAPE), "Vaults."),
        "privateEndpoints": Member(ListOf(ENDPOINT), "Private endpoints."),
    },
)
ACTIONS = {
    "actions": Member(TEXTS, "Actions of the management plane."),
    "notActions": Member(TEXTS, "All but these."),
    "dataActions": Member(TEXTS, "Actions on what is in vaults."),
    "notDataActions": Member(TEXTS, "All but these."),
}
ROLE = Shape(
    "role definition",
    {
        "name": Member(TEXT, "Its name.", required=True),
        "description": Member(ANY_TEXT, "What it is for."),
        **ACTIONS,
        "assignableScopes": Member(ListOf(SCOPE), "Where it can be given; the subscription if it is not said."),
    },
)
ROLE_ASSIGNMENT = Shape(
    "role assignment",
    {
        "principal": Member(PRINCIPAL, "Who has it.", required=True),
        "role": Member(TEXT, "The role's name, as `Key Vault Secrets User`.", required=True),
        "scope": Member(SCOPE, "Where.", required=True),
        "condition": Member(TEXT, "Under which condition; in version 2.0."),
        "description": Member(ANY_TEXT, "Why."),
    },
)
DENY_ASSIGNMENT = Shape(
    "deny assignment",
    {
        "name": Member(TEXT, "Its name.", required=True),
        "scope": Member(SCOPE, "Where.", required=True),
        "description": Member(ANY_TEXT, "Why."),
        **ACTIONS,
        "principals": Member(ListOf(PRINCIPAL), "From whom it is taken.", required=True),
        "excludePrincipals": Member(ListOf(PRINCIPAL), "But not from these."),
        "doNotApplyToChildScopes": Member(Flag(), "Whether it holds at this scope alone."),
        "condition": Member(TEXT, "Under which condition; in version 2.0."),
    },
)
LOCK = Shape(
    "lock",
    {
        "name": Member(NAME, "Its name.", required=True),
        "scope": Member(SCOPE, "What it is on: the subscription, a resource group or a resource.", required=True),
        "level": Member(
            Choice(tuple(LockLevel)), "What nobody does there and below: delete, or change anything.", required=True
        ),
        "notes": Member(ANY_TEXT, "Why."),
        "owners": Member(TEXTS, "Applications that are told as its owners, by display name, or by application id."),
    },
)
DOCUMENT = Shape(
    "file",
    {
        "version": Member(Whole(VERSION, VERSION), "The version of this form.", required=True),
        "tenant": Member(
            LINE, "The tenant that this is about, by id or domain: nobody signed in elsewhere may apply it."
        ),
        "subscription": Member(LINE, "The subscription, by id or name; the operator's own if it is not said."),
        "tenants": Member(ListOf(TENANT), "Tenants of the instance, which its operator makes."),
        "users": Member(ListOf(USER), "Users."),
        "groups": Member(ListOf(GROUP), "Groups."),
        "applications": Member(ListOf(APPLICATION), "Applications."),
        "directoryRoles": Member(ListOf(DIRECTORY_ROLE), "Who has which directory role."),
        "appRoleAssignments": Member(ListOf(APP_ROLE_ASSIGNMENT), "Who has which app role."),
        "subscriptionTags": Member(Texts(), "All tags of the subscription: those that the file leaves out go."),
        "resourceGroups": Member(ListOf(RESOURCE_GROUP), "Resource groups, with what is in them."),
        "networkMaps": Member(ListOf(NETWORK_MAP), "Where virtual networks really are; the instance operator's."),
        "endpointListeners": Member(ListOf(LISTENER), "Which address a private endpoint is; the instance operator's."),
        "roleDefinitions": Member(ListOf(ROLE), "Custom roles."),
        "roleAssignments": Member(ListOf(ROLE_ASSIGNMENT), "Who has which role where."),
        "denyAssignments": Member(ListOf(DENY_ASSIGNMENT), "From whom what is taken."),
        "locks": Member(ListOf(LOCK), "What nobody may delete, or change."),
    },
)


def read_document(content: bytes) -> Entry:
    """
    Read a file.

    Raises:
        Invalid: it is not of this form; every fault has its line.
    """
    return take(DOCUMENT, read_yaml(content))


def reference() -> Iterator[tuple[Shape, list[tuple[str, Member]]]]:
    """Give every shape with its members, the file's own first: what the documentation's tables are written from."""
    seen: dict[str, Shape] = {}
    ahead: list[Kind] = [DOCUMENT]
    while ahead:
        kind = ahead.pop(0)
        if isinstance(kind, ListOf):
            ahead.insert(0, kind.of)
        elif isinstance(kind, Shape) and kind.name not in seen:
            seen[kind.name] = kind
            ahead += [member.kind for member in kind.members.values()]
    for shape in seen.values():
        yield shape, list(shape.members.items())
