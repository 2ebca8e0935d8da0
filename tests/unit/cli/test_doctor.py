"""What each check of `strongroom doctor` makes of what it saw: both outcomes, from values alone."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import ssl
import stat
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from strongroom.app.survey import Survey, TenantSurvey
from strongroom.cli.doctor import (
    certificate,
    clock,
    contents,
    disk,
    files,
    names,
    ports,
    service,
    surroundings,
    tokens,
    trust,
)
from strongroom.cli.doctor.examination import examine
from strongroom.cli.doctor.finding import Finding, State, ok, problem, unknown, warning
from strongroom.cli.doctor.report import as_object, lines_of, tell
from strongroom.config import Settings
from strongroom.crypto.x509 import make_authority
from strongroom.journal import Report
from strongroom.store.protocol import StoreFailed, StoreTimeout, StoreTooNew, StoreTooOld

DATA = Path("/data of mine")
US, THEM = 1000, 1001
DAY_S = 86_400
NOW = 1_800_000_000
OK, WARNING, PROBLEM, UNKNOWN = State.OK, State.WARNING, State.PROBLEM, State.UNKNOWN


# ---- files ----------------------------------------------------------------------------------------------------------


def facts(mode: int, *, owner: int = US, size: int = 0, path: Path = DATA) -> files.FileFacts:
    """Say what a file system would."""
    return files.FileFacts(path, mode, owner, size)


DIRECTORY, PLAIN, LINK, PIPE = stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK, stat.S_IFIFO


@pytest.mark.parametrize(
    ("seen", "state", "fix"),
    [
        (facts(DIRECTORY | 0o700), OK, None),
        (None, WARNING, "strongroom init --data '/data of mine'"),
        (facts(LINK | 0o777), WARNING, "name the directory itself: strongroom doctor --data '/data of mine'"),
        (facts(PLAIN | 0o600), PROBLEM, "name another one with --data"),
        (facts(DIRECTORY | 0o700, owner=THEM), PROBLEM, "sudo -u '#1001' strongroom doctor --data '/data of mine'"),
        (facts(DIRECTORY | 0o750), PROBLEM, "chmod 700 '/data of mine'"),
        (facts(DIRECTORY | 0o701), PROBLEM, "chmod 700 '/data of mine'"),
    ],
)
def test_the_data_directory_is_its_owners_alone(seen: files.FileFacts | None, state: State, fix: str | None) -> None:
    """A directory that others can enter, or that is another's, is a problem, and the fix is a command."""
    found = files.judge_directory(DATA, seen, US)
    assert (found.state, found.fix) == (state, fix)


@pytest.mark.parametrize(
    ("seen", "state", "word"),
    [
        (facts(PLAIN | 0o600, size=32), WARNING, "development protection"),
        (facts(PLAIN | 0o400, size=32), WARNING, "development protection"),
        (facts(PLAIN | 0o640, size=32), PROBLEM, "mode 0640"),
        (facts(PLAIN | 0o600, size=31), PROBLEM, "31 bytes"),
        (facts(PLAIN | 0o600, size=32, owner=THEM), PROBLEM, "user 1001"),
        (facts(LINK | 0o777, size=32), PROBLEM, "symbolic link"),
        (facts(PIPE | 0o600), PROBLEM, "no plain file"),
        (None, PROBLEM, "no root key"),
    ],
)
def test_a_root_key_beside_the_data_is_development_protection(
    seen: files.FileFacts | None, state: State, word: str
) -> None:
    """SEC-BOOT-9: even a root key file that is as it should be is a warning; one that others can read is a problem."""
    found = files.judge_root_key(DATA / "root.key", seen, US, store_exists=True)
    assert found.state is state
    assert word in found.seen


def test_before_the_first_start_there_is_no_root_key() -> None:
    """Where there is no store either, nothing is missing."""
    assert files.judge_root_key(DATA / "root.key", None, US, store_exists=False).state is UNKNOWN


