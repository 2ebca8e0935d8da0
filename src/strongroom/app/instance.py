"""Opening an instance: its directory, its lock, its keys, its store, and the world made of them."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from strongroom import __version__
from strongroom.app.anchor import find_rollback, write_anchor
from strongroom.config import CONFIG_FILE, Settings
from strongroom.core.errors import Tampered
from strongroom.core.guids import Guids
from strongroom.core.installation import Installation, JournalCheckpoint
from strongroom.core.instance import Instance
from strongroom.core.kinds import KINDS
from strongroom.core.names import Hosts
from strongroom.core.records import INSTANCE
from strongroom.crypto.passwords import Passwords
from strongroom.crypto.private_files import replace_private_file, sync_directory
from strongroom.crypto.process import protect_process
from strongroom.crypto.protocol import KeyProtection
from strongroom.crypto.software import SoftwareKeyProtection
from strongroom.crypto.token_signers import TokenSigners
from strongroom.flow.authentication import TokenCache
from strongroom.flow.decisions import Decisions
from strongroom.flow.quota import AnonymousQuota
from strongroom.flow.recorder import Recorder
from strongroom.flow.throttle import Throttle
from strongroom.flow.world import World
from strongroom.journal import Entry, Journal, encode
from strongroom.store import Store
from strongroom.store.sqlite import SqliteStore
from strongroom.view import View


class NotInitialised(Exception):
    """There is no instance in the data directory."""


class InstanceFault(Exception):
    """The instance cannot be opened; the sentence says why and what to do."""


@dataclass(slots=True)
class Opened:
    """An open instance. `installation` is replaced when the server's certificate is renewed."""

    settings: Settings
    installation: Installation
    store: Store
    keys: SoftwareKeyProtection
    world: World
    checkpointed: int = 0
    """Up to which line of the journal the store keeps a checkpoint."""


def prepare_directory(data: Path) -> None:
    """
    Make the data directory, or check the one that is there: it is its owner's alone.

    Raises:
        InstanceFault: somebody else can read it, or it is not ours.
    """
    if not data.exists():
        data.mkdir(mode=0o700, parents=True)
        return
    state = data.stat()
    if not data.is_dir():
        raise InstanceFault(f"{data} is not a directory.")
    if state.st_uid != os.getuid():
        raise InstanceFault(f"{data} belongs to another user.")
    if state.st_mode & 0o077:
        raise InstanceFault(f"{data} can be read by others. Run: chmod 700 {data}")


def is_initialised(settings: Settings) -> bool:
    """
    Tell whether a first start was finished here, finishing one that ended between its last two steps.

    Raises:
        InstanceFault: the directory holds a part of an instance. Nothing is made anew over it: what is missing may come
            back from a backup, and what is left may be all there is.
    """
    key, database = settings.root_key.exists(), settings.database.exists()
    unfinished = _new(settings.database)
    if key and not database and unfinished.exists():
        unfinished.rename(settings.database)
        database = True
    if key and not database:
        raise InstanceFault(
            f"{settings.data} has a root key and no store. Restore {settings.database.name} from a backup, or use"
            " another directory."
        )
    if database and not key:
        raise InstanceFault(
            f"{settings.data} has a store and no root key. Nothing in it opens without its key: restore"
            f" {settings.root_key.name} from a backup."
        )
    return key


def _new(path: Path) -> Path:
    """Name what becomes *path* when it is finished."""
    return path.with_name(f"{path.name}.new")


def require_initialised(settings: Settings) -> None:
    """
    Refuse a directory without an instance.

    Raises:
        NotInitialised: no first start was made here.
    """
    if not is_initialised(settings):
        raise NotInitialised(f"There is no instance in {settings.data}. Make one with: strongroom init")


@asynccontextmanager
async def lock_directory(data: Path) -> AsyncIterator[None]:
    """
    Hold the data directory: one process has an instance at a time.

    Raises:
        InstanceFault: another process holds it.
    """
    descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InstanceFault(f"The service is already running on {data}.") from None
        yield
    finally:
        os.close(descriptor)


async def initialise(settings: Settings) -> dict[str, str]:
    """
    Make a new instance, and give what `init --json` prints: the only time its two secrets are seen.

    Raises:
        InstanceFault: there is one already, or the directory cannot be used.
    """
    protect_process()
    prepare_directory(settings.data)
    async with lock_directory(settings.data):
        if is_initialised(settings):
            raise InstanceFault(
                f"{settings.data} is initialised already. Its first secrets cannot be shown again; make new ones."
            )
        return await initialise_held(settings)


