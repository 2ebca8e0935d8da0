"""What a file may say of tenants and of what is in a tenant's directory."""

from __future__ import annotations

from strongroom.cli.seed.forms.references import PRINCIPAL
from strongroom.cli.seed.forms.sources import SOURCE, STORE
from strongroom.cli.seed.forms.texts import ANY_TEXT, LINE, NAME, TEXT, TEXTS
from strongroom.cli.seed.schema import Choice, Flag, ListOf, Member, Shape, Whole

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
