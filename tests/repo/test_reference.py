"""The reference pages, and what they must say."""

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path

import pytest

from strongroom.app.dispatch import SURFACE_NAMES, Surfaces
from strongroom.config import DERIVED, Settings, load
from strongroom.core import acme_limits, certificate_limits, limits
from strongroom.core.aadsts import REFUSALS
from strongroom.core.builtin_roles import BUILTIN_ROLES
from strongroom.core.permissions import Public
from strongroom.flow.operation import Op
from strongroom.flow.settings import FlowSettings

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "reference"

_spec = importlib.util.spec_from_file_location("reference_pages", ROOT / "docs" / "reference_pages.py")
assert _spec
assert _spec.loader
reference_pages = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference_pages)

# SEC-FLOW-24: the whole list of what is answered without a bearer token. Whoever adds to it opens a door, and says so
# here as well as in the table.
PUBLIC = {
    "vault": {"VaultHealth"},
    "bare": {"VaultHealth"},
    "login": {
        "TokenIssue",
        "TokenIssueV1",
        # A browser asks before it lets a page post there, and sends no token with that.
        "TokenPreflight",
        "TokenPreflightV1",
        "Authorize",
        "AuthorizeV1",
        "SignIn",
        "SignInElsewhereReturn",
        "SignOut",
        "SignOutV1",
        "PasswordChangeBegin",
        "SecurityInfoBegin",
        "DeviceCodeIssue",
        "DeviceCodeIssueV1",
        "DeviceCodeFormGet",
        "DeviceCodeFormTake",
        "OpenIdConfigurationGet",
        "OpenIdConfigurationGetV1",
        "SigningKeysGet",
        "SigningKeysGetV1",
        "InstanceDiscovery",
        "UserRealmGet",
    },
    "management": {"CloudMetadataGet", "EventSubscriptionValidate"},
    "graph": set(),
    "pki": {
        "AcmeChallengeGet",
        "AuthorityCertificateGet",
        "CertificateStatusAsk",
        "CertificateStatusGet",
        "RevocationListGet",
    },
    "identity": {"ManagedIdentityTokenIssue"},
    "metadata": {
        "ManagedIdentityTokenIssueArc",
        "ManagedIdentityTokenIssueCloudShell",
        "ManagedIdentityTokenIssueImds",
        "ManagedIdentityTokenIssueCloudShellRun",
        "ManagedIdentityTokenIssueImdsRun",
        "ManagedIdentityTokenIssueImdsRunJava",
        "ManagedIdentityTokenIssueImdsNamed",
        "ManagedIdentityTokenIssueImdsNamedJava",
    },
    "control": {
        "AcmeAccountAdd",
        "AcmeAccountChange",
        "AcmeAccountCheck",
        "AcmeAccountGet",
        "AcmeAccountList",
        "AcmeAccountRemove",
        "AdministratorRecover",
        "AuditSinkAdd",
        "AuditSinkList",
        "AuditSinkRemove",
        "AuditSinkStatusGet",
        "EndpointListenerAdd",
        "EndpointListenerList",
        "EndpointListenerRemove",
        "Explain",
        "IdentityMapAdd",
        "IdentityMapList",
        "IdentityMapRemove",
        "IdentityLinkAdd",
        "IdentityLinkList",
        "IdentityLinkRemove",
        "IdentityProviderAdd",
        "IdentityProviderChange",
        "IdentityProviderList",
        "IdentityProviderRemove",
        "JobList",
        "JobRun",
        "NetworkMapList",
        "NetworkMapRemove",
        "NetworkMapSet",
        "PolicyCheck",
        "PolicyGet",
        "PolicyRemove",
        "PolicySet",
        "PrivateAuthorityCreate",
        "PrivateAuthorityList",
        "PrivateAuthorityRemove",
        "PrivateAuthorityRenew",
        "IssuedCertificateList",
        "IssuedCertificateRevoke",
        "ReleaseAuthorityAdd",
        "ReleaseAuthorityList",
        "ReleaseAuthorityRemove",
        "ReleaseSigningKeyRevoke",
        "RunAssertionIssue",
        "IssuerList",
        "IssuerTrust",
        "IssuerDistrust",
        "RunStart",
        "RunEnd",
        "SigningKeyList",
        "SignInChange",
        "SigningKeyRoll",
        "SigningKeyRevoke",
        "StatusGet",
        "TenantList",
        "TenantCreate",
        "TenantChange",
        "TenantRemove",
        "TrustedServiceAdd",
        "TrustedServiceList",
        "TrustedServiceRemove",
        "WhoCan",
    },
}
CHANGING = {
    *("TokenIssue", "TokenIssueV1", "Authorize", "AuthorizeV1", "SignIn", "SignInElsewhereReturn"),
    *("SignOut", "SignOutV1"),
    "EventSubscriptionValidate",
    *PUBLIC["identity"],
    *PUBLIC["metadata"],
    *PUBLIC["control"],
}
"""Those that give or change something, or tell of the instance: each proves its caller by itself."""
ANYBODYS = {"DeviceCodeIssue", "DeviceCodeIssueV1", "DeviceCodeFormTake", "CertificateStatusAsk"}
"""Those that take a form of anybody: what they give is worth nothing until a person has signed in and said yes. The
last one reads: OCSP has its questions in a body."""

