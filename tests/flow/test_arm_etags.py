"""If-Match and If-None-Match: of two clients that read the same state, one is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from strongroom.arm import etags
from tests.flow.arm import Arm
from tests.flow.arm_bodies import decided
from tests.flow.arm_cases import CASES, GUARDED
from tests.world import Simulation

pytestmark = pytest.mark.usefixtures("restored")

MAKERS: dict[str, Callable[[Arm], object]] = {
    "VirtualNetworkPut": Arm.make_network,
    "VirtualNetworkPatch": Arm.make_network,
    "VirtualNetworkDelete": Arm.make_network,
    "SubnetPut": Arm.make_network,
    "SubnetDelete": Arm.make_network,
    "PrivateEndpointPut": Arm.make_endpoint,
    "PrivateEndpointDelete": Arm.make_endpoint,
    "PrivateEndpointConnectionPut": Arm.make_endpoint,
    "PrivateEndpointConnectionDelete": Arm.make_endpoint,
    "NetworkSecurityPerimeterPut": Arm.make_profile,
    "NetworkSecurityPerimeterPatch": Arm.make_profile,
    "NetworkSecurityPerimeterDelete": Arm.make_profile,
}
"""The rows that are conditional, and what makes what they are about."""
ROWS = {op.name: op for op in GUARDED}
STALE = 'W/"00000000-0000-4000-8000-000000000000"'


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


def send(arm: Arm, name: str, **headers: str) -> Any:
    """Send the request of a row with conditions."""
    case = CASES[name]
    return arm.ask(
        ROWS[name].method,
        case.path(arm),
        case.body(arm),
        headers={header.replace("_", "-"): value for header, value in headers.items()},
    )


class TestConditions:
    """What is asked of every resource that shows an etag."""

    @pytest.mark.parametrize("name", MAKERS)
    def test_if_match(self, arm: Arm, name: str) -> None:
        """A tag that is not its own is refused in Azure's words and changes nothing; its own is taken."""
        MAKERS[name](arm)
        path = CASES[name].path(arm)
        tag, before = arm.do("GET", path)["etag"], arm.world.view.generation
        answer = send(arm, name, if_match=STALE)
        assert answer.status == 412
        assert answer.error == {
            "code": "PreconditionFailed",
            "message": f"Etag provided in if-match header does not match etag {tag} of resource"
            f" {arm.vault if 'Connection' in name else path} in NRP data store.",
        }
        assert send(arm, name, if_none_match="*").status == 412
        assert send(arm, name, if_none_match=f"{STALE}, {tag}").status == 412
        assert arm.world.view.generation == before
        assert send(arm, name, if_match=f"{STALE}, {tag.removeprefix('W/')}", if_none_match=STALE).status in {200, 202}

    @pytest.mark.parametrize("name", [name for name in MAKERS if name.endswith("Put") and "Connection" not in name])
    def test_making(self, arm: Arm, name: str) -> None:
        """If-None-Match: * makes and never replaces; If-Match never makes."""
        CASES[name].prepare(arm)
        for wanted in ("*", STALE):
            answer = send(arm, name, if_match=wanted)
            assert answer.status == 412
            assert "does not exist" in answer.error["message"]
        assert send(arm, name, if_none_match="*").status == 201
        assert send(arm, name, if_none_match="*").status == 412
        assert send(arm, name, if_match="*").status == 200

    @pytest.mark.parametrize("name", MAKERS)
    def test_changed_meanwhile(self, arm: Arm, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """What changed after the request was let through is found by the commit."""
        MAKERS[name](arm)
        tag, real, asked = arm.do("GET", CASES[name].path(arm))["etag"], etags.etag, []

        def changing(record: Any) -> str:
            asked.append(record)
            return real(record) if len(asked) == 1 else STALE

        monkeypatch.setattr(etags, "etag", changing)
        assert send(arm, name, if_match=tag).status == 412
        assert len(asked) == 2

    @pytest.mark.parametrize("name", [name for name in MAKERS if name.endswith("Delete")])
    def test_removing_what_is_not_there(self, arm: Arm, name: str) -> None:
        """With If-Match it is a 412, without it nothing to do."""
        MAKERS[name](arm)
        path = CASES[name].path(arm)
        assert arm.ask("DELETE", path).status in {200, 202}
        assert arm.ask("DELETE", path, headers={"if-match": "*"}).status == 412
        assert arm.ask("DELETE", path).status == 204

    @pytest.mark.parametrize("text", ["", "x", '"', "W/", '"*"', ",", STALE.replace("W/", "w/")])
    def test_what_cannot_be_read(self, arm: Arm, text: str) -> None:
        """A tag that is none matches nothing."""
        arm.make_network()
        assert send(arm, "VirtualNetworkDelete", if_match=text).status == 412

    def test_every_etag_is_one(self, arm: Arm) -> None:
        """Every resource that shows an etag by itself has its writing rows in this table."""
        shown = set()
        for op in GUARDED:
            if op.method == "GET" and op.name.endswith("Get"):
                one = Arm(arm.world, arm.who)
                CASES[op.name].prepare(one)
                answer = one.ask("GET", CASES[op.name].path(one))
                if answer.status == 200 and "etag" in answer.json:
                    shown.add(op.path)
        assert shown == {ROWS[name].path for name in MAKERS}

    def test_another_vaults_connection(self, arm: Arm) -> None:
        """A vault of another group, or a name that is none, has no connection that a tag could be of."""
        arm.make_endpoint()
        body = decided("Rejected")
        for path in (
            arm.connection.replace(arm.vault_name, f"{arm.vault_name}x"),
            arm.connection.replace(f"g-{arm.tag}", f"h-{arm.tag}"),
        ):
            assert arm.ask("PUT", path, body, headers={"if-match": "*"}).status == 412
