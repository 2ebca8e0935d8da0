"""The examination: what is looked at, in the order that it is told, with what could not be looked at said as well."""

from __future__ import annotations

import asyncio
import os
import shlex
import ssl
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from strongroom import __version__, journal
from strongroom.app.root_keys import token_of_root_key
from strongroom.app.survey import Survey, survey_journal, survey_store
from strongroom.cli.control import read_status
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
from strongroom.cli.doctor.finding import Finding, problem, unknown
from strongroom.cli.doctor.service import Life
from strongroom.cli.instance import Instance
from strongroom.cli.outcome import Halt
from strongroom.config import ConfigFault, Settings, load
from strongroom.core.errors import Tampered
from strongroom.core.names import Hosts, Surface, own_names
from strongroom.core.network import reachable_at
from strongroom.crypto.certificate_facts import CertificateFacts, read_certificate
from strongroom.crypto.protocol import RootKeyUnusable
from strongroom.store.protocol import StoreFault, StoreTooNew

_SURFACES = (Surface.LOGIN, Surface.MANAGEMENT, Surface.GRAPH)


@dataclass(frozen=True, slots=True)
class Seen:
    """What every check may need, looked at once."""

    settings: Settings
    faults: list[str]
    user: int
    run: Mapping[str, Any]
    """What run.json says, if the service runs."""
    life: Life
    status: Mapping[str, Any] | None
    """What the control socket says."""
    is_ours: bool
    """Whether the directory is there and ours to read."""
    is_foreign: bool
    """Whether it is there, or may be, and is not ours to read."""

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.settings.data

    @property
    def runs(self) -> bool:
        """Whether the service runs."""
        return self.life is Life.RUNS

    @property
    def address(self) -> str:
        """The address of the main listener."""
        return str(self.run.get("address") or self.settings.address)

    @property
    def port(self) -> int:
        """The port of the main listener."""
        return int(self.run.get("port") or self.settings.port)

    @property
    def url_port(self) -> int:
        """The port in the instance's URLs."""
        return int(self.run.get("urlPort") or self.settings.public_port or self.port)

    @property
    def domain(self) -> str:
        """The instance's domain."""
        return str(self.run.get("domain") or self.settings.domain)


def look(data: Path) -> Seen:
    """Look at what there is."""
    try:
        settings, faults = load(data), []
    except ConfigFault as fault:
        settings, faults = Settings(data), fault.faults
    user = os.geteuid()
    run = service.read_run_file(settings.run_file)
    life = service.life_of(run)
    if life is Life.RUNS and not service.is_served(_control_socket(settings, run or {})):
        life = Life.STALE
    facts = (run or {}) if life is Life.RUNS else {}
    is_ours, is_foreign = _whose(data, user)
    return Seen(
        settings=settings,
        faults=faults,
        user=user,
        run=facts,
        life=life,
        status=_status(settings, facts) if facts else None,
        is_ours=is_ours,
        is_foreign=is_foreign,
    )


def _whose(data: Path, user: int) -> tuple[bool, bool]:
    """Tell whether a directory is ours, and whether it is somebody else's."""
    try:
        if not data.is_dir():
            return False, False
        is_ours = data.stat().st_uid == user and os.access(data, os.R_OK | os.X_OK)
    except PermissionError:
        return False, True
    return is_ours, not is_ours


def _status(settings: Settings, run: Mapping[str, Any]) -> Mapping[str, Any] | None:
    instance = Instance(
        settings.data, str(run.get("domain")), int(run.get("port") or 0), _control_socket(settings, run)
    )
    try:
        return read_status(instance)
    except Halt:
        return None


def _control_socket(settings: Settings, run: Mapping[str, Any]) -> Path:
    return Path(str(run.get("controlSocket") or settings.control_socket))


