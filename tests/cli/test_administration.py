"""The operator's commands, as processes, on a service that runs."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from strongroom.cli.main import main
from strongroom.core.limits import PASSWORD_DAYS_MAX
from tests.assertions import key_set, rsa_key
from tests.cli.fake_service import FakeService
from tests.cli.in_process import run_in_process
from tests.live import STRONGROOM, Client, Service, clean_environment
from tests.plugins.canary import plant, remember


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service."""
    with Service(tmp_path_factory.mktemp("administered") / "data") as service:
        yield service


@pytest.fixture
def client(live: Service) -> Iterator[Client]:
    """Ask it over HTTPS."""
    client = live.client()
    yield client
    client.close()


def command(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the service's data directory."""
    return run_in_process(*words, "--data", str(service.data))


def keys(service: Service) -> dict[str, list[str]]:
    """List the signing keys by what they do."""
    found: dict[str, list[str]] = {"next": [], "signs": [], "trusted": []}
    for key in json.loads(command(service, "signing-keys", "list", "--json").stdout):
        found[key["state"]].append(key["kid"])
    return found


def secrets_status(service: Service, client: Client, token: str) -> int:
    """Use a token at the first vault."""
    return client.ask("GET", f"{service.first['vaultUri']}secrets?api-version=7.4", token=token).status_code


# ---- sign-in --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "member", "title"),
    [
        ("password-grant", "passwordGrant", "password grant"),
        ("device-code", "deviceCode", "device code"),
        ("second-factor", "secondFactor", "second factor"),
    ],
)
def test_what_is_off_is_switched_on_and_off(live: Service, option: str, member: str, title: str) -> None:
    """SEC-TOKEN-5, SEC-TOKEN-6: off until the operator says otherwise, told without changing it, and audited."""
    before = audited(live).count("SignInChange")
    told = [
        dict(line.rsplit("  ", 1) for line in command(live, "sign-in", *words).stdout.splitlines())
        for words in ([], [f"--{option}"], [], [f"--no-{option}"], [])
    ]
    states = [{name.strip(): state for name, state in lines.items()} for lines in told]
    assert [lines[title] for lines in states] == ["off", "on", "on", "off", "off"]
    others = [{name: state for name, state in lines.items() if name != title} for lines in states]
    assert all(lines == others[0] for lines in others), "nothing else has changed"
    assert others[0].pop("passwords last") == "for ever"
    assert set(others[0].values()) == {"off"}
    told_as_json = json.loads(command(live, "sign-in", "--json").stdout)
    assert (told_as_json["tenantId"], told_as_json[member]) == (live.first["tenantId"], False)
    assert audited(live).count("SignInChange") - before == 6


def audited(live: Service) -> list[str]:
    """List what was done lately."""
    recorded = command(live, "audit", "tail", "--lines", "100").stdout.splitlines()
    return [json.loads(line)["operationName"] for line in recorded]


def test_how_long_passwords_last_is_said(live: Service) -> None:
    """In days, and 0 is for ever; what is not said of the ways in stays; more days than there may be are refused."""
    told = [
        next(line for line in command(live, "sign-in", *words).stdout.splitlines() if line.startswith("passwords last"))
        for words in ([], ["--password-days", "90"], ["--no-password-grant"], ["--password-days", "0"])
    ]
    assert [text.split("  ")[-1] for text in told] == ["for ever", "90 days", "90 days", "for ever"]
    assert command(live, "sign-in", "--password-days", str(PASSWORD_DAYS_MAX), "--json").returncode == 0
    assert command(live, "sign-in", "--password-days", str(PASSWORD_DAYS_MAX + 1)).returncode == 1
    assert command(live, "sign-in", "--password-days", "0").returncode == 0


# ---- jobs -----------------------------------------------------------------------------------------------------------


