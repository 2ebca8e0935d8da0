"""The environment of a program under `run`, and of a shell with `env`."""

import os
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.cli import endpoints
from strongroom.cli.azure_names import ServedNames
from strongroom.cli.control import RunGrant, ServicePrincipal
from strongroom.cli.endpoints import ENDPOINTS, Offer, require_endpoint, write_key_file
from strongroom.cli.environment import (
    STRAY_PREFIXES,
    STRAYS,
    VAULT_NAME_VARIABLES,
    VAULT_URL_VARIABLES,
    is_stray,
    run_environment,
    shell_environment,
)
from strongroom.cli.instance import Instance
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.trust import BUNDLES, TrustFiles

SCRATCH = Path("/scratch")
TRUST = TrustFiles({name: SCRATCH / f"{name}.pem" for name in BUNDLES}, SCRATCH / "trust.p12")
RELAY = "http://run:pw@127.0.0.1:40000"
SERVED = ServedNames(frozenset({"mine.vault.azure.net"}), frozenset({"mine.vault.localhost"}), 8443)


def grant(principal: ServicePrincipal | None = None, subscription: str = "") -> RunGrant:
    """Make what the service would answer."""
    return RunGrant(
        run_id="run-1",
        identity_endpoint="http://127.0.0.1:50342/msi/token",
        identity_header="the-header",
        tenant_id="the-tenant",
        vault_name="mine",
        vault_uri="https://mine.vault.localhost:8443/",
        authority="https://login.localhost:8443",
        azure_hosts=("mine.vault.azure.net",),
        own_hosts=("mine.vault.localhost",),
        domain="localhost",
        port=8443,
        service_principal=principal,
        subscription_id=subscription,
    )


PRINCIPAL = ServicePrincipal("the-tenant", "the-client", "the-secret")


def under_run(surrounding: dict[str, str], given: RunGrant | None = None) -> dict[str, str]:
    """Make the environment of a program under `run`."""
    return run_environment(surrounding, given or grant(), SERVED, RELAY, TRUST, SCRATCH)


def test_what_a_program_gets() -> None:
    """From an empty shell a program gets exactly this."""
    assert under_run({}) == {
        "KEY_VAULT_NAME": "mine",
        "VAULT_NAME": "mine",
        "KEY_VAULT_URL": "https://mine.vault.azure.net",
        "AZURE_KEYVAULT_URL": "https://mine.vault.azure.net",
        "VAULT_URL": "https://mine.vault.azure.net",
        "KEYVAULT_URI": "https://mine.vault.azure.net",
        "HTTPS_PROXY": RELAY,
        "https_proxy": RELAY,
        "HTTP_PROXY": RELAY,
        "http_proxy": RELAY,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "SSL_CERT_FILE": "/scratch/SSL_CERT_FILE.pem",
        "REQUESTS_CA_BUNDLE": "/scratch/REQUESTS_CA_BUNDLE.pem",
        "CURL_CA_BUNDLE": "/scratch/CURL_CA_BUNDLE.pem",
        "NODE_EXTRA_CA_CERTS": "/scratch/NODE_EXTRA_CA_CERTS.pem",
        "JAVA_TOOL_OPTIONS": "-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=40000"
        " -Dhttp.nonProxyHosts=localhost|127.*|[::1] -Djavax.net.ssl.trustStore=/scratch/trust.p12"
        " -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=changeit",
        "IDENTITY_ENDPOINT": "http://127.0.0.1:50342/msi/token",
        "IDENTITY_HEADER": "the-header",
        "ARM_METADATA_HOSTNAME": "management.localhost:8443",
        "AZURE_CONFIG_DIR": "/scratch/azure",
        "AZD_CONFIG_DIR": "/scratch/azd",
    }


def test_a_service_principal_only_if_asked() -> None:
    """With `--service-principal` it is there for the environment credential and for Terraform, and else for neither."""
    wanted = {
        f"{prefix}_{name}": value
        for prefix in ("AZURE", "ARM")
        for name, value in (("TENANT_ID", "the-tenant"), ("CLIENT_ID", "the-client"), ("CLIENT_SECRET", "the-secret"))
    }
    assert wanted.keys().isdisjoint(under_run({}))
    made = under_run({}, grant(PRINCIPAL))
    assert {name: made[name] for name in wanted} == wanted


