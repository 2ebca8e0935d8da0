"""What the checks of `strongroom doctor` make of the store, the journal and the service, and how it reports."""

from __future__ import annotations

import errno
import json
import os
import socket
import ssl
from pathlib import Path

import pytest

from strongroom.app.survey import Survey, TenantSurvey
from strongroom.cli.doctor import contents, service
from strongroom.cli.doctor.examination import examine
from strongroom.cli.doctor.finding import Finding, State, ok, problem, unknown, warning
from strongroom.cli.doctor.report import as_object, lines_of, tell
from strongroom.journal import Report
from strongroom.store.protocol import StoreFailed, StoreTimeout, StoreTooNew, StoreTooOld
from tests.unit.cli.doctor import DATA, NOW, OK, PROBLEM, UNKNOWN, US, WARNING, unused

__all__ = ["unused"]


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
