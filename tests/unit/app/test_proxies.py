"""The PROXY protocol's listener in the service: how much of the process it may take, and where it is."""

from __future__ import annotations

import asyncio
import inspect
import socket
from pathlib import Path

import pytest

from strongroom.app import proxies
from strongroom.app.data_directory import InstanceFault
from strongroom.app.dispatch import Dispatcher
from strongroom.app.proxies import ProxyProtocol
from strongroom.config import Settings
from strongroom.core import limits
from strongroom.core.proxies import TrustedProxies
from strongroom.crypto import x509
from strongroom.http.connections import DescriptorLimit
from strongroom.http.proxy_listener import ProxyListener
from tests.world import START, Simulation

TRUSTED = TrustedProxies(("127.0.0.1/32",))


def make(folder: Path, port: int, descriptors: int = 65_536) -> tuple[Simulation, ProxyProtocol]:
    """Make the listeners of a world, with a certificate to serve."""
    settings = Settings(data=folder, proxy_protocol_address="127.0.0.1", proxy_protocol_port=port)
    leaf = x509.issue_leaf(x509.make_authority("localhost", now=int(START)), ("*.localhost",), now=int(START))
    for path, content in zip(settings.certificate_files, (leaf.certificate, leaf.private_key), strict=True):
        path.write_bytes(content)
    world = Simulation(folder)
    dispatcher = world.dispatcher
    assert isinstance(dispatcher, Dispatcher)
    return world, ProxyProtocol(settings, dispatcher, TRUSTED, DescriptorLimit(descriptors, descriptors))


@pytest.mark.parametrize(
    ("descriptors", "places"),
    [
        (65_536, limits.PROXIED_CONNECTIONS),
        (6 * limits.PROXIED_CONNECTIONS, limits.PROXIED_CONNECTIONS),
        (6 * limits.PROXIED_CONNECTIONS - 1, limits.PROXIED_CONNECTIONS - 1),
        (768, 128),
    ],
)
def test_proxied_connections_leave_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, descriptors: int, places: int
) -> None:
    """SEC-FLOW-25: all of them together take at most half of the process's descriptors, and never more than so many."""
    given: list[int] = []

    class Noted(ProxyListener):
        def __init__(self, address: str, port: int, trusted: TrustedProxies, places: int) -> None:
            super().__init__(address, port, trusted, places)
            given.append(places)

    monkeypatch.setattr(proxies, "ProxyListener", Noted)
    world, _ = make(tmp_path, 0, descriptors)
    world.close()
    assert given == [places]


def test_silence_is_the_web_servers_to_end() -> None:
    """A relay waits longer than the watch over connections, which ends a silent one in order."""
    default = inspect.signature(ProxyListener.__init__).parameters["idle_s"].default
    assert default == limits.PROXIED_IDLE_S > limits.CONNECTION_IDLE_S


def test_an_address_that_is_taken_is_said(tmp_path: Path) -> None:
    """The refusal names the settings, and nothing stays open."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        world, listeners = make(tmp_path, taken.getsockname()[1])

        async def start() -> None:
            try:
                await listeners.open()
            finally:
                await listeners.close(0)

        with pytest.raises(InstanceFault, match="proxy_protocol_port"):
            world.run(start())
        world.close()


def test_it_says_where_proxies_connect_to(tmp_path: Path) -> None:
    """The address is the outer listener's, with the port that it was given."""
    world, listeners = make(tmp_path, 0)

    async def start() -> str:
        await listeners.open()
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", int(listeners.address.rpartition(":")[2]))
            writer.close()
            return listeners.address
        finally:
            await listeners.close(0)

    assert world.run(start()).startswith("127.0.0.1:")
    assert not listeners.address.endswith((f":{listeners.inner.port}", ":0"))
    world.close()