def test_the_subscription_is_ours_if_the_service_says_one() -> None:
    """A subscription of the shell's is replaced, not kept."""
    for name in ("AZURE_SUBSCRIPTION_ID", "ARM_SUBSCRIPTION_ID"):
        assert name not in under_run({name: "real"})
        assert under_run({name: "real"}, grant(subscription="ours"))[name] == "ours"


@pytest.mark.parametrize(
    "variable", [*STRAYS, *(f"{prefix}ANYTHING" for prefix in STRAY_PREFIXES), "AZURE_CLIENT_CERTIFICATE_PATH"]
)
def test_no_identity_of_the_shell_leaks_in(variable: str) -> None:
    """What says who the shell is in Azure, or which Azure it talks to, does not reach the program: SEC-NAME-8."""
    assert "of-the-shell" not in under_run({variable: "of-the-shell"}).values()


@pytest.mark.parametrize(
    "variable", ["PATH", "HOME", "AZURE_STORAGE_CONNECTION_STRING", "AZURE_OPENAI_ENDPOINT", "VAULT_ADDR", "ARM_ARCH"]
)
def test_everything_else_of_the_shell_stays(variable: str) -> None:
    """A program's own settings stay, also those whose names only begin as Azure's do."""
    assert not is_stray(variable)
    assert under_run({variable: "kept"})[variable] == "kept"


@pytest.mark.parametrize("variable", [*VAULT_NAME_VARIABLES, *VAULT_URL_VARIABLES])
def test_the_vault_that_the_user_names_counts(variable: str) -> None:
    """A vault named in the shell is not overruled; the relay refuses it if it is not ours."""
    assert under_run({variable: "another"})[variable] == "another"


def test_without_a_vault_none_is_named() -> None:
    """An instance whose vaults were all deleted names none."""
    made = under_run({}, replace(grant(), vault_name=""))
    assert {*VAULT_NAME_VARIABLES, *VAULT_URL_VARIABLES}.isdisjoint(made)
    made = shell_environment({}, replace(grant(), vault_name=""), TRUST, SCRATCH)
    assert set(VAULT_URL_VARIABLES).isdisjoint(made)


def test_no_proxy_keeps_the_users_exceptions_and_none_for_our_names() -> None:
    """SEC-NAME-7: exceptions that could lead past the relay are dropped, the user's others stay."""
    made = under_run({"NO_PROXY": "localhost, intranet.corp,.azure.net,*,127.0.0.1,10.0.0.0/8", "no_proxy": ""})
    assert made["NO_PROXY"] == made["no_proxy"] == "127.0.0.1,intranet.corp,10.0.0.0/8"


def test_the_users_java_options_stay_before_ours() -> None:
    """Java takes the last of two settings of a property, so the user's come first."""
    assert under_run({"JAVA_TOOL_OPTIONS": "-Xmx1g"})["JAVA_TOOL_OPTIONS"].startswith("-Xmx1g -Dhttps.proxyHost=")


@pytest.mark.parametrize("variable", ["JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"])
def test_javas_other_variables_do_not_lead_past_the_relay(variable: str) -> None:
    """They win over JAVA_TOOL_OPTIONS, so where the shell uses one our options stand there too: SEC-NAME-7."""
    made = under_run({variable: "-Dhttps.proxyHost=corp"})
    assert made[variable] == f"-Dhttps.proxyHost=corp {made['JAVA_TOOL_OPTIONS']}"
    assert variable not in under_run({})


def test_a_shell_may_evaluate_it_twice() -> None:
    """The second time adds nothing to what the first made."""
    first = shell_environment({"JAVA_TOOL_OPTIONS": "-Xmx1g"}, grant(), TRUST, SCRATCH)
    assert (
        shell_environment(first, grant(), TRUST, SCRATCH)["JAVA_TOOL_OPTIONS"].split()
        == first["JAVA_TOOL_OPTIONS"].split()
    )