def test_a_root_key_that_a_token_has_wrapped_is_as_it_should_be() -> None:
    """SEC-BOOT-9: its file opens nothing by itself, so it is no warning."""
    seen = facts(PLAIN | 0o600, size=180)
    found = files.judge_root_key(DATA / "root.key", seen, US, store_exists=True, token="hsm-1")
    assert found.state is OK
    assert "hsm-1" in found.seen


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (None, UNKNOWN),
        ("", UNKNOWN),
        ("The token a is reached (maker, model, firmware 1.0, serial number 1).", OK),
        ("The token a is reached (maker, model, firmware 1.0, serial number 1); it has not CKM_AES_GCM.", WARNING),
        ("The token refused the PIN (CKR_PIN_INCORRECT). It is not tried again", PROBLEM),
    ],
)
def test_a_token_is_as_the_service_says(said: str | None, state: State) -> None:
    """It is not opened by the doctor: a wrong PIN would count."""
    status = None if said is None else {"token": said}
    assert tokens.judge_token("/lib.so", status, DATA).state is state


def test_what_lies_in_the_directory_is_its_owners_alone(tmp_path: Path) -> None:
    """Files that others can read, and another's, are named, with the command that mends it."""
    private, open_one = tmp_path / "private", tmp_path / "audit" / "open to others"
    open_one.parent.mkdir(mode=0o700)
    for path in (private, open_one):
        path.touch(mode=0o600)
    assert files.judge_contents(files.look_into(tmp_path), os.geteuid()).state is OK
    open_one.chmod(0o604)
    found = files.judge_contents(files.look_into(tmp_path), os.geteuid())
    assert (found.state, found.fix) == (PROBLEM, f"chmod go= '{open_one}'")
    other = files.judge_contents(files.look_into(tmp_path), THEM)
    assert other.state is PROBLEM
    assert other.fix is not None
    assert other.fix.startswith("sudo chown 1001 ")


def test_first_secrets_that_still_lie_there_are_told(tmp_path: Path) -> None:
    """The file with the first secrets is to be read and deleted."""
    file = tmp_path / "first-secrets.json"
    assert files.judge_first_secrets(file, files.look_at(file)).state is OK
    file.touch()
    assert files.judge_first_secrets(file, files.look_at(file)).state is WARNING


# ---- disk -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("free", "free_files", "read_only", "state"),
    [
        (disk.SPACE_WANTED_BYTES, disk.FILES_NEEDED, False, OK),
        (disk.SPACE_WANTED_BYTES, None, False, OK),
        (disk.SPACE_WANTED_BYTES - 1, 1000, False, WARNING),
        (disk.SPACE_NEEDED_BYTES, 1000, False, WARNING),
        (disk.SPACE_NEEDED_BYTES - 1, 1000, False, PROBLEM),
        (disk.SPACE_WANTED_BYTES, disk.FILES_NEEDED - 1, False, PROBLEM),
        (disk.SPACE_WANTED_BYTES, 1000, True, PROBLEM),
    ],
)
def test_a_disk_that_is_full_or_read_only_is_a_problem(
    *,
    free: int,
    free_files: int | None,
    read_only: bool,
    state: State,
) -> None:
    """Space, files that can be made, and whether anything can be written."""
    found = disk.judge_disk("disk: data", DATA, disk.DiskFacts(free, free_files, read_only))
    assert found.state is state


def test_the_disk_is_looked_at_and_written_to(tmp_path: Path) -> None:
    """What is tried leaves nothing behind."""
    assert disk.look_at_disk(tmp_path).free > 0
    assert disk.judge_sync(tmp_path, disk.try_sync(tmp_path)).state is OK
    assert list(tmp_path.iterdir()) == []
    assert disk.judge_sync(tmp_path, disk.try_sync(tmp_path / "none")).state is PROBLEM


@pytest.mark.parametrize(
    ("error", "state"), [(OSError(errno.EIO, "I/O error"), PROBLEM), (PermissionError(errno.EACCES, "no"), UNKNOWN)]
)
def test_a_write_that_fails_is_a_problem_unless_it_is_not_ours_to_make(error: OSError, state: State) -> None:
    """A medium that does not take what is written is one thing, another user's directory another."""
    assert disk.judge_sync(DATA, error).state is state


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