def examine(data: Path) -> Iterator[Finding]:
    """Look at everything, and give each finding as it is known."""
    wall, steady = time.time(), time.monotonic()
    seen = look(data)
    if seen.is_foreign:
        # What we may not read would be told as what is not there.
        yield unknown("service", f"what is in {data} is not ours to read", "run this as the user who runs the service")
        yield from _files(seen)
    else:
        yield from _instance(seen)
    yield clock.judge_synchronised(synchronised=clock.is_synchronised())
    yield clock.judge_jump(time.time() - wall, time.monotonic() - steady)
    yield surroundings.judge_python(sys.version_info[:3])
    yield surroundings.judge_openssl(ssl.OPENSSL_VERSION_INFO[:3], ssl.OPENSSL_VERSION)


def _instance(seen: Seen) -> Iterator[Finding]:
    """Look at an instance that is ours, or at the place for one."""
    yield service.judge_life(seen.life, seen.status, __version__, seen.data)
    if seen.status is not None:
        yield service.judge_jobs(seen.status)
    yield service.judge_settings(seen.faults)
    yield from _files(seen)
    yield from _disk(seen)
    survey = yield from _contents(seen)
    yield from _names(seen, survey)
    yield from _ports(seen)
    yield from _certificates(seen)
    health = yield from _trust(seen)
    yield from _clock(seen, survey, health)
    process = seen.run.get("pid")
    yield surroundings.judge_process(
        surroundings.look_at_process(process) if isinstance(process, int) else None, runs=seen.runs
    )


# ---- what lies in the data directory ---------------------------------------------------------------------------------


def _files(seen: Seen) -> Iterator[Finding]:
    settings, user = seen.settings, seen.user
    try:
        yield files.judge_directory(seen.data, files.look_at(seen.data), user)
        if not seen.is_ours:
            return
        key = files.look_at(settings.root_key)
        yield files.judge_root_key(
            settings.root_key,
            key,
            user,
            store_exists=settings.database.exists(),
            token=_token_of(settings.root_key),
        )
        if settings.pkcs11_module:
            yield tokens.judge_token(settings.pkcs11_module, seen.status, seen.data)
        # The root key has been judged, and a CA's certificate is public.
        rest = [
            facts
            for facts in files.look_into(seen.data)
            if facts.path not in {settings.root_key, settings.ca_file} and not facts.is_link
        ]
        yield files.judge_contents(rest, user)
        yield files.judge_first_secrets(settings.first_secrets, files.look_at(settings.first_secrets))
    except PermissionError as error:
        yield unknown("files", f"{error.filename} is not ours to look at", "run this as the user who runs the service")


def _token_of(root_key: Path) -> str | None:
    """Name the token that has wrapped the root key; None where none has, or the file does not say."""
    try:
        return token_of_root_key(root_key)
    except (RootKeyUnusable, OSError):
        return None


def _disk(seen: Seen) -> Iterator[Finding]:
    if not seen.is_ours:
        return
    places = {"disk: data": seen.data, "disk: journal": seen.settings.journal}
    for check, place in places.items():
        if place.is_dir():
            yield disk.judge_disk(check, place, disk.look_at_disk(place))
    yield disk.judge_sync(seen.data, disk.try_sync(seen.data))


def _contents(seen: Seen) -> Generator[Finding, None, Survey | None]:
    """Look into the store and the journal; gives the survey of the store, if there is one."""
    settings = seen.settings
    if not (seen.is_ours and settings.root_key.exists() and settings.database.exists()):
        yield unknown("store", "there is no instance here", f"strongroom init --data {shlex.quote(str(seen.data))}")
        return None
    now = int(time.time())
    survey: Survey | None = None
    try:
        survey = asyncio.run(survey_store(settings, now))
    except (RootKeyUnusable, StoreFault, StoreTooNew, Tampered, OSError) as fault:
        yield contents.store_fault(fault, seen.data)
    if survey is not None:
        yield contents.judge_store(survey, seen.domain, seen.data)
        yield contents.judge_administrators(survey.tenants, seen.data)
        yield contents.judge_first_secret(survey.first_client, survey.secret_ends, now)
    try:
        report = survey_journal(settings, survey.checkpoint if survey is not None else None)
        begun = survey is None or survey.checkpoint is not None
        yield contents.judge_journal(report, seen.data, begun=begun)
    except (RootKeyUnusable, OSError) as fault:
        yield problem("journal", str(fault), f"strongroom audit verify --data {shlex.quote(str(seen.data))}")
    return survey


