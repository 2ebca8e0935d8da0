"""How commands end: each exit code, with a sentence that says what to do about it."""

from __future__ import annotations

import inspect
import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from strongroom.cli.commands import application
from strongroom.cli.outcome import Exit
from tests.cli.operators import Operator
from tests.live import Service
from tests.plugins.canary import remember

ROOT = Path(__file__).resolve().parents[2]
GRAPH = "https://graph.microsoft.com"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service of its own."""
    with Service(tmp_path_factory.mktemp("exits") / "data") as service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        yield service


@pytest.fixture
def operator(live: Service, tmp_path: Path) -> Operator:
    """Be the first application."""
    return Operator.of_environment(live, tmp_path / "config")


@pytest.fixture
def nobody(live: Service, tmp_path: Path) -> Operator:
    """Be nobody."""
    return Operator(live, tmp_path / "nobody", {"STRONGROOM_DATA": str(live.data)})


@pytest.fixture(scope="module")
def powerless(live: Service, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """Be an application that may nothing."""
    client = live.client()
    token = client.token(GRAPH)
    graph = f"{live.first['graphUri']}/v1.0"
    made = client.ask("POST", f"{graph}/applications", token=token, json={"displayName": "powerless"}).json()
    client.ask("POST", f"{graph}/servicePrincipals", token=token, json={"appId": made["appId"]})
    secret = client.ask("POST", f"{graph}/applications/{made['id']}/addPassword", token=token, json={}).json()
    client.close()
    remember(secret["secretText"])
    operator = Operator.of_environment(live, tmp_path_factory.mktemp("powerless"))
    operator.environment |= {
        "STRONGROOM_CLIENT_ID": made["appId"],
        "STRONGROOM_CLIENT_SECRET": secret["secretText"],
        "STRONGROOM_SUBSCRIPTION_ID": live.first["subscriptionId"],
    }
    return operator


def end_the_key_that_signs(live: Service) -> None:
    """End the key that signs, and every token that it signed."""
    keys = json.loads(live.command("signing-keys", "list", "--data", str(live.data), "--json").stdout)
    for key in keys:
        if key["state"] == "signs":
            live.command("signing-keys", "revoke", key["kid"], "--data", str(live.data))


def test_done(operator: Operator) -> None:
    """Zero, and nothing on standard error."""
    done = operator.run("vault", "list")
    assert (done.returncode, done.stderr) == (Exit.OK, "")


def test_failed(operator: Operator) -> None:
    """One: what was asked cannot be done, in one sentence and without a traceback."""
    told = operator.fails(Exit.FAILED, "vault", "show", "none")
    assert told.startswith("strongroom: there is no vault called none")
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("vault", "lits"), 'Did you mean "list"?'),
        (("vault", "list", "--no"), "Did you mean --json?"),
        (("secret", "show", "one"), "--name"),
        (("vault", "create", "some", "--sku", "gold"), "premium"),
    ],
)
def test_usage(operator: Operator, words: tuple[str, ...], says: str) -> None:
    """Two: the command line is wrong, and what would be right is said."""
    assert says in operator.fails(Exit.USAGE, *words)


def test_a_group_alone(operator: Operator) -> None:
    """It shows its help."""
    assert "list-deleted" in operator.done("vault")


def test_not_running(live: Service, operator: Operator, tmp_path: Path) -> None:
    """Three: no instance is there, or it does not run; the sentence says how to start it."""
    operator.environment["STRONGROOM_DATA"] = str(tmp_path / "none")
    for words in (("vault", "list"), ("secret", "list", "v"), ("network-rule", "list", "v"), ("whoami",), ("login",)):
        assert "strongroom serve --data" in operator.fails(Exit.NOT_RUNNING, *words)
    elsewhere = Operator.of_environment(live, tmp_path / "config")
    del elsewhere.environment["STRONGROOM_DATA"]
    elsewhere.environment |= {
        "STRONGROOM_URL": "https://management.localhost:9", "STRONGROOM_CA_FILE": live.first["caFile"],
    }  # fmt: skip
    assert "is the service running?" in elsewhere.fails(Exit.NOT_RUNNING, "whoami")


def test_nobody_is_signed_in(nobody: Operator) -> None:
    """Four: the sentence says how to sign in."""
    for words in (("vault", "list"), ("secret", "list", "v"), ("whoami",), ("account", "subscriptions")):
        told = nobody.fails(Exit.REFUSED, *words)
        assert f"strongroom login --data {nobody.service.data}" in told


def test_no_right(powerless: Operator) -> None:
    """Four: the sentence says how to ask why, and that question has an answer."""
    vault = powerless.service.first["vaultName"]
    told = powerless.fails(Exit.REFUSED, "secret", "set", vault, "a", stdin="x")
    asked = re.search(r"strongroom (explain --data \S+ --request \S+)", told)
    assert asked is not None, told
    explained = powerless.run(*asked[1].split())
    assert explained.returncode == Exit.FAILED
    assert "SecretSet" in explained.stdout + explained.stderr


def test_a_token_that_ended(live: Service, operator: Operator, tmp_path: Path) -> None:
    """A sign-in that can be renewed is; one that cannot says so with four."""
    file = tmp_path / "secret"
    file.write_text(live.first["clientSecret"])
    signed_in = Operator(live, tmp_path / "config", {"STRONGROOM_DATA": str(live.data)})
    by = ("login", "--service-principal", live.first["clientId"], "--secret-file")
    signed_in.done(*by, str(file), "--name", "renewed")
    end_the_key_that_signs(live)
    signed_in.done("vault", "list")
    signed_in.done(*by, "-", "--name", "typed", stdin=live.first["clientSecret"])
    end_the_key_that_signs(live)
    assert f"strongroom login --data {live.data} signs in" in signed_in.fails(Exit.REFUSED, "vault", "list")


def test_another_authority(live: Service, nobody: Operator, tmp_path: Path) -> None:
    """A certificate that our CA did not sign is no service of ours: nothing is sent, and the sentence says which CA."""
    with Service(tmp_path / "other") as other:
        remember(other.first["clientSecret"])
        remember(other.first["userPassword"])
        del nobody.environment["STRONGROOM_DATA"]
        told = nobody.fails(
            Exit.FAILED, "login", "--url", live.first["armUri"], "--ca-file", other.first["caFile"], "--device-code"
        )
    assert "--ca-file" in told


def test_what_is_no_service(nobody: Operator) -> None:
    """Something else that listens there is told as such."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        del nobody.environment["STRONGROOM_DATA"]
        url = f"https://management.localhost:{listener.getsockname()[1]}"
        told = nobody.run("login", "--url", url, "--ca-file", nobody.service.first["caFile"], "--device-code")
        thread.join()
    assert told.returncode in {Exit.FAILED, Exit.NOT_RUNNING}
    assert "Traceback" not in told.stderr


def commands(app: App, path: tuple[str, ...] = ()) -> Iterator[tuple[str, App]]:
    """Walk all commands that do something."""
    for name in app:
        if not name.startswith("-"):
            if app[name].default_command is not None:
                yield " ".join((*path, name)), app[name]
            yield from commands(app[name], (*path, name))


def test_every_command_has_json() -> None:
    """But those whose output is another program's, a script, or in a form for programs as it is."""
    without = {
        name for name, app in commands(application)
        if "json" not in inspect.signature(app.default_command).parameters  # type: ignore[arg-type]
    }  # fmt: skip
    other = {"audit checkpoint", "audit tail", "completion", "identity-token", "run", "serve", "version"}
    assert without == other


def test_every_command_says_what_it_does() -> None:
    """In its help, which ends with the exit codes."""
    assert [name for name, app in commands(application) if not inspect.getdoc(app.default_command)] == []
    assert all(str(int(code)) in (application.help_epilogue or "") for code in Exit if code < Exit.NOT_EXECUTABLE)


def test_the_page_has_every_code() -> None:
    """docs/operating/cli.md says what each of them means."""
    page = (ROOT / "docs" / "operating" / "cli.md").read_text()
    for code in Exit:
        assert f"| {int(code)} |" in page, code
