"""Long-running operations: what changes answer in Azure's form, and who may ask how they ended."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from strongroom.arm.polling import KEY_VAULT_PLACE, RESOURCES_PLACE
from strongroom.core import limits
from tests.flow.arm import Arm
from tests.flow.arm_bodies import decided
from tests.world import ARM_AUDIENCE, Answer, Simulation

NOT_FOUND = (404, "OperationNotFound", "The operation was not found, or ended too long ago.")


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


def follow(arm: Arm, answer: Answer, header: str) -> Answer:
    """Ask where a header says."""
    return arm.world.ask("GET", answer.headers[header], token=arm.world.token(arm.who, ARM_AUDIENCE))


class TestForms:
    """Each change in the form that Azure's has, with an end that every client's poller knows."""

    @pytest.mark.parametrize(
        ("prepare", "method", "path", "statuses"),
        [
            (Arm.make_deleted_vault, "POST", lambda arm: f"{arm.deleted_vault}/purge", False),
            (Arm.make_vault, "DELETE", lambda arm: arm.group, False),
            (Arm.make_network, "DELETE", lambda arm: arm.network, True),
            (Arm.make_network, "DELETE", lambda arm: arm.subnet, True),
            (Arm.make_endpoint, "DELETE", lambda arm: arm.endpoint, True),
            (Arm.make_profile, "DELETE", lambda arm: arm.perimeter, True),
            (Arm.make_association, "DELETE", lambda arm: arm.association, True),
        ],
        ids=["vault", "group", "network", "subnet", "endpoint", "perimeter", "association"],
    )
    def test_removed(
        self, arm: Arm, prepare: Callable[[Arm], object], method: str, path: Callable[[Arm], str], *, statuses: bool
    ) -> None:
        """What is removed answers 202 and where to ask; the first answer there is the last, with nothing in it."""
        prepare(arm)
        answer = arm.ask(method, path(arm))
        assert (answer.status, answer.body, answer.headers["retry-after"]) == (202, b"", "1")
        result = follow(arm, answer, "location")
        assert (result.status, result.body) == (200, b"")
        assert ("azure-asyncoperation" in answer.headers) == statuses
        if statuses:
            assert follow(arm, answer, "azure-asyncoperation").json["status"] == "Succeeded"

    @pytest.mark.parametrize(
        "path",
        [lambda arm: arm.network, lambda arm: arm.subnet, lambda arm: arm.endpoint],
        ids=["network", "subnet", "endpoint"],
    )
    def test_absent(self, arm: Arm, path: Callable[[Arm], str]) -> None:
        """What is not there is 204, with nowhere to ask."""
        arm.make_group()
        arm.do("PUT", arm.network, arm.network_body())
        if path(arm) == arm.network:
            arm.do("DELETE", arm.network)
        answer = arm.ask("DELETE", path(arm))
        assert answer.status == 204
        assert not {"location", "azure-asyncoperation"} & set(answer.headers)

    def test_made(self, arm: Arm) -> None:
        """What is made is in the answer, in the state it is in, and its status can be asked for."""
        arm.make_vault()
        answers = [
            arm.ask("PUT", arm.network, arm.network_body()),
            arm.ask("PUT", arm.subnet, arm.subnet_body()),
            arm.ask("PUT", arm.endpoint, arm.endpoint_body(manual=True)),
            arm.ask("PUT", arm.connection, decided("Approved")),
        ]
        assert [answer.status for answer in answers] == [201, 201, 201, 200]
        for answer in answers:
            assert answer.json["properties"]["provisioningState"] == "Succeeded"
            url = urlsplit(answer.headers["azure-asyncoperation"])
            status = follow(arm, answer, "azure-asyncoperation").json
            stamps = [status.pop("startTime"), status.pop("endTime")]
            assert stamps == sorted(stamps)
            assert status == {"id": url.path, "name": url.path.rpartition("/")[2], "status": "Succeeded"}

    def test_connection(self, arm: Arm) -> None:
        """A connection that is removed is what its operation gives, as the official client reads it."""
        arm.make_endpoint()
        shown, path = arm.do("GET", arm.connection), arm.connection
        answer = arm.ask("DELETE", path)
        assert (answer.status, "azure-asyncoperation" in answer.headers) == (202, False)
        gone = follow(arm, answer, "location").json
        assert (gone["id"], gone["name"]) == (shown["id"], shown["name"])

    def test_management_group(self, arm: Arm) -> None:
        """A management group's removal is followed by its status alone, which is what its client gives."""
        arm.make_management_group()
        answer = arm.ask("DELETE", arm.management_group)
        assert (answer.status, "location" in answer.headers) == (202, False)
        assert follow(arm, answer, "azure-asyncoperation").json["status"] == "Succeeded"


class TestWhoMayAsk:
    """SEC-TENANT-2: an id is good for its caller, in its place, for its time, and as it was given."""

    @pytest.fixture
    def removal(self, arm: Arm) -> str:
        """Remove a vault for good, and give the path to ask at."""
        arm.make_deleted_vault()
        return urlsplit(arm.ask("POST", f"{arm.deleted_vault}/purge").headers["location"]).path

    def test_own(self, arm: Arm, removal: str) -> None:
        """Its caller asks as often as it likes."""
        for _ in range(2):
            assert arm.ask("GET", removal).status == 200

    def test_another_caller(self, arm: Arm, world: Simulation, removal: str) -> None:
        """Somebody else finds what a random id finds: nothing."""
        other = arm.as_(world.principal("other"))
        assert other.refused("GET", removal) == NOT_FOUND
        assert other.refused("GET", f"{removal.rpartition('/')[0]}/aaaa") == NOT_FOUND

    def test_another_place(self, arm: Arm, removal: str) -> None:
        """It is good in its own subscription, provider and region."""
        own, operation = arm.subscription, removal.rpartition("/")[2]
        for path in (
            removal.replace(own, "/subscriptions/59999999-0000-4000-8000-000000000001"),
            removal.replace("/locations/local/", "/locations/westeurope/"),
            removal.replace("Microsoft.KeyVault", "Microsoft.Network"),
            f"{own}/operationresults/{operation}",
            f"/providers/Microsoft.Management/operationResults/{operation}",
        ):
            assert arm.refused("GET", path, version="2024-11-01") == NOT_FOUND

    def test_altered(self, arm: Arm, removal: str) -> None:
        """One character changed anywhere makes it an id of nothing."""
        before, _, operation = removal.rpartition("/")
        for place in range(0, len(operation), 7):
            other = "A" if operation[place] != "A" else "B"
            changed = f"{operation[:place]}{other}{operation[place + 1 :]}"
            assert arm.refused("GET", f"{before}/{changed}") == NOT_FOUND
        assert arm.refused("GET", f"{before}/{operation}A") == NOT_FOUND

    def test_time(self, arm: Arm, world: Simulation) -> None:
        """It is good for `ASYNC_OPERATION_S` and not a second longer."""
        path = arm.operation(KEY_VAULT_PLACE, "operationResults")
        world.advance(limits.ASYNC_OPERATION_S - 1)
        assert arm.ask("GET", path).status == 200
        world.advance(1)
        assert arm.refused("GET", path) == NOT_FOUND

    def test_another_case(self, arm: Arm) -> None:
        """Words of a path are the same in any case, as everywhere on this plane."""
        path = arm.operation(RESOURCES_PLACE, "operationresults")
        assert arm.ask("GET", path.replace("operationresults", "operationResults")).status == 200
