"""Addresses of this machine that are private endpoints, by the operator's word, with listeners that are real."""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from strongroom.app.endpoint_listeners import EndpointListeners
from strongroom.core import limits
from strongroom.core.guids import new_guid
from strongroom.core.network import Link
from strongroom.core.networks import EndpointListener, PrivateEndpoint
from strongroom.core.records import INSTANCE
from strongroom.crypto import x509
from strongroom.http.asgi import Listener
from strongroom.http.connections import DescriptorLimit, Watch
from strongroom.resources import endpoint_listeners
from strongroom.store import Transaction
from tests.flow.arm import Arm
from tests.flow.networks import connection, put
from tests.flow.test_network_control import NO_GUID, control, set_map
from tests.world import START, Simulation

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  what is tested is an address beside a listener on every one
NAMES = ("*.vault.localhost", "login.localhost", "management.localhost", "graph.localhost")
PATH = "/secrets?api-version=7.4"


def make_endpoint(world: Simulation) -> PrivateEndpoint:
    """Make a private endpoint that the first vault is connected to, past the management plane."""
    first = world.first
    name = f"End-{secrets.token_hex(4)}"
    made = PrivateEndpoint(
        id=f"{first.subscription_id}/default/{name.lower()}",
        tenant=first.tenant_id,
        subscription=first.subscription_id,
        resource_group="Default",
        name=name,
        location="local",
        created=int(START),
        subnet="",
    )
    put(world, made, connection(world.vault, made))
    return made


@pytest.fixture(autouse=True)
def clean(world: Simulation) -> Iterator[None]:
    """Leave no listener behind."""
    yield
    for one in control(world, "/endpoint-listeners").json["value"]:
        assert control(world, "/endpoint-listeners/remove", {"privateEndpoint": one["privateEndpoint"]}).status == 204


