"""Sockets of identities: whoever comes through one is that identity, as long as its map is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from strongroom.app.identity_sockets import SocketListeners
from strongroom.core import limits
from strongroom.core.guids import new_guid
from strongroom.core.identity_maps import IdentityMap
from strongroom.core.network import Link
from strongroom.http.connections import DescriptorLimit, Watch
from tests.flow.arm import Arm
from tests.flow.test_identity_maps import control
from tests.world import Answer, Simulation

RESOURCE = "https://vault.azure.net"
IMDS = f"/metadata/identity/oauth2/token?api-version=2018-02-01&resource={RESOURCE}"
APP_SERVICE = f"/msi/token?api-version=2019-08-01&resource={RESOURCE}"
METADATA = {"Metadata": "true"}


@pytest.fixture(scope="module")
def sockets(world: Simulation) -> Iterator[SocketListeners]:
    """Have the simulated world listen at sockets: on its own loop, which turns while something is asked."""
    made = SocketListeners(world.dispatcher, world.view, Watch([], DescriptorLimit(1 << 20, 1 << 20)))
    world.store.subscribe(made.follow)
    world.world.sockets = made
    yield made
    world.run(made.close_all(0.1))
    world.world.sockets = None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder whose path is short enough."""
    return tmp_path


@pytest.fixture(autouse=True)
def clean(world: Simulation, sockets: SocketListeners) -> Iterator[None]:
    """Leave no map behind."""
    yield
    for one in control(world, "GET").json["value"]:
        assert control(world, "DELETE", f"/{one['id']}").status == 204


def add(world: Simulation, path: Path, identity: str = "default", **more: Any) -> dict[str, Any]:
    """Have a socket made."""
    answer = control(world, "POST", body={"identity": identity, "socket": str(path), **more})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json
    return made


