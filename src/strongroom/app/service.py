"""The life of the process: open, listen, say so, look after things, stop gracefully."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import logging
import os
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from strongroom import __version__
from strongroom.app import certificates
from strongroom.app.data_directory import (
    InstanceFault,
    is_initialised,
    lock_directory,
    prepare_directory,
    remove_directory,
)
from strongroom.app.dispatch import Dispatcher, Surfaces
from strongroom.app.endpoint_listeners import EndpointListeners
from strongroom.app.identity_sockets import SocketListeners
from strongroom.app.instance import Opened, keep_journal_checkpoint, open_instance
from strongroom.config import Settings
from strongroom.core import deployment_limits
from strongroom.core.names import Surface
from strongroom.core.network import Link, reachable_at
from strongroom.crypto.private_files import replace_private_file
from strongroom.crypto.process import protect_process
from strongroom.flow import audit
from strongroom.http.asgi import Listener, free_port
from strongroom.http.connections import DescriptorLimit, Watch, raise_descriptor_limit

if TYPE_CHECKING:
    from strongroom.app.proxies import ProxyProtocol

Say = Callable[[str], None]

_logger = logging.getLogger("strongroom")
_LOAD_AGAIN_S = 1.0
_EXAMPLE = "examples/quickstart.py"
_COLLECT_AFTER = 20_000
"""Objects that may come to be, net of those that went, before the youngest are looked through for cycles."""
_HTTP_PORT = 80
_SETTLED_PORTS = range(30_000, 32_000)
"""One of these is listened on where any will do. Systems give higher ones to whoever connects (Linux from 32768), and
to make an instance takes long enough for such a one to be given away before it is listened on."""
_RESOLVE_S = 2.0
"""How long a resolver may take to find our names before it counts as not finding them."""


def say_at_once(line: str) -> None:
    """Write a line to standard output, now: whoever started the service waits for it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def serve(
    settings: Settings,
    *,
    ephemeral: bool = False,
    at: Path | None = None,
    restored: bool = False,
    say: Say = say_at_once,
) -> None:
    """
    Run the service until it is told to stop, initialising its directory first where that is new.

    *ephemeral* uses a directory that is removed at the end, *at* a place with nothing in it yet or anywhere. *restored*
    accepts a store that was put back from a backup.
    """
    protect_process()
    # Before anything is made: whoever stops a first start early gets an orderly end as well.
    stop = asyncio.Event()
    _stop_on_signals(stop)
    async with contextlib.AsyncExitStack() as stack:
        if ephemeral:
            if at is None:
                at = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="strongroom-")))
            _require_empty(at)
            settings = replace(settings, data=at)
        prepare_directory(settings.data)
        await stack.enter_async_context(lock_directory(settings.data))
        if ephemeral:
            # Only now is it ours: who has it already, or has just begun to, keeps it.
            stack.callback(remove_directory, settings.data)
        # Settled before anything is made: a first start writes the port into the instance's settings.
        settings = replace(settings, port=_settle_port(settings))
        if not is_initialised(settings):
            from strongroom.app.first_start import initialise_held  # noqa: PLC0415  loaded where it is needed alone

            await initialise_held(settings, partial(_hand_over, settings, say))
        opened = await stack.enter_async_context(open_instance(settings, restored=restored))
        await _run(opened, stop, say)


def _require_empty(place: Path) -> None:
    """
    Demand of a directory that is removed at the end that nothing is in it, which would not be ours to remove.

    Raises:
        InstanceFault: it is not its owner's alone, or something is in it.
    """
    prepare_directory(place)
    if any(place.iterdir()):
        raise InstanceFault(f"{place} is not empty, and --ephemeral removes its directory at the end: name a new one.")


def _settle_port(settings: Settings) -> int:
    """
    Find the main listener's port.

    Raises:
        InstanceFault: the address is in use or not this machine's.
    """
    if settings.port == 0:
        # Services that are started at once begin to look at different ones.
        for place in range(len(_SETTLED_PORTS)):
            with contextlib.suppress(OSError):
                return free_port(settings.address, _SETTLED_PORTS[(os.getpid() + place) % len(_SETTLED_PORTS)])
    with _refusing_to_listen(Link.PUBLIC):
        return free_port(settings.address, settings.port)


