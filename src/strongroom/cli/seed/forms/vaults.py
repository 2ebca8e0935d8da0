"""What a file may say of vaults and of what is in them."""

from __future__ import annotations

from strongroom.cli.seed.forms.certificates import CERTIFICATE, CONTACT, ISSUER
from strongroom.cli.seed.forms.events import EVENT_SUBSCRIPTION
from strongroom.cli.seed.forms.keys import KEY
from strongroom.cli.seed.forms.references import PRINCIPAL
from strongroom.cli.seed.forms.sources import SOURCE
from strongroom.cli.seed.forms.texts import ARM_ID, LOCATION, NAME, OBJECT, SUBNET, TAGS, TEXT, TEXTS, VAULT
from strongroom.cli.seed.schema import Choice, Flag, Instant, ListOf, Member, Shape, Whole
from strongroom.core import limits
from strongroom.core.diagnostics import CATEGORY_GROUPS, LOG_CATEGORIES, METRIC_CATEGORIES

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
        "keys": Member(ListOf(KEY), "Its keys: made where there are none, without private parts."),
        "certificateContacts": Member(ListOf(CONTACT), "Everybody who is told about its certificates."),
        "certificateIssuers": Member(ListOf(ISSUER), "Who issues its certificates."),
        "certificates": Member(
            ListOf(CERTIFICATE), "Its certificates: made or brought in where there are none, and never issued again."
        ),
        "eventSubscriptions": Member(ListOf(EVENT_SUBSCRIPTION), "Who is told of its events."),
    },
)
