"""Requests as Azure CLI and the azuread provider of Terraform were seen to send them, and what they expect back."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core.first_party import GRAPH
from tests.flow.graph import MISSING, Graph, filtered, refused
from tests.world import Simulation

READ, READ_ALL = "e1fe6dd8-ba31-4d61-89e7-88639da4683d", "df021288-bdef-4463-88db-98f22de89214"
"""Two permissions of Graph's."""


@pytest.fixture
def graph(world: Simulation) -> Graph:
    """See Graph as the first application, which is a Global Administrator."""
    return Graph(world)


class TestAzureCli:
    """`az ad`."""

    def test_one_setting_of_a_platform(self, graph: Graph) -> None:
        """`az ad app update` sends the member that changes; those beside it stay, at every depth."""
        web = {
            "homePageUrl": "https://home.example",
            "redirectUris": ["https://home.example/in"],
            "implicitGrantSettings": {"enableAccessTokenIssuance": True, "enableIdTokenIssuance": False},
        }
        redirects = {"redirectUris": ["https://spa.example/in"]}
        path = f"applications/{graph.add_application(web=web, spa=redirects, publicClient=redirects)['id']}"
        graph.do("PATCH", path, {"web": {"implicitGrantSettings": {"enableIdTokenIssuance": True}}})
        graph.do("PATCH", path, {"web": {"implicitGrantSettings": {}}, "spa": {}, "publicClient": {}})
        found = graph.get(path)
        web["implicitGrantSettings"] = {"enableAccessTokenIssuance": True, "enableIdTokenIssuance": True}
        assert found["web"].items() >= web.items()
        assert found["spa"] == found["publicClient"] == redirects


class TestTerraform:
    """The azuread provider."""

    @pytest.mark.parametrize("kind", ["applications", "servicePrincipals", "users", "groups"])
    def test_the_id_in_a_change(self, graph: Graph, kind: str) -> None:
        """Its client sends the object's id in the body as well as in the path; another id is refused there."""
        made = {
            "applications": graph.add_application,
            "servicePrincipals": lambda: graph.make("servicePrincipals", {"appId": graph.add_application()["appId"]}),
            "users": graph.add_user,
            "groups": graph.add_group,
        }[kind]()
        path = f"{kind}/{made['id']}"
        graph.do("PATCH", path, {"id": made["id"], "displayName": "first"})
        graph.do("PATCH", path, {"id": made["id"].upper(), "displayName": "second"})
        for other in (MISSING, "", "x"):
            answer = graph.ask("PATCH", path, {"id": other, "displayName": "third"})
            assert refused(answer, 400, "Request_BadRequest") == "Property 'id' is read-only and cannot be set."
        assert graph.get(path)["displayName"] == "second"

    @pytest.mark.parametrize("kind", ["applications", "servicePrincipals", "users", "groups"])
    def test_nobody_chooses_an_id(self, graph: Graph, kind: str) -> None:
        """What is only being made has no id yet."""
        answer = graph.ask("POST", kind, {"id": MISSING, "displayName": "with an id"})
        assert refused(answer, 400, "Request_BadRequest") == "Property 'id' is read-only and cannot be set."
        assert graph.ids(filtered(kind, "displayName eq 'with an id'")) == set()

    def test_the_order_of_permissions(self, graph: Graph) -> None:
        """It plans a change if they do not come back in the order in which it sent them, app roles and scopes mixed."""
        wanted: list[dict[str, Any]] = [
            {"id": READ_ALL, "type": "Role"},
            {"id": READ, "type": "Scope"},
            {"id": MISSING, "type": "Role"},
        ]
        for access in (wanted, wanted[::-1], wanted[1:]):
            body = {"requiredResourceAccess": [{"resourceAppId": GRAPH, "resourceAccess": access}]}
            made = graph.add_application(**body)
            assert graph.get(f"applications/{made['id']}")["requiredResourceAccess"] == body["requiredResourceAccess"]