def free_port(address: str) -> int:
    """Find a port of an address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        found: int = probe.getsockname()[1]
        return found


class Files:
    """A server certificate, and the authority that vouches for it."""

    def __init__(self, folder: Path) -> None:
        self.paths = (folder / "server.pem", folder / "server.key")
        self._authority = x509.make_authority("localhost", now=int(time.time()))
        self.issue()

    def issue(self) -> bytes:
        """Issue another certificate, and give it as clients see it."""
        leaf = x509.issue_leaf(self._authority, NAMES, now=int(time.time()))
        for path, content in zip(self.paths, (leaf.certificate, leaf.private_key), strict=True):
            path.write_bytes(content)
        return ssl.PEM_cert_to_DER_cert(leaf.certificate.decode())

    @property
    def context(self) -> ssl.SSLContext:
        """What clients trust."""
        return ssl.create_default_context(cadata=self._authority.certificate.decode())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Make a certificate for the simulated listeners."""
    return Files(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def port() -> int:
    """Find a port that is free at every address."""
    with socket.socket() as probe:
        probe.bind((EVERY_ADDRESS, 0))
        found: int = probe.getsockname()[1]
        return found


@pytest.fixture(scope="module")
def endpoints(world: Simulation, files: Files, port: int) -> Iterator[EndpointListeners]:
    """Have the simulated world listen for real, beside a main listener on every address."""
    handle, refuse = world.dispatcher.handle, world.dispatcher.refuse
    main = Listener(handle, refuse, Link.PUBLIC, EVERY_ADDRESS, port, certificate=files.paths)
    world.run(main.open())
    made = EndpointListeners(world.dispatcher, world.view, Watch([], DescriptorLimit(1 << 20, 1 << 20)), main, b"1")
    world.store.subscribe(made.follow)
    world.world.private_endpoints = made
    yield made
    world.run(made.close_all(0.1))
    world.run(main.close(0.1))
    world.world.private_endpoints = None


def add(world: Simulation, endpoint: PrivateEndpoint, address: str, port: int) -> dict[str, Any]:
    """Have an address listened on."""
    answer = control(
        world, "/endpoint-listeners", {"privateEndpoint": endpoint.scope, "address": address, "port": port}
    )
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json
    return made


def over(world: Simulation, files: Files, address: str, port: int, host: str = "", path: str = PATH) -> httpx.Response:
    """Ask at an address, with a real client that verifies the certificate."""
    host = host or world.vault_url.removeprefix("https://")

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(verify=files.context, timeout=60, trust_env=False) as client:
            name = host.partition(":")[0] if host.endswith(":8443") else "login.localhost"
            url = f"https://{address}:{port}{path}"
            return await client.get(url, headers={"Host": host}, extensions={"sni_hostname": name})

    return world.run(ask())


def shown_certificate(world: Simulation, files: Files, address: str, port: int) -> bytes:
    """Give the certificate that is shown at an address."""

    async def connect() -> bytes:
        _, writer = await asyncio.open_connection(address, port, ssl=files.context, server_hostname="login.localhost")
        found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return found

    return world.run(connect())


@pytest.mark.usefixtures("endpoints")
class TestEndpointListeners:
    """Which address of this machine a private endpoint is."""

    def test_a_life(self, world: Simulation, files: Files, port: int) -> None:
        """Made beside a main listener on every address, which the address is taken from; listed; removed, and free."""
        endpoint = make_endpoint(world)
        made = add(world, endpoint, "127.0.0.2", port)
        assert made == {
            "privateEndpoint": endpoint.scope.lower(),
            "tenantId": endpoint.tenant,
            "address": "127.0.0.2",
            "port": port,
            "fault": None,
            "created": int(START),
        }
        assert control(world, "/endpoint-listeners").json["value"] == [made]
        assert control(world, "/status").json["privateEndpoints"] == [made]
        for _ in range(4):
            assert over(world, files, "127.0.0.2", port, "login.localhost:8443", "/healthstatus").status_code == 421
            assert over(world, files, "127.0.0.1", port, "login.localhost:8443", "/healthstatus").status_code == 404
        assert over(world, files, "127.0.0.2", port).status_code == 401
        assert control(world, "/endpoint-listeners/remove", {"privateEndpoint": endpoint.scope}).status == 204
        # What comes to the address now comes to the main listener.
        assert over(world, files, "127.0.0.2", port, "login.localhost:8443", "/healthstatus").status_code == 404
        assert control(world, "/endpoint-listeners/remove", {"privateEndpoint": endpoint.scope}).status == 404
        add(world, endpoint, "127.0.0.2", port)

    def test_on_a_port_of_its_own(self, world: Simulation, files: Files, port: int) -> None:
        """The address of the main listener with another port is another place; names keep the port of the URLs."""
        other = free_port("127.0.0.1")
        add(world, make_endpoint(world), "127.0.0.1", other)
        assert over(world, files, "127.0.0.1", other).status_code == 401
        own = f"{world.vault.name}.vault.localhost:{other}"
        assert over(world, files, "127.0.0.1", other, own).status_code == 421

    def test_the_default_port(self, world: Simulation) -> None:
        """That of the URLs."""
        answer = control(
            world,
            "/endpoint-listeners",
            {"privateEndpoint": make_endpoint(world).scope, "address": "127.0.0.77"},
        )
        assert answer.json["port"] == 8443, answer.body

    @pytest.mark.parametrize(
        ("address", "number"),
        [
            (EVERY_ADDRESS, 8443),
            ("::", 8443),
            ("224.0.0.1", 8443),
            ("255.255.255.255", 8443),
            ("::ffff:127.0.0.1", 8443),
            ("fe80::1%lo", 8443),
            ("127.0.0.0/8", 8443),
            ("localhost", 8443),
            ("", 8443),
            ("127.0.0.3", 0),
            ("127.0.0.3", 65_536),
            ("127.0.0.3", -1),
        ],
    )
    def test_what_is_no_address(self, world: Simulation, address: str, number: int) -> None:
        """It is one concrete address, and a port that there is."""
        endpoint = make_endpoint(world)
        body = {"privateEndpoint": endpoint.scope, "address": address, "port": number}
        assert control(world, "/endpoint-listeners", body).status == 400
        assert control(world, "/endpoint-listeners").json == {"value": []}

    def refused(self, world: Simulation, endpoint: PrivateEndpoint, address: str, port: int) -> str:
        """Ask for a listener that cannot be, and give the sentence: nothing has changed."""
        before = control(world, "/endpoint-listeners").json
        body = {"privateEndpoint": endpoint.scope, "address": address, "port": port}
        answer = control(world, "/endpoint-listeners", body)
        assert answer.status == 409, answer.body
        assert control(world, "/endpoint-listeners").json == before
        sentence: str = answer.error["message"]
        return sentence

    def test_where_none_can_be(self, world: Simulation, port: int) -> None:
        """An address of another machine, one in use, one of another endpoint; and an endpoint has one address."""
        endpoint, other = make_endpoint(world), make_endpoint(world)
        assert "cannot be listened on" in self.refused(world, endpoint, "192.0.2.1", port)
        with socket.socket() as taken:
            taken.bind(("127.0.0.4", 0))
            taken.listen()
            assert "in use" in self.refused(world, endpoint, "127.0.0.4", taken.getsockname()[1])
        add(world, endpoint, "127.0.0.4", port)
        self.refused(world, other, "127.0.0.4", port)
        self.refused(world, endpoint, "127.0.0.5", port)

    def test_an_endpoint_that_is_not_there(self, world: Simulation) -> None:
        """No port is opened for it."""
        scope = make_endpoint(world).scope
        for missing, status in ((f"{scope}x", 404), ("endpoint", 400)):
            body = {"privateEndpoint": missing, "address": "127.0.0.6", "port": 8443}
            assert control(world, "/endpoint-listeners", body).status == status
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.6", 8443)) != 0

    def test_so_many_and_no_more(self, world: Simulation, endpoints: EndpointListeners, port: int) -> None:
        """`ENDPOINT_LISTENERS`; what is refused leaves no listener."""

        async def fill(tx: Transaction) -> None:
            for number in range(limits.ENDPOINT_LISTENERS - 1):
                scope = (
                    f"/subscriptions/{NO_GUID}/resourcegroups/g/providers/microsoft.network/privateendpoints/{number}"
                )
                guid = new_guid(secrets.token_bytes)
                await tx.put(EndpointListener(guid, world.first.tenant_id, scope, f"192.0.2.{number}", 1, 0))

        world.commit(fill)
        add(world, make_endpoint(world), "127.0.0.7", port)
        assert "At most 64" in self.refused(world, make_endpoint(world), "127.0.0.8", port)
        assert [one["address"] for one in endpoints.describe()] == ["127.0.0.7"]

    def test_it_goes_with_its_endpoint(self, world: Simulation, files: Files, endpoints: EndpointListeners) -> None:
        """The private endpoint is removed: its listener closes, and another one's does not."""
        endpoint, kept = make_endpoint(world), make_endpoint(world)
        own = free_port("127.0.0.9")
        add(world, endpoint, "127.0.0.9", own)
        add(world, kept, "127.0.0.10", own)
        world.commit(lambda tx: endpoint_listeners.remove_listeners_of(tx, [endpoint]))
        # What closes it was begun by the commit; this waits for its turn behind that.
        world.run(endpoints.close("none"))
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.9", own)) != 0
        assert over(world, files, "127.0.0.10", own).status_code == 401

    def test_it_goes_with_its_endpoint_on_the_management_plane(
        self, world: Simulation, endpoints: EndpointListeners
    ) -> None:
        """By itself, or with its group; the map of its virtual network goes likewise."""
        for whole_group in (False, True):
            arm = Arm(world, world.administrator)
            arm.make_endpoint()
            body = {"privateEndpoint": arm.endpoint, "address": "127.0.0.16", "port": free_port("127.0.0.16")}
            assert control(world, "/endpoint-listeners", body).status == 201
            assert set_map(world, arm.network, "192.0.2.0/24").status == 200
            for scope in (arm.group,) if whole_group else (arm.endpoint, arm.network):
                arm.do("DELETE", scope)
            assert control(world, "/endpoint-listeners").json == {"value": []}
            assert control(world, "/network-maps").json == {"value": []}
            world.run(endpoints.close("none"))
            assert endpoints.describe() == []

    def test_a_connection_that_outlasts_its_record(
        self, world: Simulation, files: Files, endpoints: EndpointListeners, port: int
    ) -> None:
        """SEC-FLOW-7: a request on a connection from before the removal is refused, also before it is closed."""
        endpoint = make_endpoint(world)
        add(world, endpoint, "127.0.0.11", port)
        host = world.vault_url.removeprefix("https://")

        async def ask() -> list[int]:
            extensions = {"sni_hostname": host.partition(":")[0]}
            url = f"https://127.0.0.11:{port}{PATH}"
            async with httpx.AsyncClient(verify=files.context, timeout=60, trust_env=False) as client:
                before = await client.get(url, headers={"Host": host}, extensions=extensions)
                (record,) = world.view.all(EndpointListener, INSTANCE)
                # The closing that follows is held up: the moment until then is what this is about.
                async with endpoints._lock:
                    await world.store.commit(lambda tx: tx.remove(record))
                    after = await client.get(url, headers={"Host": host}, extensions=extensions)
            return [before.status_code, after.status_code]

        assert world.run(ask()) == [401, 421]
        world.run(endpoints.close("none"))

    def test_a_restart(self, world: Simulation, files: Files, endpoints: EndpointListeners, port: int) -> None:
        """They listen again; one that cannot be is told and listed so, and is tried again."""
        add(world, make_endpoint(world), "127.0.0.12", port)
        other = free_port("127.0.0.13")
        broken = add(world, make_endpoint(world), "127.0.0.13", other)
        world.run(endpoints.close_all(0.1))
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.13", other))
            taken.listen()
            (fault,) = world.run(endpoints.open_all())
            assert "in use" in fault
            faults = {one["address"]: one["fault"] for one in control(world, "/endpoint-listeners").json["value"]}
            assert faults == {"127.0.0.12": None, "127.0.0.13": fault}
        assert over(world, files, "127.0.0.12", port).status_code == 401
        world.run(endpoints.settle())
        assert over(world, files, "127.0.0.13", other).status_code == 401
        assert control(world, "/endpoint-listeners").json["value"].count(broken) == 1

    def test_a_record_that_goes_while_its_listener_opens(
        self, world: Simulation, endpoints: EndpointListeners, port: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """SEC-FLOW-12: at a start too, nothing is listened at for a private endpoint that is there no more."""
        add(world, make_endpoint(world), "127.0.0.17", port)
        world.run(endpoints.close_all(0.1))
        (record,) = world.view.all(EndpointListener, INSTANCE)
        open_it = Listener.open

        async def open_late(listener: Listener) -> None:
            await open_it(listener)
            await world.store.commit(lambda tx: tx.remove(record))

        monkeypatch.setattr(Listener, "open", open_late)
        assert world.run(endpoints.open_all()) == []
        world.run(endpoints.close("none"))
        assert endpoints.describe() == []
        assert record.id not in endpoints._served

    def test_the_certificate_is_renewed(
        self, world: Simulation, files: Files, endpoints: EndpointListeners, port: int
    ) -> None:
        """Whoever connects later sees the new one; a second call with the same one starts nothing."""
        add(world, make_endpoint(world), "127.0.0.14", port)
        before = shown_certificate(world, files, "127.0.0.14", port)
        issued = files.issue()
        assert shown_certificate(world, files, "127.0.0.14", port) == before != issued
        for _ in range(2):
            world.run(endpoints.renew(b"2"))
            assert shown_certificate(world, files, "127.0.0.14", port) == issued

    def test_it_is_recorded(self, world: Simulation, port: int) -> None:
        """With endpoint, tenant and address."""
        endpoint = make_endpoint(world)
        add(world, endpoint, "127.0.0.15", port)
        entry = world.entries()[-1]
        assert entry["operationName"] == "EndpointListenerAdd"
        assert entry["properties"]["privateEndpointId"] == endpoint.scope.lower()
        assert entry["properties"]["source"] == f"address 127.0.0.15 port {port}"