def test_java_is_told_no_secret() -> None:
    """Java prints its options when it starts, so the relay's password is not among them."""
    made = under_run({}, grant(PRINCIPAL))["JAVA_TOOL_OPTIONS"]
    assert "pw" not in made
    assert "the-" not in made


def test_a_path_with_a_blank_is_one_option() -> None:
    """The data directory of macOS has a blank in its path."""
    trust = TrustFiles(TRUST.bundles, Path("/Application Support/trust.p12"))
    options = shlex.split(shell_environment({}, grant(), trust, SCRATCH)["JAVA_TOOL_OPTIONS"])
    assert options[0] == "-Djavax.net.ssl.trustStore=/Application Support/trust.p12"


def test_what_a_shell_gets() -> None:
    """`env` names the instance's own authority and vault, and no proxy."""
    made = shell_environment({}, grant(PRINCIPAL), TRUST, SCRATCH)
    assert {name: made[name] for name in ("AZURE_AUTHORITY_HOST", "AZURE_TENANT_ID", "KEY_VAULT_URL")} == {
        "AZURE_AUTHORITY_HOST": "https://login.localhost:8443",
        "AZURE_TENANT_ID": "adfs",
        "KEY_VAULT_URL": "https://mine.vault.localhost:8443",
    }
    assert made["IDENTITY_HEADER"] == "the-header"
    assert made["AZURE_CLIENT_SECRET"] == "the-secret"
    assert not [name for name in made if "proxy" in name.lower()]


def test_a_shell_gets_no_name_that_would_lead_to_azure() -> None:
    """A program that makes an Azure URL of a vault's name must not find ours in a shell without a relay."""
    assert set(VAULT_NAME_VARIABLES).isdisjoint(shell_environment({}, grant(), TRUST, SCRATCH))


def test_secrets_are_not_shown_by_accident() -> None:
    """What holds a run's credential does not show it."""
    shown = repr(grant(PRINCIPAL))
    assert "the-secret" not in shown
    assert "the-header" not in shown


def test_the_page_describes_every_variable() -> None:
    """docs/operating/run.md names every variable that is set and every one that is taken away."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "operating" / "run.md").read_text()
    described = set(re.findall(r"`([A-Za-z_]+)\*?`", page))
    made = set(under_run({}, grant(PRINCIPAL, "s"))) | set(shell_environment({}, grant(PRINCIPAL), TRUST, SCRATCH))
    made |= {name for variables in ENDPOINTS.values() for name in variables(Offer(grant(), "a", "t", SCRATCH))}
    assert (made | set(STRAYS) | set(STRAY_PREFIXES)) - described == set()


ORIGIN = "http://127.0.0.1:50342"
IDENTITY_VARIABLES = {
    "DEFAULT_IDENTITY_CLIENT_ID",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "IMDS_ENDPOINT",
    "MSI_ENDPOINT",
    "MSI_SECRET",
} | {"AZURE_POD_IDENTITY_AUTHORITY_HOST"}


@pytest.mark.parametrize(
    ("endpoint", "variables"),
    [
        ("app-service", {"IDENTITY_ENDPOINT": f"{ORIGIN}/msi/token", "IDENTITY_HEADER": "the-header"}),
        ("imds", {"AZURE_POD_IDENTITY_AUTHORITY_HOST": f"{ORIGIN}/mi/the-header"}),
        (
            "arc",
            {
                "IDENTITY_ENDPOINT": f"{ORIGIN}/arc/run-1/metadata/identity/oauth2/token",
                "IMDS_ENDPOINT": ORIGIN,
            },
        ),
        ("cloud-shell", {"MSI_ENDPOINT": f"{ORIGIN}/mi/the-header/oauth2/token"}),
        (
            "azure-ml",
            {"MSI_ENDPOINT": f"{ORIGIN}/msi/token", "MSI_SECRET": "the-header", "DEFAULT_IDENTITY_CLIENT_ID": ""},
        ),
    ],
)
def test_each_kind_of_endpoint_has_its_variables(endpoint: str, variables: dict[str, str]) -> None:
    """A program under `run`, and a shell, find the kind that was asked for and no other (clients.md section 1.3)."""
    for made in (
        run_environment({"MSI_SECRET": "the-shells"}, grant(), SERVED, RELAY, TRUST, SCRATCH, endpoint),
        shell_environment({}, grant(), TRUST, SCRATCH, endpoint),
    ):
        assert {name: made[name] for name in IDENTITY_VARIABLES if name in made} == variables


@pytest.mark.parametrize(("name", "said"), [("service-fabric", "pinned"), ("vm", "use one of app-service, imds")])
def test_another_kind_is_refused(name: str, said: str) -> None:
    """Service Fabric is left out, and said to be; what is no kind gets the list of those that are."""
    with pytest.raises(Halt, match=said) as halt:
        require_endpoint(name)
    assert halt.value.exit_code == Exit.USAGE


def test_a_key_file_is_its_users_alone(tmp_path: Path) -> None:
    """It holds the run's secret verbatim, mode 0600, where the service says it is."""
    given = replace(grant(), arc_key_folder=str(tmp_path))
    path = write_key_file(given)
    assert path == tmp_path / "strongroom-run-1.key"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("the-header", 0o600)


