"""Who the operator is: `strongroom login`, `logout`, `whoami` and `account`, by the real commands at a real service."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.operators import Operator, Person, appears
from tests.live import STRONGROOM, Service
from tests.plugins.canary import remember

_CODE = re.compile(r"Open (\S+) in a browser and type in the code (\S+)")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service of its own, whose tenant allows device codes."""
    with Service(tmp_path_factory.mktemp("login") / "data") as service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        service.command("sign-in", "--device-code", "--data", str(service.data))
        yield service


@pytest.fixture
def operator(live: Service, tmp_path: Path) -> Operator:
    """Make an operator who has signed in nowhere yet."""
    return Operator(live, tmp_path / "config", {"STRONGROOM_DATA": str(live.data)})


@pytest.fixture
def person(live: Service) -> Iterator[Person]:
    """Put the first user before a browser."""
    person = Person(live, live.first["userName"], live.first["userPassword"])
    yield person
    person.close()


def secret_file(live: Service, folder: Path) -> Path:
    """Write the first application's secret into a file, with the line break that editors leave."""
    file = folder / "secret"
    file.write_text(live.first["clientSecret"] + "\n")
    return file


def test_an_application_by_a_file(live: Service, operator: Operator, tmp_path: Path) -> None:
    """It is signed in, told who it is, and read again by the next command; the secret is in no file of ours."""
    first = live.first
    told = operator.json(
        "login", "--service-principal", first["clientId"], "--secret-file", str(secret_file(live, tmp_path))
    )
    assert (told["account"], told["tenant"], told["objectId"]) == (
        first["clientId"], first["tenantId"], first["objectId"],
    )  # fmt: skip
    assert told["subscription"] == first["subscriptionId"]
    assert operator.json("whoami") == {**told, "tokenUntil": operator.json("whoami")["tokenUntil"]}
    for file in operator.config.rglob("*"):
        if file.is_file():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert first["clientSecret"] not in file.read_text()
    assert stat.S_IMODE(operator.config.stat().st_mode) == 0o700


def test_an_application_by_what_is_typed(live: Service, operator: Operator) -> None:
    """The terminal does not show it; what is left is good for every part of the service until it ends."""
    code, shown = operator.at_terminal(
        "login", "--service-principal", live.first["clientId"], types={"Client secret": live.first["clientSecret"]}
    )
    assert code == 0, shown
    assert live.first["clientSecret"] not in shown
    assert operator.json("whoami")["objectId"] == live.first["objectId"]
    for file in (operator.config / "tokens").iterdir():
        kept = json.loads(file.read_text())
        kept["AccessToken"] = {}
        file.write_text(json.dumps(kept))
    told = operator.fails(4, "whoami")
    assert f"its secret was not kept: strongroom login --data {live.data} signs in" in told


def test_an_application_by_standard_input(live: Service, operator: Operator) -> None:
    """As a pipe gives it; without a file and a terminal nobody can say it."""
    by = ("login", "--service-principal", live.first["clientId"])
    operator.done(*by, "--secret-file", "-", stdin=live.first["clientSecret"])
    assert "name a file with it" in operator.fails(1, *by)


def test_a_wrong_secret(live: Service, operator: Operator) -> None:
    """What the token service says is told on one line, nothing is remembered, and the code says refused."""
    told = operator.fails(4, "login", "--service-principal", live.first["clientId"], "--secret-file", "-", stdin="no")
    assert "AADSTS7000215" in told
    assert "Trace ID" not in told
    assert "strongroom login" not in told
    assert operator.json("account", "list") == []


def test_a_user_by_a_browser(live: Service, operator: Operator, person: Person, tmp_path: Path) -> None:
    """The browser is sent to our own page with PKCE and comes back to loopback; the sign-in is renewed by itself."""
    place = tmp_path / "place"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {place}.new && mv {place}.new {place}\n')
    browser.chmod(0o700)
    operator.environment["BROWSER"] = f"{browser} %s"
    seen: list[str] = []

    def browse() -> None:
        seen.append(appears(lambda: place.exists() and place.read_text()))
        person.signs_in(seen[0])

    reader = threading.Thread(target=browse)
    reader.start()
    # A process, since the standard library looks for browsers once in each.
    signed_in = operator.process("login", "--user", live.first["userName"], "--json")
    reader.join()
    assert signed_in.returncode == 0, signed_in.stderr
    told = json.loads(signed_in.stdout)
    assert "code_challenge_method=S256" in seen[0]
    assert (told["account"], told["kind"], told["tenant"]) == (
        live.first["userName"], "user", live.first["tenantId"],
    )  # fmt: skip
    (file,) = (operator.config / "tokens").iterdir()
    before = json.loads(file.read_text())
    remembered = next(iter(before["RefreshToken"].values()))["secret"]
    remember(remembered)
    file.write_text(json.dumps({**before, "AccessToken": {}}))
    assert operator.json("whoami")["objectId"] == told["objectId"]
    assert operator.json("account", "subscriptions")[0]["subscriptionId"] == live.first["subscriptionId"]
    # A sign-in whose refresh token is gone says what to do.
    file.write_text(json.dumps({**before, "AccessToken": {}, "RefreshToken": {}}))
    assert "strongroom login" in operator.fails(4, "whoami")