async def _run(opened: Opened, stop: asyncio.Event, say: Say) -> None:
    settings, world = opened.settings, opened.world
    await certificates.renew_if_due(opened)
    certificates.write_ca_file(settings, opened.installation)
    await audit.drain(world)
    surfaces = Surfaces()
    dispatcher = Dispatcher(world, surfaces)
    main, control, identity = _listeners(settings, dispatcher)
    metadata, pki = _metadata_listener(settings, dispatcher), _pki_listener(settings, dispatcher)
    others = [listener for listener in (identity, metadata, pki) if listener is not None]
    descriptors = raise_descriptor_limit()
    proxied = _proxy_listener(opened, dispatcher, descriptors)
    secured = [main] if proxied is None else [main, proxied.inner]
    watch = Watch([listener.requests for listener in (*secured, *others)], descriptors)
    sockets = SocketListeners(dispatcher, world.view, watch)
    opened.store.subscribe(sockets.follow)
    endpoints = EndpointListeners(dispatcher, world.view, watch, main, opened.installation.certificate_tag)
    opened.store.subscribe(endpoints.follow)
    opened_listeners: list[Listener] = []
    try:
        for listener in (control, *others, main):
            await _open(listener)
            opened_listeners.append(listener)
        if proxied is not None:
            await proxied.open()
            world.instance.proxy_protocol = proxied.address
        watch.start()
        world.sockets = sockets
        world.private_endpoints = endpoints
        warnings = _warn(world.journal.problems, await sockets.open_all(), await endpoints.open_all())
        _say_what_runs(opened, main, identity, metadata)
        # Whoever waits for run.json finds everything that the first start made.
        introduction = introduce(opened)
        write_run_file = partial(_write_run_file, opened, endpoints)
        write_run_file()
        endpoints.changed = write_run_file
        for line in (*introduction, *warnings):
            say(line)
        await _notice_names(opened, say)
        if await _load_the_rest(surfaces, stop):
            _settle_collector()
            from strongroom.app import jobs  # noqa: PLC0415  what the first answer does not need is loaded after it

            async with jobs.running(opened, secured, endpoints):
                await stop.wait()
    finally:
        world.instance.ready = False
        settings.run_file.unlink(missing_ok=True)
        # The main one first: what runs under `run` may still be finishing its last request.
        await asyncio.gather(
            *(listener.close(settings.stop_grace_s) for listener in reversed(opened_listeners)),
            sockets.close_all(settings.stop_grace_s),
            world.background.stop(deployment_limits.DEPLOYMENT_STOP_S),
            endpoints.close_all(settings.stop_grace_s),
            *([proxied.close(settings.stop_grace_s)] if proxied is not None else []),
        )
        watch.stop()
        await audit.drain(world)
        audit.settle_anonymous(world)
        world.journal.flush()
        await keep_journal_checkpoint(opened)


def _warn(damage: Iterable[str], sockets: Iterable[str], endpoints: Iterable[str]) -> Iterator[str]:
    """Say in a line each what is not as it should be, and where to find out more."""
    for problem in damage:
        yield f"  DAMAGE   the audit journal: {problem}. It is recorded; `strongroom audit verify` tells more."
    for fault in sockets:
        yield f"  SOCKET   {fault} `strongroom identity-maps list` shows whose it is."
    for fault in endpoints:
        yield f"  ENDPOINT {fault} `strongroom endpoint-listeners list` shows whose it is; it is tried again."


async def _load_the_rest(surfaces: Surfaces, stop: asyncio.Event) -> bool:
    """
    Load what the first answer does not need, beside the loop, until that works; say whether it did before the stop.

    A surface that is asked for is loaded then in any case, so a failure here ends nothing.
    """
    while not stop.is_set():
        try:
            await asyncio.to_thread(surfaces.compile_all)
            await asyncio.to_thread(importlib.import_module, "strongroom.app.jobs")
        except (OSError, ImportError):
            _logger.exception("not everything could be loaded; it is tried again")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _LOAD_AGAIN_S)
        else:
            return True
    return False