OTHER: dict[str, object] = {
    "address": "192.0.2.7",
    "arc_key_folder": "/other",
    "egress_ca_file": __file__,
    "egress_networks": "10.0.0.0/8",
    "metadata_address": "10.1.2.3",
    "pkcs11_module": __file__,
    "pki_listen": "10.1.2.3:80",
    "pki_url": "http://pki.example.org",
    "proxy_protocol_address": "10.1.2.3",
    "smtp_from": "other@example.org",
    "smtp_tls": "implicit",
    "trusted_proxies": "10.0.0.0/8",
}
"""Settings whose values have a form of their own, and one that differs from the default."""
_MAIL = {"STRONGROOM_SMTP_SERVER": "mail.example", "STRONGROOM_SMTP_FROM": "vaults@example.org"}
BESIDE: dict[str, dict[str, str]] = {
    "pkcs11_module": {"STRONGROOM_PKCS11_PIN_FILE": "/pin"},
    "pkcs11_pin_file": {"STRONGROOM_PKCS11_MODULE": __file__},
    "pkcs11_root_key": {"STRONGROOM_PKCS11_MODULE": __file__, "STRONGROOM_PKCS11_PIN_FILE": "/pin"},
    "pki_url": {"STRONGROOM_PKI_LISTEN": "10.1.2.3:80"},
    "proxy_protocol_address": {"STRONGROOM_TRUSTED_PROXIES": "10.0.0.0/8"},
    "smtp_from": {"STRONGROOM_SMTP_SERVER": "mail.example"},
    "smtp_password_file": _MAIL | {"STRONGROOM_SMTP_USER": "user"},
    "smtp_server": {"STRONGROOM_SMTP_FROM": "vaults@example.org"},
    "smtp_user": _MAIL | {"STRONGROOM_SMTP_PASSWORD_FILE": "/password"},
}
"""What must be said too where a setting is: variables."""

SURFACES = Surfaces()
OPERATIONS = [
    pytest.param(surface, op, id=f"{surface}-{op.name}")
    for surface in SURFACE_NAMES
    for op in SURFACES[surface].operations
]
SETTINGS = [
    pytest.param(field, prefix, id=f"{prefix}{field.name.upper()}")
    for prefix, owner in (("STRONGROOM_", Settings), ("STRONGROOM_FLOW_", FlowSettings))
    for field in dataclasses.fields(owner)
    if field.name not in ({"data", "flow"} if owner is Settings else DERIVED)
]


def page(name: str) -> str:
    """Read a page."""
    return (FOLDER / name).read_text(encoding="utf-8")


def test_the_pages_say_what_the_code_says(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody has to remember the reference: it is out of date for as long as this fails."""
    monkeypatch.setattr(sys, "argv", ["reference_pages.py"])

    assert reference_pages.main() == 0, capsys.readouterr().err


@pytest.mark.parametrize("surface", SURFACE_NAMES)
def test_the_public_operations_are_a_closed_list(surface: str) -> None:
    """SEC-FLOW-24: what a surface answers without a bearer token is listed here, name by name."""
    public = {op.name for op in SURFACES[surface].operations if isinstance(op.requires, Public)}

    assert public == PUBLIC[surface]


def test_public_operations_that_change_something_prove_their_caller() -> None:
    """SEC-FLOW-24: a public operation that gives or changes something proves its caller; the others read."""
    rows = {
        op.name: op for name in SURFACE_NAMES for op in SURFACES[name].operations if isinstance(op.requires, Public)
    }

    assert {name for name, op in rows.items() if op.authenticates} == CHANGING
    assert {
        name for name, op in rows.items() if not op.authenticates and op.method not in {"GET", "OPTIONS"}
    } == ANYBODYS


@pytest.mark.parametrize(("surface", "op"), OPERATIONS)
def test_every_operation_is_on_the_page(surface: str, op: Op) -> None:
    """A row of a table has its line, with its method and path."""
    assert f"| `{op.name}` | {op.method} | `{op.path}` |" in page("operations.md")


@pytest.mark.parametrize(("field", "prefix"), SETTINGS)
def test_every_setting_is_read_from_where_the_page_says(
    field: dataclasses.Field[object], prefix: str, tmp_path: Path
) -> None:
    """A setting has its line, and its environment variable and its key in the file set it."""
    variable = f"{prefix}{field.name.upper()}"
    table = "[flow]\n" if "FLOW" in prefix else ""
    other = {"str": "other", "int": 7, "float": 7.5, "bool": not field.default}[str(field.type)]
    other = OTHER.get(field.name, other)
    assert other != field.default

    assert f"| `{variable}` |" in page("settings.md")
    beside = BESIDE.get(field.name, {})
    by_variable = load(tmp_path, environment={variable: json.dumps(other).strip('"'), **beside})
    (tmp_path / "config.toml").write_text(f"{table}{field.name} = {json.dumps(other)}\n", encoding="utf-8")
    for settings in (by_variable, load(tmp_path, environment=beside)):
        assert getattr(settings.flow if table else settings, field.name) == other


def test_every_limit_is_on_the_page() -> None:
    """A limit has its line."""
    names = [name for module in (limits, certificate_limits, acme_limits) for name in vars(module) if name.isupper()]

    assert len(names) > 20
    for name in names:
        assert f"| `{name}` | " in page("limits.md")


def test_every_role_is_on_the_page() -> None:
    """A built-in role has its section, with its id."""
    for role in BUILTIN_ROLES.values():
        assert f"## {role.name}\n\n`{role.id}`" in page("roles.md")


def test_every_number_is_on_the_page() -> None:
    """An AADSTS number has its line."""
    for number in REFUSALS:
        assert f"| AADSTS{number} | " in page("errors.md")