def over(world: Simulation, path: Path, url: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """Ask over the socket itself, with a real client."""

    async def ask() -> httpx.Response:
        transport = httpx.AsyncHTTPTransport(uds=str(path))
        async with httpx.AsyncClient(transport=transport, timeout=60) as client:
            return await client.get(f"http://localhost{url}", headers=METADATA if headers is None else headers)

    return world.run(ask())


def through(world: Simulation, listener: str, url: str = IMDS, **how: Any) -> Answer:
    """Ask as through a socket that listens for a map."""
    how.setdefault("headers", METADATA)
    how.setdefault("host", "localhost")
    return world.ask("GET", f"http://localhost{url}", link=Link.IDENTITY_SOCKET, listener=listener, peer="", **how)


def opens(world: Simulation, token: str) -> bool:
    """Tell whether a token opens the first vault."""
    return world.ask("GET", f"{world.vault_url}/secrets?api-version=7.4", token=token).status == 200


class TestOverTheSocket:
    """With a client that connects to the file."""

    def test_whoever_reaches_it_is_the_identity(self, world: Simulation, folder: Path) -> None:
        """SEC-TOKEN-17: mode 0600; in IMDS's form and in App Service's; recorded as asked through the socket."""
        made = add(world, folder / "s")
        assert (folder / "s").stat().st_mode & 0o777 == 0o600
        answers = (
            over(world, folder / "s", IMDS),
            over(world, folder / "s", APP_SERVICE, {"X-IDENTITY-HEADER": "anything"}),
        )
        for answer in answers:
            assert answer.status_code == 200, answer.text
            token = answer.json()["access_token"]
            assert jwt.decode(token, options={"verify_signature": False})["oid"] == made["objectId"]
            assert opens(world, token)
        issued = [one for one in world.entries() if one["operationName"].startswith("ManagedIdentityTokenIssue")][-1]
        assert issued["properties"]["proof"] == "socket"
        assert issued["properties"]["credentialId"] == made["id"]
        assert token not in json.dumps(world.entries())

    def test_removed(self, world: Simulation, folder: Path) -> None:
        """SEC-FLOW-17: closed, unlinked, its tokens refused, and those of another socket of the identity not."""
        gone, _ = add(world, folder / "a"), add(world, folder / "b")
        token, kept = (over(world, folder / name, IMDS).json()["access_token"] for name in ("a", "b"))
        assert control(world, "DELETE", f"/{gone['id']}").status == 204
        assert not (folder / "a").exists()
        assert (opens(world, token), opens(world, kept)) == (False, True)
        add(world, folder / "a")
        assert over(world, folder / "a", IMDS).status_code == 200

    def test_the_identity_is_deleted(self, world: Simulation, folder: Path, sockets: SocketListeners) -> None:
        """What is lent to nobody is not offered: the socket goes with the identity."""
        arm = Arm(world, world.administrator)
        arm.make_identity()
        add(world, folder / "s", arm.identity)
        assert over(world, folder / "s", IMDS).status_code == 200
        arm.do("DELETE", arm.identity)
        # What closes it was begun by the commit; this waits for its turn behind that.
        world.run(sockets.close("none"))
        assert not (folder / "s").exists()
        assert control(world, "GET").json == {"value": []}

    def test_what_is_listed(self, world: Simulation, folder: Path) -> None:
        """The path, and that it listens."""
        made = add(world, folder / "s")
        assert control(world, "GET").json["value"] == [made]
        assert (made["socket"], made["owner"], made["fault"], made["user"]) == (str(folder / "s"), None, None, None)


class TestRequests:
    """What is demanded of a request that came through a socket."""

    def test_its_map_decides(self, world: Simulation, folder: Path) -> None:
        """A socket that listens for a map that is not there opens nothing, nor does one of a map of a user."""
        add(world, folder / "s")
        user = control(world, "POST", body={"identity": "default", "user": 4711}).json
        for listener in (new_guid(lambda size: b"\1" * size), user["id"], ""):
            answer = through(world, listener)
            assert (answer.status, answer.json["error_description"]) == (400, "Identity not found")

    @pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:40342", "localhost:80", "control", ""])
    def test_another_host(self, world: Simulation, folder: Path, host: str) -> None:
        """SEC-TOKEN-18: a relay in front of it does not make it a web page's."""
        made = add(world, folder / "s")
        assert through(world, made["id"], host=host).status == 421
        assert through(world, made["id"], host="169.254.169.254").status == 200

    @pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "Via"])
    def test_forwarded(self, world: Simulation, folder: Path, name: str) -> None:
        """SEC-TOKEN-18: what a proxy passed on is not the program's own."""
        made = add(world, folder / "s")
        assert through(world, made["id"], headers={**METADATA, name: "x"}).status == 400

    def test_the_headers_are_demanded(self, world: Simulation, folder: Path) -> None:
        """SEC-TOKEN-18: each form wants its own, which a request that was sent astray has not."""
        made = add(world, folder / "s")
        assert through(world, made["id"], headers={}).status == 400
        assert through(world, made["id"], APP_SERVICE, headers={}).status == 401
        assert through(world, made["id"], APP_SERVICE, headers={"X-IDENTITY-HEADER": "x"}).status == 200

    def test_a_wrong_secret_in_a_path(self, world: Simulation, folder: Path) -> None:
        """SEC-TOKEN-19: whoever shows a run's secret is judged by it alone."""
        made = add(world, folder / "s")
        assert through(world, made["id"], f"/mi/wrong{IMDS}").status == 400

    def test_a_listener_of_another_kind(self, world: Simulation, folder: Path) -> None:
        """What a socket is called opens nothing elsewhere."""
        made = add(world, folder / "s")
        answer = world.ask(
            "GET", f"http://127.0.0.1:40342{IMDS}", headers=METADATA, link=Link.MANAGED_IDENTITY, listener=made["id"]
        )
        assert answer.status == 400