@pytest.fixture
def unused() -> int:
    """Find a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


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


# ---- clock ----------------------------------------------------------------------------------------------------------

DATE = "Fri, 15 Jan 2027 08:00:00 GMT"


@pytest.mark.parametrize(
    ("header", "ours", "state"),
    [(DATE, NOW, OK), (DATE, NOW + 60, PROBLEM), (DATE, NOW - 60, PROBLEM), (None, NOW, UNKNOWN), ("no", NOW, UNKNOWN)],
)
def test_the_services_clock_is_ours(header: str | None, ours: float, state: State) -> None:
    """A Date that is far from the time at which it was asked for is a problem."""
    assert clock.judge_date(header, ours, ours + 0.1).state is state


@pytest.mark.parametrize(("newest", "state"), [(NOW, OK), (NOW + 4.0, OK), (NOW + 60.0, PROBLEM), (None, UNKNOWN)])
def test_what_was_recorded_lies_in_the_past(newest: float | None, state: State) -> None:
    """A record from the future says that the clock went back."""
    assert clock.judge_newest(newest, NOW).state is state


@pytest.mark.parametrize(("wall", "state"), [(2.0, OK), (2.9, OK), (62.0, WARNING), (-58.0, WARNING)])
def test_a_clock_that_jumps_is_told(wall: float, state: State) -> None:
    """Two seconds went by: whatever else the clock says is a jump."""
    assert clock.judge_jump(wall, 2.0).state is state


@pytest.mark.parametrize(
    ("error_us", "answer", "state"), [(500_000, 0, OK), (16_000_000, 5, WARNING), (0, -1, UNKNOWN)]
)
def test_the_kernel_says_whether_the_clock_is_kept_right(error_us: int, answer: int, state: State) -> None:
    """Its own estimate of the error decides; a sandbox may forbid the question."""

    def adjust(timex: ctypes.Array[ctypes.c_long]) -> int:
        assert not any(timex), "nothing is changed"
        timex[3] = error_us
        return answer

    assert clock.judge_synchronised(synchronised=clock.is_synchronised(adjust)).state is state


@pytest.mark.parametrize(
    ("event", "made"),
    [
        (b'{"time":"2027-01-15T08:00:00Z"}', NOW),
        (b'{"time":"soon"}', None),
        (b"{}", None),
        (b"[]", None),
        (b"no", None),
    ],
)
def test_an_entry_says_when_it_was_made(event: bytes, made: float | None) -> None:
    """One that does not says nothing of the clock."""
    assert clock.entry_time(event) == made


# ---- what it runs on ------------------------------------------------------------------------------------------------


def test_versions_that_are_too_old_are_told() -> None:
    """Python decides whether it runs, OpenSSL whether it is looked after."""
    assert [surroundings.judge_python(one).state for one in ((3, 11, 0), (3, 10, 9))] == [OK, PROBLEM]
    assert [surroundings.judge_openssl(one, "OpenSSL").state for one in ((3, 0, 0), (1, 1, 1))] == [OK, WARNING]


@pytest.mark.parametrize(
    ("core", "umask", "state"), [("0", "0077", OK), ("unlimited", "0077", PROBLEM), ("0", "0022", PROBLEM)]
)
def test_the_service_keeps_its_memory_and_files_to_itself(tmp_path: Path, core: str, umask: str, state: State) -> None:
    """SEC-BOOT-12: what the kernel says of the running process is looked at."""
    process = tmp_path / "7"
    process.mkdir()
    process.joinpath("limits").write_text(
        f"Limit   Soft Limit  Hard Limit  Units\nMax core file size   0   {core}   bytes\n"
    )
    process.joinpath("status").write_text(f"Name:\tstrongroom\nUmask:\t{umask}\nState:\tS\n")
    assert surroundings.judge_process(surroundings.look_at_process(7, tmp_path), runs=True).state is state
    assert surroundings.judge_process(surroundings.look_at_process(8, tmp_path), runs=True).state is UNKNOWN
    assert surroundings.judge_process(None, runs=False).state is UNKNOWN


# ---- contents -------------------------------------------------------------------------------------------------------


def survey(*, domain: str = "localhost", rollback: str | None = None) -> Survey:
    """Say what a store would."""
    return Survey(domain, NOW, (), (), None, (), rollback, None)


def test_a_store_is_judged_by_what_it_says() -> None:
    """An older store that was put back, and another domain's settings, are problems with a fix."""
    assert contents.judge_store(survey(), "localhost", DATA).state is OK
    older = contents.judge_store(survey(rollback="an older one was put back"), "localhost", DATA)
    assert (older.state, "serve --restored" in (older.fix or "")) == (PROBLEM, True)
    assert contents.judge_store(survey(domain="a.example"), "localhost", DATA).state is PROBLEM
    assert contents.store_fault(StoreFailed("no database"), DATA).state is PROBLEM
    assert contents.store_fault(StoreTimeout("another process holds the database"), DATA).state is UNKNOWN