# ---- how it is reached -----------------------------------------------------------------------------------------------


def _names(seen: Seen, survey: Survey | None) -> Iterator[Finding]:
    vaults = survey.vaults if survey is not None else ()
    hosts = Hosts(seen.domain, int(names.HTTPS_PORT))
    wanted = [hosts.netloc(surface) for surface in _SURFACES] + [hosts.netloc(Surface.VAULT, one) for one in vaults]
    if survey is None and seen.status is None:
        wanted = []
    yield names.judge_names(names.resolve(wanted[: names.NAMES_MAX]), seen.address, seen.data)


def _ports(seen: Seen) -> Iterator[Finding]:
    for place in ports.places(seen.settings, seen.run):
        listening = ports.is_listening(place)
        holder = ports.find_holder(place) if listening else ports.Holder()
        if seen.runs:
            yield ports.judge_listening(place, holder, seen.user, listening=listening)
        else:
            yield ports.judge_free(place, holder, listening=listening)


def _certificates(seen: Seen) -> Iterator[Finding]:
    server, authority = _certificate(seen.settings.certificate_files[0]), _certificate(seen.settings.ca_file)
    now = time.time()
    if server is None:
        yield unknown("certificate", "there is none: the service issues one as it starts")
    else:
        life = certificate.Life(server.not_before, server.not_after)
        yield certificate.judge_certificate(life, server.names, own_names(seen.domain), now, runs=seen.runs)
    if authority is None:
        yield unknown("authority", "there is no ca.pem: the service writes it as it starts")
    else:
        yield certificate.judge_authority_life(certificate.Life(authority.not_before, authority.not_after), now)


def _certificate(path: Path) -> CertificateFacts | None:
    try:
        return read_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _trust(seen: Seen) -> Generator[Finding, None, service.Health | None]:
    """Try who believes the instance; gives what the main listener answered, if it runs."""
    ca_file = seen.settings.ca_file
    if _certificate(ca_file) is None:
        yield unknown("trust", "there is no ca.pem whose trust could be looked at")
        return None
    hosts = Hosts(seen.domain, seen.url_port)
    host = hosts.netloc(Surface.LOGIN).partition(":")[0]
    address = (reachable_at(seen.address), seen.port)
    if seen.runs:
        ask = partial(trust.try_handshake, address=address, name=host)
        yield trust.judge_authority(ca_file, trust.ask_source(trust.Source("ca.pem", "", ca_file), ask))
    else:
        ask = partial(trust.has_authority, authority=ca_file.read_text(encoding="ascii"))
    for source in trust.sources(os.environ):
        yield trust.judge_source(source, trust.ask_source(source, ask), seen.data)
    if not seen.runs:
        return None
    # It is there whatever vaults there are.
    path = f"/{seen.run.get('tenantId')}/v2.0/.well-known/openid-configuration"
    context = ssl.create_default_context(cafile=str(ca_file))
    health = service.ask_health(context, address, host, seen.url_port, path)
    yield service.judge_health(health)
    return health


# ---- the clock -------------------------------------------------------------------------------------------------------


def _clock(seen: Seen, survey: Survey | None, health: service.Health | None) -> Iterator[Finding]:
    if health is not None and health.status is not None:
        yield clock.judge_date(health.date, health.before, health.after)
    times = [float(survey.created)] if survey is not None else []
    if seen.is_ours and seen.settings.journal.is_dir():
        for recorded in journal.tail(seen.settings.journal, n=1):
            made = clock.entry_time(recorded.event)
            times += [made] if made is not None else []
    yield clock.judge_newest(max(times, default=None), time.time())
