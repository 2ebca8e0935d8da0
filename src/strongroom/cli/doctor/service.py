"""The service: whether it runs, and whether it answers."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from strongroom.cli.doctor.finding import Finding, ok, problem, unknown, warning

ASK_S = 5.0


class Life(Enum):
    """Whether the service runs."""

    STOPPED = "stopped"
    STALE = "stale"
    """It left run.json behind: it was killed."""
    RUNS = "runs"


def read_run_file(path: Path) -> dict[str, Any] | None:
    """Read run.json; None if there is none that can be read."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) else None


def life_of(facts: Mapping[str, Any] | None) -> Life:
    """Tell whether the process that run.json names lives."""
    if facts is None:
        return Life.STOPPED
    process = facts.get("pid")
    if not isinstance(process, int) or process <= 0:
        return Life.STALE
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return Life.STALE
    except PermissionError:
        # It lives, and is another user's.
        return Life.RUNS
    return Life.RUNS


def is_served(control_socket: Path) -> bool:
    """Tell whether anybody listens at the control socket: the number of an ended process may be another's by now."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ASK_S)
        try:
            connection.connect(str(control_socket))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            # It is there, and not for us, or busy.
            return True
    return True


def judge_life(life: Life, status: Mapping[str, Any] | None, version: str, data: Path) -> Finding:
    """Judge whether the service runs, answers on its control socket, and takes down what happens."""
    check, named = "service", shlex.quote(str(data))
    if life is Life.STOPPED:
        return unknown(check, "it is not running", f"strongroom serve --data {named}")
    if life is Life.STALE:
        return warning(
            check, "it was ended before it could tidy up: run.json is left", f"strongroom serve --data {named}"
        )
    if status is None:
        return problem(check, "it runs, and does not answer on its control socket", "restart the service")
    if status.get("recording") is not True:
        return problem(
            check, "it cannot write its journal, so it answers everything with 503", "see what it printed, and the disk"
        )
    if status.get("version") != version:
        return warning(
            check, f"it is version {status.get('version')}, and this command is {version}", "restart the service"
        )
    return ok(check, f"runs as process {status.get('pid')}, version {version}")


@dataclass(frozen=True, slots=True)
class Health:
    """What the main listener answered."""

    status: int | None
    date: str | None
    before: float
    after: float
    fault: str = ""


def ask_health(context: ssl.SSLContext, address: tuple[str, int], host: str, port: int, path: str) -> Health:
    """Ask the main listener a public question under one of the instance's own names, verifying it."""
    before = time.time()
    connection = http.client.HTTPConnection(host, port, timeout=ASK_S)
    try:
        plain = socket.create_connection(address, timeout=ASK_S)
        try:
            connection.sock = context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException) as error:
        return Health(None, None, before, time.time(), str(error))
    finally:
        connection.close()
    return Health(answer.status, answer.getheader("Date"), before, time.time())


def judge_health(health: Health) -> Finding:
    """Judge what the main listener answered."""
    check = "health"
    if health.status is None:
        return problem(check, f"the main listener does not answer: {health.fault}", "restart the service")
    if health.status != 200:
        return problem(check, f"the main listener answers with {health.status}", "see what the service printed")
    return ok(check, f"answers within {max(health.after - health.before, 0.0) * 1000:.0f} ms")


def judge_jobs(status: Mapping[str, Any]) -> Finding:
    """Judge whether what the service does by itself succeeds."""
    failing = status.get("failingJobs")
    if not isinstance(failing, list):
        return unknown("jobs", "it does not say how its jobs are doing", "restart the service")
    if failing:
        names = ", ".join(sorted(map(str, failing)))
        return warning("jobs", f"the last turn of these failed: {names}", "strongroom jobs list")
    return ok("jobs", "what the service does by itself succeeds")


def judge_settings(faults: list[str]) -> Finding:
    """Judge config.toml and the variables."""
    if faults:
        return problem("settings", " ".join(faults), "mend config.toml, or the variable that is named")
    return ok("settings", "config.toml and the variables say what can be")