async def initialise_held(settings: Settings) -> dict[str, str]:
    """
    Make an instance in a directory that is held and has none.

    Key and store get their names last, so a first start that ends half-way leaves nothing that counts.

    Raises:
        InstanceFault: a journal of another instance is there.
    """
    # These take a quarter of a second to import, which only a first start needs.
    from strongroom.app.bootstrap import bootstrap  # noqa: PLC0415
    from strongroom.app.certificates import issue  # noqa: PLC0415

    if settings.journal.exists():
        raise InstanceFault(f"{settings.journal} is the journal of another instance. Use another directory.")
    key_file, database = _new(settings.root_key), _new(settings.database)
    for left in (key_file, *settings.data.glob(f"{database.name}*")):
        left.unlink(missing_ok=True)
    keys = SoftwareKeyProtection.create(key_file)
    store = await SqliteStore.open(database, keys.tag)
    try:
        now = int(time.time())
        made, _ = await bootstrap(settings, store, keys, now=now, entropy=secrets.token_bytes)
        await issue(settings, store, keys, made.installation, now)
        write_anchor(settings, keys, await store.sequence())
    finally:
        await store.close()
    _write_config(settings)
    key_file.rename(settings.root_key)
    database.rename(settings.database)
    sync_directory(settings.data)
    return made.describe(Hosts(settings.domain, settings.port), str(settings.ca_file))


def _write_config(settings: Settings) -> None:
    """Keep the names the instance was made with, so that a later start without options finds them."""
    path = settings.data / CONFIG_FILE
    if not path.exists():
        path.write_text(
            "# Settings of this instance. The domain cannot change: its certificate authority is constrained to it.\n"
            f'domain = "{settings.domain}"\nport = {settings.port}\n',
            encoding="utf-8",
        )
        path.chmod(0o600)


@asynccontextmanager
async def open_instance(settings: Settings, *, restored: bool = False) -> AsyncIterator[Opened]:
    """
    Open the instance in a held directory: keys, store, view, journal.

    *restored* accepts a store that is older than it was, and has that recorded.

    Raises:
        NotInitialised: there is none.
        InstanceFault: it cannot be opened.
    """
    require_initialised(settings)
    keys = SoftwareKeyProtection.load(settings.root_key)
    with _refusing_tampered(settings):
        store = await SqliteStore.open(settings.database, keys.tag)
    try:
        rollback = find_rollback(settings, keys, await store.sequence())
        if rollback is not None and not restored:
            raise InstanceFault(
                f"{settings.data}: {rollback}. If you have restored a backup, say so once: strongroom serve --restored"
            )
        view = View()
        store.subscribe(view.apply)
        with _refusing_tampered(settings):
            installation = await _installation_of(settings, store)
            view.load([record for kind in KINDS.values() for record in await store.records(kind)])
        known = view.get(JournalCheckpoint, INSTANCE, installation.id)
        checkpoint = known.checkpoint if known is not None else None
        journal = Journal.open(settings.journal, keys.tag, installation.id, time.time, checkpoint=checkpoint)
        try:
            if rollback is not None:
                journal.append(
                    encode(Entry(time=time.time(), operation="StoreRestored", status=200, description=rollback))
                )
            world = make_world(settings, installation, store, keys, view, journal)
            yield Opened(settings, installation, store, keys, world)
        finally:
            journal.close()
    finally:
        await store.close()


@contextmanager
def _refusing_tampered(settings: Settings) -> Iterator[None]:
    """Turn what the store finds wrong with itself into a refusal to start."""
    try:
        yield
    except Tampered as found:
        raise InstanceFault(
            f"{settings.database} is not as it was written under this root key: {found}. Nothing is served from it."
            " Restore a backup of both, and find out what happened."
        ) from found


async def _installation_of(settings: Settings, store: Store) -> Installation:
    found = await store.records(Installation)
    if not found:
        raise NotInitialised(f"There is no instance in {settings.data}. Make one with: strongroom init")
    if found[0].domain != settings.domain:
        raise InstanceFault(
            f"This instance was made for the domain {found[0].domain}, not {settings.domain}: its certificate"
            " authority cannot vouch for another. Make a new instance for another domain."
        )
    return found[0]


def make_world(
    settings: Settings,
    installation: Installation,
    store: Store,
    keys: KeyProtection,
    view: View,
    journal: Journal,
    *,
    clock: Callable[[], float] = time.time,
) -> World:
    """Put a world together."""
    flow = settings.flow
    return World(
        settings=flow,
        hosts=Hosts(installation.domain, settings.port),
        store=store,
        view=view,
        keys=keys,
        journal=journal,
        clock=clock,
        entropy=os.urandom,
        request_ids=Guids(os.urandom),
        tokens=TokenCache(flow.token_cache_entries),
        decisions=Decisions(),
        recorder=Recorder(),
        throttle=Throttle(flow.anonymous_per_source, service_limits=flow.service_limits),
        quota=AnonymousQuota(
            flow.anonymous_audit_per_source, flow.anonymous_audit_per_second, flow.anonymous_audit_bytes_per_second
        ),
        passwords=Passwords(keys),
        signers=TokenSigners(),
        instance=Instance(pid=os.getpid(), version=__version__),
    )


def write_private(path: Path, content: bytes) -> None:
    """Write a file for the owner alone, whole or not at all."""
    replace_private_file(path, content)


async def keep_journal_checkpoint(opened: Opened) -> None:
    """Keep in the store how far the journal goes, and beside the store how far that does, unless nothing grew."""
    world, node = opened.world, opened.installation.id
    place = world.journal.durable_seq
    if place != opened.checkpointed:
        checkpoint = JournalCheckpoint(node, world.journal.checkpoint())
        await world.store.commit(lambda tx: tx.put(checkpoint))
        opened.checkpointed = place
        write_anchor(opened.settings, opened.keys, await world.store.sequence())