def test_jobs_are_listed_and_run(live: Service) -> None:
    """How each is doing, for people and for programs; one of them runs at once, and one that is none is refused."""
    listed = json.loads(command(live, "jobs", "list", "--json").stdout)
    names = [job["name"] for job in listed["value"]]
    assert {"upkeep", "purge-objects", "roll-over-signing-keys", "end-expired-sessions"} <= set(names)
    assert all(job["about"].endswith(".") for job in listed["value"])
    lines = command(live, "jobs", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["job", *names]
    before = listed["value"][names.index("purge-vaults")]["began"]
    ran = json.loads(command(live, "jobs", "run", "purge-vaults", "--json").stdout)
    assert (ran["outcome"], ran["done"], ran["leaseHolder"]) == ("ok", 0, listed["node"])
    assert ran["began"] > before
    assert command(live, "jobs", "run", "upkeep").stdout.startswith("upkeep ran for ")
    refused = command(live, "jobs", "run", "no-such-job")
    assert (refused.returncode, "There is no such job" in refused.stderr) == (1, True)
    assert {"JobList", "JobRun"} <= set(audited(live))


# ---- signing keys ---------------------------------------------------------------------------------------------------


def test_keys_are_listed_for_people(live: Service) -> None:
    """A line for each key, with what it does, its term and its tenant."""
    lines = command(live, "signing-keys", "list").stdout.splitlines()

    assert lines[0].split("  ")[0] == "kid"
    assert [line.split()[1] for line in lines[1:]] == ["signs", "next"]
    assert all(line.endswith(live.first["tenantId"]) for line in lines[1:])


def test_the_next_key_takes_over(live: Service, client: Client) -> None:
    """SEC-TOKEN-3: `signing-keys roll` overlaps: tokens of the old key stay good."""
    before, old = keys(live), client.token()
    printed = command(live, "signing-keys", "roll", "--tenant", live.first["tenantId"], "--json")
    after = keys(live)

    assert printed.returncode == 0
    assert after["signs"] == before["next"]
    assert before["signs"][0] in after["trusted"]
    assert sorted(key["kid"] for key in json.loads(printed.stdout)) == sorted(chain(*after.values()))
    assert secrets_status(live, client, old) == 200


def test_a_key_is_revoked(live: Service, client: Client) -> None:
    """SEC-TOKEN-3: `signing-keys revoke` does not overlap: its tokens are refused, and new ones are good."""
    before, old = keys(live), client.token()
    result = command(live, "signing-keys", "revoke", before["signs"][0])

    assert result.returncode == 0
    assert before["signs"][0] in result.stdout
    assert before["signs"][0] not in chain(*keys(live).values())
    assert secrets_status(live, client, old) == 401
    assert secrets_status(live, client, client.token()) == 200


@pytest.mark.parametrize(
    "words",
    [
        ("signing-keys", "revoke", "-no-such-key"),
        ("signing-keys", "roll", "--tenant", "nobody.example"),
        ("recover", "--tenant", "nobody.example"),
        ("tenants", "rename", "nobody.example", "Nobody"),
        ("tenants", "remove", "nobody.example"),
    ],
)
def test_what_the_service_refuses_is_said(live: Service, words: tuple[str, ...]) -> None:
    """A key or tenant that there is not ends the command with 1 and the service's own sentence; nothing changes."""
    before = keys(live)
    result = command(live, *words)

    assert (result.returncode, result.stdout) == (1, "")
    assert "the service refuses: There is no" in result.stderr
    assert keys(live) == before


# ---- issuers --------------------------------------------------------------------------------------------------------


def test_an_issuer_is_trusted_and_distrusted(live: Service, tmp_path: Path) -> None:
    """SEC-BOOT-7: the operator trusts outside issuers, by keys that it gives or by those that the issuer publishes."""
    issuer, keys_file = "https://token.actions.example/", tmp_path / "keys.json"
    keys_file.write_text(json.dumps(key_set(rsa_key(), "k1")))
    added = command(live, "issuers", "add", issuer, "--keys", str(keys_file))
    assert (added.returncode, added.stdout) == (0, f"{issuer} is trusted: keys given: k1\n"), added.stderr
    command(live, "issuers", "add", "https://other.example")
    assert command(live, "issuers", "list").stdout.splitlines() == [
        "https://other.example  keys as it publishes them",
        f"{issuer}  keys given: k1",
    ]
    (_, shown) = json.loads(command(live, "issuers", "list", "--json").stdout)
    assert (shown["issuer"], shown["keyIds"], shown["fetched"]) == (issuer, ["k1"], False)
    for one in (issuer, "https://other.example"):
        assert command(live, "issuers", "remove", one).returncode == 0
    assert command(live, "issuers", "list").stdout == ""
    gone = command(live, "issuers", "remove", issuer)
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "There is no such trusted issuer." in gone.stderr


def test_an_attestation_authority_is_added_and_removed(live: Service, tmp_path: Path) -> None:
    """The operator says on whose word keys are released, by keys that it gives or by those that are published."""
    authority, keys_file = "https://attest.example", tmp_path / "keys.json"
    keys_file.write_text(json.dumps(key_set(rsa_key(), "k1")))
    added = command(live, "release-authorities", "add", authority, "--keys", str(keys_file))
    assert added.returncode == 0, added.stderr
    assert added.stdout.endswith(": keys given: k1\n")
    (shown,) = json.loads(command(live, "release-authorities", "list", "--json").stdout)
    listed = command(live, "release-authorities", "list").stdout
    assert listed == f"{authority}  tenant {shown['tenantId']}, keys given: k1\n"
    assert command(live, "release-authorities", "revoke-key").returncode == 0
    (then,) = json.loads(command(live, "release-authorities", "list", "--json").stdout)
    assert then["signingCertificates"] == [then["signingCertificate"]] != shown["signingCertificates"]
    assert command(live, "release-authorities", "remove", authority).returncode == 0
    gone = command(live, "release-authorities", "remove", authority)
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "no such attestation authority" in gone.stderr


@pytest.mark.parametrize("text", ["", "[]", "{", '{"keys": [{"kty": "oct", "k": "AAAA", "kid": "a"}]}'])
def test_a_file_that_is_no_key_set(live: Service, tmp_path: Path, text: str) -> None:
    """It is refused, with a sentence, and nothing is trusted."""
    path = tmp_path / "keys.json"
    path.write_text(text)
    for keys_file in (path, tmp_path / "missing.json"):
        result = command(live, "issuers", "add", "https://issuer.example", "--keys", str(keys_file))
        assert (result.returncode, result.stdout) == (1, "")
        assert "ey" in result.stderr
    assert command(live, "issuers", "list").stdout == ""


# ---- recovery -------------------------------------------------------------------------------------------------------


def test_the_last_administrator_is_made_anew(live: Service, client: Client) -> None:
    """SEC-BOOT-4: with the first application deleted, `recover` makes another that administers everything."""
    graph = f"{live.first['graphUri']}/v1.0"
    token = client.token("https://graph.microsoft.com")
    found = client.ask("GET", f"{graph}/applications?$filter=appId eq '{live.first['clientId']}'", token=token).json()
    deleted = client.ask("DELETE", f"{graph}/applications/{found['value'][0]['id']}", token=token)
    assert deleted.status_code == 204

    result = command(live, "recover", "--json")
    made = json.loads(result.stdout)
    remember(made["clientSecret"])
    live.first = {**live.first, **{name: made[name] for name in ("clientId", "clientSecret", "objectId")}}

    assert result.returncode == 0
    assert made["clientId"] != found["value"][0]["appId"]
    assert made["tenantId"] == live.first["tenantId"]
    token = client.token("https://graph.microsoft.com")
    assert client.ask("GET", f"{graph}/applications", token=token).status_code == 200
    assert secrets_status(live, client, client.token()) == 200
    recorded = [
        entry["properties"].get("appId")
        for entry in map(json.loads, command(live, "audit", "tail", "-n", "50").stdout.splitlines())
        if entry["operationName"] == "AdministratorRecover"
    ]
    assert recorded[-1:] == [made["clientId"]]
    assert made["clientSecret"] not in live.output.read_text()


def test_recovery_is_told_to_people(live: Service) -> None:
    """Without `--json` each line has a name and its value, and the secret is marked as shown once."""
    lines = command(live, "recover", "--tenant", live.first["tenantId"]).stdout.splitlines()
    facts = {line.split()[0]: line.split()[1] for line in lines}
    remember(facts["clientSecret"])

    assert [line.split()[0] for line in lines if line.endswith("(shown this once)")] == ["clientSecret"]
    assert {"tenantId", "clientId", "objectId", "authority", "subscriptionIds", "expiresOn"} < set(facts)


def test_a_secret_that_nobody_takes_is_said_to_be_lost(live: Service) -> None:
    """If standard output takes nothing the command fails and says what to do, and the secret goes nowhere else."""
    reader, writer = os.pipe()
    os.close(reader)
    failed = subprocess.run(
        [STRONGROOM, "recover", "--data", str(live.data), "--json"],
        stdout=writer, stderr=subprocess.PIPE, text=True, env=clean_environment(), timeout=60, check=False,
    )  # fmt: skip
    os.close(writer)
    assert failed.returncode == 1
    assert "recover again" in failed.stderr
    assert "clientSecret" not in failed.stderr


# ---- identity providers ---------------------------------------------------------------------------------------------


def test_an_identity_provider_from_add_to_remove(live: Service, tmp_path: Path) -> None:
    """SEC-BOOT-7: the operator adds one, with a secret that is in no argument and no output, and says who is who."""
    secret, file = plant(), tmp_path / "secret"
    file.write_text(f"{secret}\n")
    domain = live.first["userName"].partition("@")[2]
    words = ["--client-id", "strongroom", "--client-secret-file", str(file), "--name", "Example", "--domain", domain]
    added = command(live, "identity-provider", "add", "https://idp.example", *words, "--json")
    assert added.returncode == 0, added.stderr
    made = json.loads(added.stdout)
    assert made["redirectUri"].endswith(f"/{live.first['tenantId']}/oauth2/callback")
    assert (made["domains"], made["trustedClaim"], made["enabled"]) == ([domain], None, True)
    linked = command(
        live, "identity-provider", "link", made["id"], "--user", live.first["userName"], "--subject", "-s-"
    )
    assert linked.returncode == 0, linked.stderr
    link, user, subject = command(live, "identity-provider", "links", made["id"]).stdout.split()
    assert (user, subject) == (live.first["userName"], "-s-")
    shown = command(live, "identity-provider", "disable", made["id"]).stdout
    assert shown.startswith("Example  (disabled)\n")
    assert made["redirectUri"] in shown
    assert command(live, "identity-provider", "enable", made["id"]).stdout.startswith("Example\n")
    assert json.loads(command(live, "identity-provider", "list", "--json").stdout)[0]["links"] == 1
    assert command(live, "identity-provider", "unlink", made["id"], link).returncode == 0
    assert command(live, "identity-provider", "links", made["id"], "--json").stdout == "[]\n"
    assert secret not in command(live, "identity-provider", "list").stdout + added.stdout
    assert command(live, "identity-provider", "remove", made["id"]).returncode == 0
    assert command(live, "identity-provider", "list").stdout == ""
    done = audited(live)
    for operation in ("Add", "Change", "Remove"):
        assert f"IdentityProvider{operation}" in done
    assert {"IdentityLinkAdd", "IdentityLinkRemove"} <= set(done)


def test_a_secret_by_standard_input(live: Service, tmp_path: Path) -> None:
    """`-` is standard input; a file that cannot be read, or that holds no secret, ends the command with 1."""
    words = ["identity-provider", "add", "https://other.example", "--client-id", "c", "--name", "Other"]
    for place in (tmp_path / "none", tmp_path):
        assert command(live, *words, "--client-secret-file", str(place)).returncode == 1
    piped = subprocess.run(
        [STRONGROOM, *words, "--client-secret-file", "-", "--data", str(live.data), "--json"],
        input=plant(), capture_output=True, text=True, env=clean_environment(), timeout=60, check=True,
    )  # fmt: skip
    assert command(live, "identity-provider", "remove", json.loads(piped.stdout)["id"]).returncode == 0
    odd = subprocess.run(
        [STRONGROOM, *words, "--client-secret-file", "-", "--data", str(live.data)],
        input="p\u00e4ss", capture_output=True, text=True, env=clean_environment(), timeout=60, check=False,
    )  # fmt: skip
    assert (odd.returncode, odd.stdout) == (1, "")
    assert "other characters than ASCII" in odd.stderr


# ---- who may --------------------------------------------------------------------------------------------------------

COMMANDS = [
    ("recover",),
    ("issuers", "list"),
    ("issuers", "add", "https://issuer.example"),
    ("issuers", "remove", "https://issuer.example"),
    ("release-authorities", "list"),
    ("release-authorities", "revoke-key"),
    ("acme", "list"),
    ("acme", "show", "an-account"),
    ("acme", "add", "an-account", "--directory", "https://acme.example/"),
    ("acme", "change", "an-account", "--any-domain"),
    ("acme", "check", "an-account"),
    ("acme", "remove", "an-account"),
    ("identity-provider", "list"),
    ("identity-provider", "remove", "a-provider"),
    ("identity-provider", "link", "a-provider", "--user", "u", "--subject", "s"),
    ("signing-keys", "list"),
    ("signing-keys", "roll"),
    ("signing-keys", "revoke", "a-key"),
    ("tenants", "list"),
    ("tenants", "create", "second.example"),
    ("tenants", "rename", "second.example", "Second"),
    ("tenants", "add-domain", "second.example", "third.example"),
    ("tenants", "remove-domain", "second.example", "third.example"),
    ("tenants", "remove", "second.example"),
    ("sign-in",),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_only_the_owner_of_the_socket_may(
    service: FakeService,
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """SEC-BOOT-7: whom the control socket does not let in is told to be the service's user, and gets nothing."""

    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    # The suite may run as root, whom no mode keeps out.
    monkeypatch.setattr("strongroom.cli.control._Connection.connect", refuse)
    assert main([*words, "--data", str(service.data)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "run this as the user who runs the service" in said.err