def test_key_files_of_runs_that_are_over_go(tmp_path: Path) -> None:
    """A run that was killed leaves its file; a later one removes it when its secret is worthless, and no other file."""
    stale, fresh, others = (tmp_path / name for name in ("strongroom-a.key", "strongroom-b.key", "agent.key"))
    for path in (stale, fresh, others):
        path.touch()
    for path in (stale, others):
        os.utime(path, (1, 1))
    write_key_file(replace(grant(), arc_key_folder=str(tmp_path)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["agent.key", "strongroom-b.key", "strongroom-run-1.key"]


def test_a_folder_that_is_not_there_is_said_with_its_mend(tmp_path: Path) -> None:
    """Clients look in one folder alone, which root has to make."""
    with pytest.raises(Halt, match=r"sudo install -d -m 0700"):
        write_key_file(replace(grant(), arc_key_folder=str(tmp_path / "none")))


def test_workload_identity_has_a_token_file_and_an_authority() -> None:
    """Under `run` it is Azure's authority and the tenant's id, in a shell our own and the alias."""
    given = replace(grant(), client_id="the-identity")
    run = run_environment({}, given, SERVED, RELAY, TRUST, SCRATCH, "workload-identity")
    shell = shell_environment({}, given, TRUST, SCRATCH, "workload-identity")
    names = ("AZURE_AUTHORITY_HOST", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE")
    file = "/scratch/identity-token-run-1"
    assert [run[name] for name in names] == [
        "https://login.microsoftonline.com",
        "the-tenant",
        "the-identity",
        file,
    ]
    assert [shell[name] for name in names] == ["https://login.localhost:8443", "adfs", "the-identity", file]
    assert IDENTITY_VARIABLES.isdisjoint(run)


def test_two_ways_to_say_who_the_program_is() -> None:
    """A service principal's variables and workload identity's would contradict each other."""
    with pytest.raises(Halt, match="choose one") as halt:
        require_endpoint("workload-identity", service_principal=True)
    assert halt.value.exit_code == Exit.USAGE


def test_token_files_of_shells_that_are_over_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each shell has a file of its own, for its user alone, and what an old one left is removed."""
    monkeypatch.setattr(endpoints, "issue_assertion", lambda *_: ("an-assertion", 2**31))
    stale, other = tmp_path / "identity-token-old", tmp_path / "SSL_CERT_FILE.pem"
    for path in (stale, other):
        path.touch()
        os.utime(path, (1, 1))
    instance = Instance(tmp_path, "localhost", 8443, tmp_path / "control.sock")
    assert endpoints.write_token_file(instance, grant(), tmp_path) == 2**31
    made = tmp_path / "identity-token-run-1"
    assert sorted(tmp_path.iterdir()) == [other, made]
    assert (made.read_text(), made.stat().st_mode & 0o777) == ("an-assertion", 0o600)