def test_a_user_by_a_device_code(live: Service, operator: Operator, person: Person) -> None:
    """The code is told on standard error, and whoever types it in elsewhere is signed in here."""
    with subprocess.Popen(
        [STRONGROOM, "login", "--device-code", "--json"],
        env=operator.variables(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        found = _CODE.match(process.stderr.readline())
        assert found is not None
        person.lets_in(found[1], found[2])
        printed, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert json.loads(printed)["account"] == live.first["userName"]


def test_where_device_codes_are_off(live: Service, operator: Operator) -> None:
    """They are off by default, and the refusal says who turns them on and how."""
    live.command("sign-in", "--no-device-code", "--data", str(live.data))
    try:
        told = operator.fails(1, "login", "--device-code", "--tenant", live.first["tenantId"])
    finally:
        live.command("sign-in", "--device-code", "--data", str(live.data))
    assert "strongroom sign-in --device-code" in told


def test_a_managed_identity(live: Service, operator: Operator) -> None:
    """As the environment offers it, which `strongroom run` makes."""
    ran = subprocess.run(
        [STRONGROOM, "run", "--", STRONGROOM, "login", "--managed-identity", "--json"],
        env=operator.variables(), check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["kind"] == "managed-identity"


def test_an_instance_elsewhere(live: Service, operator: Operator, tmp_path: Path) -> None:
    """By its management endpoint and its CA's certificate alone: no data directory is looked at."""
    del operator.environment["STRONGROOM_DATA"]
    by = ("login", "--service-principal", live.first["clientId"], "--secret-file", str(secret_file(live, tmp_path)))
    at = ("--url", live.first["armUri"], "--tenant", live.first["tenantId"])
    assert "--ca-file" in operator.fails(1, *by, *at)
    operator.done(*by, *at, "--ca-file", live.first["caFile"])
    assert operator.json("account", "subscriptions")[0]["subscriptionId"] == live.first["subscriptionId"]
    wrong = (*by, "--url", "https://vault.localhost:1", "--tenant", "x")
    assert "is not a management endpoint" in operator.fails(2, *wrong)


def test_accounts(live: Service, operator: Operator, tmp_path: Path) -> None:
    """Several are remembered; one is used, another can be, and each is forgotten with its tokens."""
    file = str(secret_file(live, tmp_path))
    by = ("login", "--service-principal", live.first["clientId"], "--secret-file", file)
    operator.done(*by, "--name", "one")
    operator.done(*by, "--name", "two")
    listed = operator.json("account", "list")
    assert [(one["account"], one["current"]) for one in listed] == [("one", False), ("two", True)]
    elsewhere = Operator(live, operator.config, {"STRONGROOM_DATA": str(tmp_path / "none")})
    elsewhere.done("account", "set", "one", "--subscription", "Strongroom")
    assert [one["account"] for one in operator.json("account", "list") if one["current"]] == ["one"]
    assert "there is no subscription" in operator.fails(1, "account", "set", "--subscription", "none")
    assert "there are one, two" in operator.fails(4, "account", "set", "three")
    assert "signed out here: one;" in operator.run("logout").stderr
    assert len(list((operator.config / "tokens").iterdir())) == 1
    operator.done("logout", "--all")
    assert operator.json("account", "list") == []
    assert "nobody is signed in" in operator.fails(4, "logout")
    assert f"strongroom login --data {live.data}" in operator.fails(4, "whoami")


def test_the_environment_needs_no_login(live: Service, operator: Operator) -> None:
    """For programs that nobody signs in for; nothing is written for them."""
    environment = Operator.of_environment(live, operator.config)
    assert environment.json("whoami")["objectId"] == live.first["objectId"]
    assert not operator.config.exists()
    del environment.environment["STRONGROOM_CLIENT_SECRET"]
    assert "STRONGROOM_CLIENT_SECRET_FILE" in environment.fails(2, "whoami")


def test_commands_at_once_share_a_sign_in(live: Service, operator: Operator, person: Person, tmp_path: Path) -> None:
    """Whoever renews holds the lock: no refresh token is used twice, which would end the sign-in."""
    test_a_user_by_a_device_code(live, operator, person)
    (file,) = (operator.config / "tokens").iterdir()
    file.write_text(json.dumps({**json.loads(file.read_text()), "AccessToken": {}}))
    several = [
        subprocess.Popen(
            [STRONGROOM, "whoami"], env=operator.variables(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    for one in several:
        with one:
            assert one.wait(60) == 0
    operator.done("whoami")


def test_a_folder_that_cannot_be_used(live: Service, operator: Operator, tmp_path: Path) -> None:
    """What keeps a sign-in from being remembered, or half a file of tokens, is a sentence with what to do."""
    by = ("login", "--service-principal", live.first["clientId"], "--secret-file", str(secret_file(live, tmp_path)))
    operator.config.write_text("a file")
    assert "STRONGROOM_CONFIG names another folder" in operator.fails(1, *by)
    operator.config.unlink()
    operator.done(*by)
    [tokens] = (operator.config / "tokens").iterdir()
    tokens.write_text('{"AccessToken": ')
    assert operator.json("whoami")["objectId"] == live.first["objectId"]


def test_what_others_could_write_is_not_read(live: Service, operator: Operator, tmp_path: Path) -> None:
    """They would choose the host that a secret is sent to, and the file that it is read from."""
    operator.done(
        "login", "--service-principal", live.first["clientId"], "--secret-file", str(secret_file(live, tmp_path))
    )
    (operator.config / "accounts.json").chmod(0o620)
    assert "can be written by others" in operator.fails(1, "whoami")
    (operator.config / "accounts.json").chmod(0o600)
    assert "not signed in to the tenant other.example" in operator.fails(4, "whoami", "--tenant", "other.example")