class TestControl:
    """What the operator may ask for."""

    @pytest.mark.parametrize(
        "body",
        [
            {"socket": "relative"},
            {"socket": "/a/../b"},
            {"socket": "/" + "x" * limits.SOCKET_PATH_CHARS},
            {"socket": "/a", "user": 1},
            {"socket": "/a", "network": "10.0.0.0/8"},
            {"socket": "/a", "owner": -1},
            {"socket": "/a", "owner": 65_534},
            {"user": 1, "owner": 1},
            {"owner": 1},
        ],
    )
    def test_a_bad_map(self, world: Simulation, body: dict[str, Any]) -> None:
        """A path that is none, two sources, an owner of nothing."""
        assert control(world, "POST", body={"identity": "default", **body}).status == 400
        assert control(world, "GET").json == {"value": []}

    def refused(self, world: Simulation, path: Path) -> str:
        """Ask for a socket that cannot be made, and give the sentence: nothing has changed."""
        before = control(world, "GET").json
        answer = control(world, "POST", body={"identity": "default", "socket": str(path)})
        assert answer.status == 409, answer.body
        assert control(world, "GET").json == before
        sentence: str = answer.error["message"]
        return sentence

    def test_where_none_can_be(self, world: Simulation, folder: Path) -> None:
        """What is there stays; a folder has to be there, and be nobody else's to write."""
        (folder / "file").write_text("mine")
        assert "no socket" in self.refused(world, folder / "file")
        assert (folder / "file").read_text() == "mine"
        assert "there is no folder" in self.refused(world, folder / "none" / "s")
        (folder / "open").mkdir()
        (folder / "open").chmod(0o777)
        assert "written by others" in self.refused(world, folder / "open" / "s")
        assert not (folder / "open" / "s").exists()

    def test_one_socket_is_one_identity(self, world: Simulation, folder: Path) -> None:
        """A second identity does not get the socket of the first, which goes on."""
        arm = Arm(world, world.administrator)
        arm.make_identity()
        made = add(world, folder / "s")
        answer = control(world, "POST", body={"identity": arm.identity, "socket": str(folder / "s")})
        assert answer.status == 409
        token = over(world, folder / "s", IMDS).json()["access_token"]
        assert jwt.decode(token, options={"verify_signature": False})["oid"] == made["objectId"]

    def test_an_identity_that_is_not_there(self, world: Simulation, folder: Path) -> None:
        """No file is made for it."""
        body = {"identity": "nobody", "socket": str(folder / "s")}
        assert control(world, "POST", body=body).status == 404
        assert not (folder / "s").exists()

    def test_so_many_and_no_more(self, world: Simulation, folder: Path, sockets: SocketListeners) -> None:
        """Sixty-four; what is refused leaves no file."""
        first = add(world, folder / "first")

        async def fill(tx: Any) -> None:
            for number in range(limits.IDENTITY_SOCKETS - 2):
                await tx.put(
                    IdentityMap(f"{number}", first["tenantId"], first["objectId"], 0, socket=f"{folder}/{number}")
                )

        world.commit(fill)
        add(world, folder / "last")
        assert "at most 64" in self.refused(world, folder / "more")
        assert not (folder / "more").exists()

    def test_it_is_recorded(self, world: Simulation, folder: Path) -> None:
        """With its path."""
        add(world, folder / "s")
        entry = world.entries()[-1]
        assert entry["operationName"] == "IdentityMapAdd"
        assert entry["properties"]["source"] == f"socket {folder / 's'}"


class TestRestart:
    """What a start does with the maps that it finds."""

    def test_they_listen_again(self, world: Simulation, folder: Path, sockets: SocketListeners) -> None:
        """After an orderly end, and over a file that was left behind; one that cannot be is told, and is listed so."""
        add(world, folder / "a")
        broken = add(world, folder / "b")
        world.run(sockets.close_all(0.1))
        assert not (folder / "a").exists()
        (folder / "b").write_text("mine")
        (fault,) = world.run(sockets.open_all())
        assert "no socket" in fault
        assert over(world, folder / "a", IMDS).status_code == 200
        faults = {one["id"]: one["fault"] for one in control(world, "GET").json["value"]}
        assert faults.pop(broken["id"]) == fault
        assert set(faults.values()) == {None}
        assert control(world, "DELETE", f"/{broken['id']}").status == 204
        assert (folder / "b").read_text() == "mine"