def test_a_store_of_another_version_wants_no_backup() -> None:
    """Nothing is wrong with its data: an older one is brought up to date by the service, a newer one not here."""
    older = contents.store_fault(StoreTooOld("an older Strongroom wrote the data file"), DATA)
    assert (older.state, "strongroom serve" in (older.fix or "")) == (UNKNOWN, True)
    newer = contents.store_fault(StoreTooNew("a newer Strongroom wrote the data file"), DATA)
    assert (newer.state, "newer" in (newer.fix or "")) == (PROBLEM, True)
    assert all("backup" not in (one.fix or "") for one in (older, newer))


def test_a_journal_is_judged_by_its_report() -> None:
    """One that has not begun is no fault, and one that is gone is."""
    fresh = Report(0, ("there is no journal in audit",), ())
    assert contents.judge_journal(fresh, DATA, begun=False).state is UNKNOWN
    assert contents.judge_journal(fresh, DATA, begun=True).state is PROBLEM
    assert contents.judge_journal(Report(3, (), ("a",)), DATA, begun=True).state is OK
    assert contents.judge_journal(Report(3, ("entry 2 was altered",), ("a",)), DATA, begun=False).state is PROBLEM


def test_a_tenant_without_administrator_is_a_problem() -> None:
    """The fix names the tenant."""
    able, lost = TenantSurvey("1", "a.example", 1), TenantSurvey("2", "b.example", 0)
    assert contents.judge_administrators([able], DATA).state is OK
    found = contents.judge_administrators([able, lost], DATA)
    assert (found.state, found.fix) == (PROBLEM, "strongroom recover --tenant b.example --data '/data of mine'")


@pytest.mark.parametrize(
    ("client", "ends", "state"),
    [
        ("a", (NOW + contents.SECRET_WARNING_S,), OK),
        ("a", (NOW + contents.SECRET_WARNING_S - 1,), WARNING),
        ("a", (NOW + 1, NOW + contents.SECRET_WARNING_S), OK),
        ("a", (NOW,), WARNING),
        ("a", (NOW, None), OK),
        ("a", (), OK),
        (None, (), OK),
    ],
)
def test_the_first_secrets_end_is_told_before_it_comes(
    client: str | None, ends: tuple[int | None, ...], state: State
) -> None:
    """A later secret of the same application is as good; the fix is the command that adds one."""
    found = contents.judge_first_secret(client, ends, NOW)
    assert found.state is state
    assert (found.fix == "strongroom app credential add a") is (state is WARNING)


# ---- the service ----------------------------------------------------------------------------------------------------


def test_the_life_of_the_service_is_that_of_its_process(tmp_path: Path) -> None:
    """Without run.json it is stopped; with one that names no process, it was killed."""
    run = tmp_path / "run.json"
    assert service.life_of(service.read_run_file(run)) is service.Life.STOPPED
    run.write_text("{", encoding="utf-8")
    assert service.life_of(service.read_run_file(run)) is service.Life.STOPPED
    run.write_text(json.dumps({"pid": os.getpid()}), encoding="utf-8")
    assert service.life_of(service.read_run_file(run)) is service.Life.RUNS
    for none in (None, 0, -1, "1", 2**22 + 1):
        assert service.life_of({"pid": none}) is service.Life.STALE


def test_a_control_socket_that_nobody_listens_at_is_that_of_an_ended_service(tmp_path: Path) -> None:
    """The number of its process may be another's by now."""
    place = Path(os.path.relpath(tmp_path / "control.sock"))
    assert not service.is_served(place)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        assert not service.is_served(place)
        listener.listen()
        assert service.is_served(place)


