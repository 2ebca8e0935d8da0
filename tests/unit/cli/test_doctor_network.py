"""What the checks of `strongroom doctor` make of names, ports, trust and certificates."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from strongroom.cli.doctor import certificate, names, ports, trust
from strongroom.cli.doctor.finding import State
from strongroom.config import Settings
from strongroom.crypto.x509 import make_authority
from tests.unit.cli.doctor import DATA, NOW, OK, PROBLEM, THEM, UNKNOWN, US, WARNING, unused

__all__ = ["unused"]
DAY_S = 86_400


# ---- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "address", "state"),
    [
        ({"login.x": ("127.0.0.1",), "v.vault.x": ("127.0.0.1",)}, "127.0.0.1", OK),
        ({"login.x": ("::1", "127.0.0.1")}, "127.0.0.1", OK),
        ({"login.x": ("127.0.0.2",)}, "127.0.0.1", OK),
        ({"login.x": ("192.0.2.7",)}, "192.0.2.7", OK),
        ({"login.x": ("192.0.2.7",)}, "0.0.0.0", OK),  # noqa: S104  what a setting says
        ({"login.x": ("127.0.0.1",), "v.vault.x": ()}, "127.0.0.1", WARNING),
        ({"login.x": ("192.0.2.7",)}, "127.0.0.1", WARNING),
        ({"login.x": ("127.0.0.1",)}, "192.0.2.7", WARNING),
        ({}, "127.0.0.1", UNKNOWN),
    ],
)
def test_names_are_found_where_the_service_listens(
    found: dict[str, tuple[str, ...]], address: str, state: State
) -> None:
    """A name that is not found, or leads elsewhere, is told with the one line of the hosts file."""
    told = names.judge_names(found, address, DATA)
    assert told.state is state
    if state is WARNING:
        assert told.fix is not None
        assert told.fix.endswith(f"{address} {' '.join(found)}")
        assert "strongroom hosts --write --data '/data of mine'" in told.fix


def test_the_systems_resolver_is_asked() -> None:
    """It finds this machine's loopback, and nothing for a name that cannot be."""
    found = names.resolve(["localhost", "no-such-name.invalid"])
    assert set(found["localhost"]) & {"127.0.0.1", "::1"}
    assert found["no-such-name.invalid"] == ()


def test_a_resolver_that_does_not_answer_found_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for: the others' answers are told."""
    asked = threading.Event()
    # The time is over when the others have answered.
    monkeypatch.setattr(names, "time", SimpleNamespace(monotonic=partial(next, iter([0.0, 0.0, 60.0]))))

    def ask(name: str) -> tuple[str, ...]:
        if name == "slow.x":
            asked.wait(60)
        return ("127.0.0.1",)

    assert names.resolve(["slow.x", "login.x"], 60.0, ask) == {"slow.x": (), "login.x": ("127.0.0.1",)}
    asked.set()


# ---- ports ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def listening() -> Iterator[ports.Place]:
    """Listen somewhere."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield ports.Place("main listener", "127.0.0.1", listener.getsockname()[1])


def test_what_listens_is_found_with_its_holder(listening: ports.Place) -> None:
    """Who listens is told by process and user, and a place where nobody does is nobody's."""
    assert ports.is_listening(listening)
    holder = ports.find_holder(listening)
    assert holder.user == os.geteuid()
    assert holder.process is not None
    assert holder.process.endswith(f"(process {os.getpid()})")


def test_a_holder_that_may_not_be_seen_is_told_by_its_user(tmp_path: Path) -> None:
    """The kernel's table names the user of every socket, and the process only where it is ours to see."""
    table = tmp_path / "tcp"
    row = "0: 0100007F:20FB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 4711 1"
    table.write_text(f"  sl  local_address rem_address\n{row}\n", encoding="ascii")
    place = ports.Place("main listener", "127.0.0.1", 0x20FB)
    holder = ports.find_holder(place, [table, tmp_path / "none"], tmp_path)
    assert holder == ports.Holder(THEM, None)
    assert holder.shown == "a program of user 1001"
    assert ports.find_holder(ports.Place("", "127.0.0.1", 1), [table], tmp_path).shown == "another program"
    assert ports.judge_free(place, holder, listening=True).state is PROBLEM
    assert ports.judge_listening(place, holder, US, listening=True).state is PROBLEM
    assert ports.judge_listening(place, holder, THEM, listening=True).state is OK


def test_ports_of_a_stopped_and_of_a_running_service(listening: ports.Place) -> None:
    """What a stopped service would take has to be free, and what a running one says it has has to answer."""
    free = ports.Holder()
    assert ports.judge_free(listening, free, listening=True).state is PROBLEM
    assert ports.judge_free(listening, free, listening=False).state is OK
    assert ports.judge_listening(listening, free, US, listening=True).state is OK
    assert ports.judge_listening(listening, free, US, listening=False).state is PROBLEM


def test_the_places_are_those_of_the_settings_or_of_run_json() -> None:
    """A port that is chosen as the service starts is no place to look at before."""
    stopped = ports.places(Settings(DATA, metadata_address="169.254.169.254"), {})
    assert [place.shown for place in stopped] == ["127.0.0.1:8443", "169.254.169.254:80"]
    run = {
        "address": "::", "port": 443, "managedIdentity": "http://127.0.0.1:4321", "metadata": None,
        "proxyProtocol": "[::1]:8444",
        "privateEndpoints": [{"privateEndpoint": "a", "address": "10.0.0.4", "port": 443}],
    }  # fmt: skip
    assert [place.shown for place in ports.places(Settings(DATA), run)] == [
        "[::]:443", "127.0.0.1:4321", "[::1]:8444", "10.0.0.4:443",
    ]  # fmt: skip