def _settle_collector() -> None:
    """
    Leave what lives for ever out of the collections of garbage, and have fewer of them.

    Serving makes hardly any cycles, which are all that a collection finds, and one is due for every few requests
    otherwise: with this a twentieth of the CPU of a request is saved.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)


async def _notice_names(opened: Opened, say: Say) -> None:
    """Notice that this machine does not find our names, as plain glibc does with `*.localhost`, and say the mend."""
    hosts = opened.world.hosts
    vault = opened.world.view.vault(opened.installation.vault)
    surfaces = (Surface.LOGIN, Surface.MANAGEMENT, Surface.GRAPH)
    names = [hosts.netloc(surface).partition(":")[0] for surface in surfaces]
    if vault is not None:
        names.insert(0, hosts.netloc(Surface.VAULT, vault.name).partition(":")[0])
    try:
        async with asyncio.timeout(_RESOLVE_S):
            await asyncio.get_running_loop().getaddrinfo(names[0], opened.settings.port)
    except (OSError, TimeoutError):
        say(f"  note     {names[0]} does not resolve here. `strongroom run` does not need it; for direct use, one line")
        line = " ".join((reachable_at(opened.settings.address), *names))
        say(f"           in the hosts file (`strongroom hosts --write` adds it):  {line}")


_OTHERWISE = {
    Link.PUBLIC: "Name another port with --port.",
    Link.MANAGED_IDENTITY: "Set another managed_identity_port, or 0 for a free one.",
    Link.METADATA: "It is metadata_address with metadata_port: this machine must have that address, and below 1024 a"
    " port takes CAP_NET_BIND_SERVICE.",
    Link.PKI: "It is pki_listen: this machine must have that address, and below 1024 a port takes"
    " CAP_NET_BIND_SERVICE.",
    Link.CONTROL: "It is the control socket: its path may be too long, then use a data directory with a shorter one.",
}


async def _open(listener: Listener) -> None:
    with _refusing_to_listen(listener.link):
        await listener.open()


@contextlib.contextmanager
def _refusing_to_listen(link: Link) -> Iterator[None]:
    """Turn what the system says of an address into a refusal to start that says what to do."""
    try:
        yield
    except OSError as error:
        told = str(error.strerror or error)
        end = "" if told.endswith("?") else "."
        raise InstanceFault(f"The service cannot listen: {told}{end} {_OTHERWISE[link]}") from error


def _listeners(settings: Settings, dispatcher: Dispatcher) -> tuple[Listener, Listener, Listener]:
    main = Listener(
        dispatcher.handle,
        dispatcher.refuse,
        Link.PUBLIC,
        settings.address,
        settings.port,
        certificate=settings.certificate_files,
    )
    control = Listener(dispatcher.handle, dispatcher.refuse, Link.CONTROL, unix_socket=settings.control_socket)
    identity = Listener(
        dispatcher.handle, dispatcher.refuse, Link.MANAGED_IDENTITY, "127.0.0.1", settings.managed_identity_port
    )
    return main, control, identity


def _say_what_runs(opened: Opened, main: Listener, identity: Listener, metadata: Listener | None) -> None:
    """Tell the instance where its listeners are, and that it is ready."""
    instance = opened.world.instance
    instance.managed_identity = f"http://{identity.address}:{identity.port}"
    instance.metadata = _origin(metadata)
    instance.main = f"{main.address}:{main.port}"
    instance.control_socket = str(opened.settings.control_socket)
    instance.certificate_expires = opened.installation.certificate_expires
    instance.ready = True


def _proxy_listener(opened: Opened, dispatcher: Dispatcher, descriptors: DescriptorLimit) -> ProxyProtocol | None:
    trusted = opened.world.proxies
    if trusted is None or not opened.settings.proxy_protocol_address:
        return None
    from strongroom.app.proxies import ProxyProtocol  # noqa: PLC0415  loaded where it is needed alone

    return ProxyProtocol(opened.settings, dispatcher, trusted, descriptors)


def _metadata_listener(settings: Settings, dispatcher: Dispatcher) -> Listener | None:
    address = settings.metadata_address
    if not address:
        return None
    return Listener(dispatcher.handle, dispatcher.refuse, Link.METADATA, address, settings.metadata_port)


def _pki_listener(settings: Settings, dispatcher: Dispatcher) -> Listener | None:
    end = settings.pki_end
    return None if end is None else Listener(dispatcher.handle, dispatcher.refuse, Link.PKI, *end)


def _origin(listener: Listener | None) -> str:
    """Say how clients name a listener in plain HTTP: without the port where it is the usual one."""
    if listener is None:
        return ""
    return f"http://{listener.address}" + (f":{listener.port}" if listener.port != _HTTP_PORT else "")


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)


def _write_run_file(opened: Opened, endpoints: EndpointListeners) -> None:
    """Say what runs, and where: anew whenever an address of a private endpoint comes or goes."""
    if opened.world.instance.ready:
        facts = {**describe(opened), "privateEndpoints": endpoints.describe()}
        replace_private_file(opened.settings.run_file, msgspec.json.encode(facts))


def describe(opened: Opened) -> dict[str, object]:
    """Give what run.json says: what runs, and where. Nothing in it is a secret, yet it is the owner's alone."""
    settings, instance, hosts = opened.settings, opened.installation, opened.world.hosts
    vault = opened.world.view.vault(instance.vault)
    return {
        "pid": os.getpid(),
        "version": __version__,
        "ready": True,
        "domain": instance.domain,
        "address": settings.address,
        "port": settings.port,
        "controlSocket": str(settings.control_socket),
        "managedIdentity": opened.world.instance.managed_identity,
        "metadata": opened.world.instance.metadata or None,
        "pki": settings.pki_listen or None,
        "pkiUrl": opened.world.instance.pki_url or None,
        "proxyProtocol": opened.world.instance.proxy_protocol or None,
        "authority": hosts.url(Surface.LOGIN),
        "armUri": hosts.url(Surface.MANAGEMENT),
        "graphUri": hosts.url(Surface.GRAPH),
        "tenantId": instance.tenant,
        "urlPort": settings.url_port,
        "subscriptionId": instance.subscription,
        "resourceGroup": instance.resource_group,
        "vaultName": vault.name if vault is not None else None,
        "vaultUri": hosts.url(Surface.VAULT, vault.name) + "/" if vault is not None else None,
        "caFile": str(settings.ca_file),
        "keyProtection": opened.keys.description,
    }