@pytest.mark.parametrize(
    ("life", "status", "state"),
    [
        (service.Life.RUNS, {"recording": True, "version": "1", "pid": 7}, OK),
        (service.Life.RUNS, {"recording": True, "version": "2", "pid": 7}, WARNING),
        (service.Life.RUNS, {"recording": False, "version": "1", "pid": 7}, PROBLEM),
        (service.Life.RUNS, {}, PROBLEM),
        (service.Life.RUNS, None, PROBLEM),
        (service.Life.STALE, None, WARNING),
        (service.Life.STOPPED, None, UNKNOWN),
    ],
)
def test_a_service_answers_and_records(life: service.Life, status: dict[str, object] | None, state: State) -> None:
    """One that cannot take down what happens serves nothing, and what is not said is not assumed."""
    assert service.judge_life(life, status, "1", DATA).state is state


@pytest.mark.parametrize(
    ("status", "state"),
    [({"failingJobs": []}, OK), ({"failingJobs": ["upkeep"]}, WARNING), ({}, UNKNOWN), ({"failingJobs": 1}, UNKNOWN)],
)
def test_what_the_service_does_by_itself_succeeds(status: dict[str, object], state: State) -> None:
    """A job whose last turn failed is named, with the command that says how."""
    found = service.judge_jobs(status)
    assert found.state is state
    assert ("upkeep" in found.seen) is (state is WARNING)


@pytest.mark.parametrize(("status", "state"), [(200, OK), (503, PROBLEM), (None, PROBLEM)])
def test_the_main_listener_answers(status: int | None, state: State) -> None:
    """Anything but 200 is a problem."""
    assert service.judge_health(service.Health(status, None, NOW, NOW, "refused")).state is state


def test_a_main_listener_that_is_not_there_is_told(unused: int) -> None:
    """The reason is kept."""
    health = service.ask_health(ssl.create_default_context(), ("127.0.0.1", unused), "login.localhost", unused, "/")
    assert health.status is None
    assert health.fault


def test_settings_that_cannot_be_are_a_problem() -> None:
    """Every fault is told."""
    assert service.judge_settings([]).state is OK
    assert service.judge_settings(["port must be a whole number."]).state is PROBLEM


# ---- the report -----------------------------------------------------------------------------------------------------

FINDINGS = [ok("a", "fine"), warning("b", "so so", "do this"), unknown("c", "dark")]


def test_the_exit_code_says_whether_there_is_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings and what is not known are no problem."""
    assert tell(DATA, FINDINGS, as_json=False) == 0
    assert "problems: 0, warnings: 1, not known: 1, of 3 checks" in capsys.readouterr().out
    assert tell(DATA, [*FINDINGS, problem("d", "bad", "mend it")], as_json=False) == 1
    assert "PROBLEM  d: bad\n         fix: mend it" in capsys.readouterr().out


def test_a_finding_cannot_steer_the_terminal() -> None:
    """What a file or a peer said is shown without its control characters."""
    assert lines_of(Finding("a", OK, "one\ntwo\x1b[2J")) == ["ok       a: one two\N{REPLACEMENT CHARACTER}[2J"]


def test_programs_get_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    """It has every finding, and how many there are of each state."""
    assert tell(DATA, FINDINGS, as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == as_object(DATA, FINDINGS)


def test_what_is_not_ours_to_read_is_not_told_as_what_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's instance is one, and its service may run: nobody is told to make one there."""
    monkeypatch.setattr(os, "geteuid", lambda: US + 1)
    found = {one.check: one for one in examine(tmp_path)}
    assert (found["service"].state, found["data directory"].state) == (State.UNKNOWN, State.PROBLEM)
    assert "not ours to read" in found["service"].seen
    assert not {"store", "certificate", "authority", "settings", "clock: records"} & set(found)
    assert "python" in found


def test_a_directory_below_one_that_is_closed_to_us_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether anything is there cannot be known."""

    def closed(path: Path) -> bool:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "is_dir", closed)
    monkeypatch.setattr(Path, "lstat", closed)
    found = {one.check: one for one in examine(tmp_path / "data")}
    assert found["service"].state is State.UNKNOWN
    assert "not ours to look at" in found["files"].seen