# ---- trust ----------------------------------------------------------------------------------------------------------


OURS = make_authority("localhost", now=NOW).certificate
THEIRS = make_authority("localhost", now=NOW).certificate


def verdict_of(source: trust.Source) -> trust.Verdict:
    """Ask a source whether it knows our authority."""
    authority = OURS.decode("ascii")
    return trust.ask_source(source, lambda context: trust.has_authority(context, authority))


def test_a_source_trusts_what_is_in_it(tmp_path: Path) -> None:
    """A variable that names a file with our authority trusts it; another's file, and none, do not."""
    ours, theirs = tmp_path / "ours.pem", tmp_path / "theirs.pem"
    ours.write_bytes(THEIRS + OURS)
    theirs.write_bytes(THEIRS)
    states = {}
    for file in (ours, theirs, tmp_path / "none.pem"):
        source = trust.Source("SSL_CERT_FILE", "OpenSSL", file, is_variable=True)
        found = trust.judge_source(source, verdict_of(source), DATA)
        states[file.name] = (found.state, found.fix)
    fix = "eval \"$(strongroom env --data '/data of mine')\""
    assert states == {"ours.pem": (OK, None), "theirs.pem": (WARNING, fix), "none.pem": (WARNING, fix)}


def test_a_variable_that_is_not_set_and_a_system_that_does_not_trust_are_as_they_should_be() -> None:
    """SEC-NAME-1: no command installs an authority, so a store that does not know it is no fault."""
    unset = trust.Source("SSL_CERT_FILE", "OpenSSL", is_variable=True)
    assert trust.judge_source(unset, trust.Verdict(believes=False), DATA).state is OK
    system = trust.Source("system store", "programs", DATA)
    assert trust.judge_source(system, trust.Verdict(believes=False), DATA).state is OK
    assert trust.judge_source(system, trust.Verdict(believes=True), DATA).state is OK
    assert trust.judge_source(system, trust.Verdict(believes=None, reason="refused"), DATA).state is UNKNOWN


def test_the_sources_are_the_stores_and_the_variables_of_the_shell(tmp_path: Path) -> None:
    """A variable may name a file or a directory."""
    found = {one.name: one for one in trust.sources({"SSL_CERT_FILE": "/a.pem", "REQUESTS_CA_BUNDLE": str(tmp_path)})}
    assert set(found) == {"system store", "certifi", *trust.VARIABLES}
    assert (found["SSL_CERT_FILE"].file, found["REQUESTS_CA_BUNDLE"].directory) == (Path("/a.pem"), tmp_path)
    assert (found["CURL_CA_BUNDLE"].file, found["CURL_CA_BUNDLE"].directory) == (None, None)


@pytest.mark.parametrize(("believes", "state"), [(True, OK), (False, PROBLEM), (None, PROBLEM)])
def test_the_instances_own_file_verifies_the_service(believes: bool | None, state: State) -> None:  # noqa: FBT001  a column
    """A running service that its own ca.pem does not vouch for serves something else."""
    assert trust.judge_authority(DATA / "ca.pem", trust.Verdict(believes)).state is state


def test_a_handshake_with_nobody_is_no_verdict(unused: int) -> None:
    """Nothing that listens says nothing of trust."""
    context = ssl.create_default_context()
    assert trust.try_handshake(context, ("127.0.0.1", unused), "login.localhost").believes is None


# ---- certificate ----------------------------------------------------------------------------------------------------


NAMES = ("*.vault.x", "login.x")
LIFE = certificate.Life(NOW - 10 * DAY_S, NOW + 20 * DAY_S)


@pytest.mark.parametrize(
    ("at", "serving", "names_in_it", "state"),
    [
        (NOW, True, NAMES, OK),
        (NOW, True, ("login.x",), PROBLEM),
        (LIFE.begins - 1, True, NAMES, PROBLEM),
        (LIFE.ends - DAY_S, True, NAMES, WARNING),
        (LIFE.ends - DAY_S, False, NAMES, OK),
        (LIFE.ends, True, NAMES, PROBLEM),
        (LIFE.ends, False, NAMES, WARNING),
    ],
)
def test_a_certificate_lives_and_is_for_our_names(
    *,
    at: int,
    serving: bool,
    names_in_it: tuple[str, ...],
    state: State,
) -> None:
    """One that should have been renewed is told before clients refuse it; a stopped service has time."""
    assert certificate.judge_certificate(LIFE, names_in_it, NAMES, at, runs=serving).state is state


@pytest.mark.parametrize(
    ("left", "state"),
    [(certificate.AUTHORITY_WARNING_S, OK), (certificate.AUTHORITY_WARNING_S - 1, WARNING), (0, PROBLEM)],
)
def test_an_authority_that_ends_is_told_early(left: int, state: State) -> None:
    """Every client has to be given the next one."""
    assert certificate.judge_authority_life(certificate.Life(0, NOW + left), NOW).state is state