def _hand_over(settings: Settings, say: Say, first: dict[str, str]) -> None:
    """Show the first secrets on a terminal, or put them into a file: what is no terminal may be a log."""
    if not sys.stdout.isatty():
        replace_private_file(settings.first_secrets, msgspec.json.format(msgspec.json.encode(first)))
        return
    say(f"Strongroom makes an instance in {settings.data}. These are shown once and kept as hashes:")
    say(f"  app      {first['clientId']}  secret {first['clientSecret']}")
    say(f"  user     {first['userName']}  password {first['userPassword']}")


def introduce(opened: Opened) -> list[str]:
    """Say in a few lines what runs and what to do next, and where the first secrets are as long as they lie there."""
    settings = opened.settings
    data = f" --data {shlex.quote(str(settings.data))}"
    vault = opened.world.view.vault(opened.installation.vault)
    uri = opened.world.hosts.url(Surface.VAULT, vault.name) if vault is not None else ""
    lines = [f"Strongroom {__version__} serves {uri}", f"  data     {settings.data}"]
    if settings.first_secrets.exists():
        lines.append(f"  secrets  {settings.first_secrets} has the first ones: read it, and delete it")
    command = _command()
    checkout = Path(sys.prefix).parent
    if (checkout / "Makefile").exists() and (checkout / _EXAMPLE).exists():
        # `make serve` installs what the service needs; the example needs the official clients as well.
        lines.append(f"  next     make setup && {command} run{data} -- {shlex.quote(sys.executable)} {_EXAMPLE}")
    else:
        lines.append(f"  next     {command} run{data} -- python your_program.py")
    lines.append(f"  or       {command} env{data}  for a shell")
    lines.append(f"  or       {command} login{data}  to make and change things (--help: without a browser)")
    return lines


def _command() -> str:
    """Name this program as the reader can type it: by its path where the shell would not find it."""
    started = Path(sys.argv[0])
    return "strongroom" if shutil.which("strongroom") or started.name != "strongroom" else shlex.quote(str(started))
