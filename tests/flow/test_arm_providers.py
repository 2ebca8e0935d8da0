"""Resource providers: listed as they are served, registered and unregistered, and what they can do."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.arm.operations import CATALOG, OPERATIONS, SERVED_TYPES
from strongroom.core.api_versions import KEY_VAULT_ARM
from strongroom.core.known_actions import CONTROL_ACTIONS, DATA_ACTIONS
from strongroom.core.permissions import ControlAction
from tests.flow.arm import Arm
from tests.world import Simulation

NAMESPACES = sorted({name.partition("/")[0] for name in SERVED_TYPES})
OPERATIONS_OF = "/providers/Microsoft.Authorization/providerOperations"


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


@pytest.fixture
def bare(arm: Arm) -> Arm:
    """Give the same with a subscription that has nothing in it."""
    arm.make_bare_subscription()
    return arm


class TestLists:
    """What there is, as the rows have it."""

    def test_subscription(self, arm: Arm) -> None:
        """A subscription's providers are those that are served, registered from the start, with each type."""
        found = arm.do("GET", f"{arm.subscription}/providers")["value"]
        assert [one["namespace"] for one in found] == NAMESPACES
        for one in found:
            assert one["id"] == f"{arm.subscription}/providers/{one['namespace']}"
            assert one["registrationState"] == "Registered"
            types = {f"{one['namespace']}/{kind['resourceType']}" for kind in one["resourceTypes"]}
            served = {name for name in SERVED_TYPES if name.partition("/")[0] == one["namespace"]}
            assert types == {*served, f"{one['namespace']}/operations"}
            assert all(kind["apiVersions"] for kind in one["resourceTypes"])
        free = {one["namespace"] for one in found if one["registrationPolicy"] == "RegistrationFree"}
        assert {"Microsoft.Authorization", "Microsoft.Resources"} <= free
        assert "Microsoft.KeyVault" not in free

    def test_vaults(self, arm: Arm) -> None:
        """A provider says of a type where it is, in which versions, and whether it moves and has tags."""
        found = arm.do("GET", f"{arm.subscription}/providers/microsoft.keyvault")
        (vaults,) = (one for one in found["resourceTypes"] if one["resourceType"] == "vaults")
        assert vaults == {
            "resourceType": "vaults",
            "locations": ["local"],
            "apiVersions": list(reversed(KEY_VAULT_ARM)),
            "capabilities": (
                "CrossResourceGroupResourceMove, CrossSubscriptionResourceMove, SupportsTags, SupportsLocation"
            ),
        }
        secrets = next(one for one in found["resourceTypes"] if one["resourceType"] == "vaults/secrets")
        assert secrets["capabilities"] == "None"
        types = arm.do("GET", f"{arm.subscription}/providers/Microsoft.KeyVault/resourceTypes")["value"]
        assert types == found["resourceTypes"]
        path = f"{arm.subscription}/providers/Microsoft.KeyVault?$expand=resourceTypes/aliases"
        assert all(one["aliases"] == [] for one in arm.do("GET", path)["resourceTypes"])

    def test_tenant(self, arm: Arm) -> None:
        """A tenant's providers have no registration."""
        found = arm.do("GET", "/providers")["value"]
        assert [one["namespace"] for one in found] == NAMESPACES
        one = arm.do("GET", "/providers/Microsoft.Network")
        assert one in found
        assert (one["id"], "registrationState" in one) == ("/providers/Microsoft.Network", False)

    def test_pages(self, arm: Arm) -> None:
        """`$top` is a page, and the list goes on behind it with what was expanded."""
        first = arm.do("GET", f"{arm.subscription}/providers?$top=2&$expand=resourceTypes/aliases")
        assert len(first["value"]) == 2
        link = first["nextLink"].removeprefix(arm.world.arm_url)
        second = arm.do("GET", link, version="")["value"]
        assert [one["namespace"] for one in second] == NAMESPACES[2:4]
        assert second[0]["resourceTypes"][0]["aliases"] == []

    @pytest.mark.parametrize("path", ["", "/resourceTypes", "/operations"])
    def test_unknown(self, arm: Arm, path: str) -> None:
        """A namespace that is not served is invalid."""
        place = "" if path == "/operations" else arm.subscription
        status, code, message = arm.refused("GET", f"{place}/providers/Microsoft.Storage{path}")
        assert (status, code) == (404, "InvalidResourceNamespace")
        assert message.startswith("The resource namespace 'Microsoft.Storage' is invalid.")

    def test_bad_expansion(self, arm: Arm) -> None:
        """What providers do not have is not expanded."""
        path = f"{arm.subscription}/providers?$expand=everything"
        assert arm.refused("GET", path)[:2] == (400, "InvalidQueryParameter")

    def test_locations(self, arm: Arm) -> None:
        """The one region is this instance's."""
        (found,) = arm.do("GET", f"{arm.subscription}/locations")["value"]
        assert (found["name"], found["id"]) == ("local", f"{arm.subscription}/locations/local")
        assert found["metadata"]["regionType"] == "Physical"


class TestRegistration:
    """Taken out of use, and back."""

    def state(self, arm: Arm, namespace: str) -> str:
        """Read how a namespace stands in the subscription."""
        state: str = arm.do("GET", f"{arm.bare_subscription}/providers/{namespace}")["registrationState"]
        return state

    def test_life(self, bare: Arm) -> None:
        """What is unregistered makes nothing in its subscription until it is registered again; elsewhere it does."""
        path = f"{bare.bare_subscription}/providers/Microsoft.ManagedIdentity"
        assert bare.do("POST", f"{path}/register")["registrationState"] == "Registered"
        for _ in range(2):
            assert bare.do("POST", f"{path}/unregister")["registrationState"] == "Unregistered"
        assert self.state(bare, "microsoft.managedidentity") == "Unregistered"
        assert self.state(bare, "Microsoft.KeyVault") == "Registered"
        group = f"{bare.bare_subscription}/resourceGroups/g"
        bare.do("PUT", group, {"location": "local"})
        identity = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/identity"
        status, code, message = bare.refused("PUT", identity, {"location": "local"})
        assert (status, code) == (409, "MissingSubscriptionRegistration")
        assert message.startswith(
            "The subscription is not registered to use namespace 'Microsoft.ManagedIdentity'. See"
        )
        bare.make_identity()
        bare.do("POST", f"{path}/register")
        bare.do("PUT", identity, {"location": "local"})

    def test_in_use(self, bare: Arm) -> None:
        """A subscription with resources of a provider does not do without it; vaults that can be recovered count."""
        path = f"{bare.bare_subscription}/providers/Microsoft.KeyVault"
        group = f"{bare.bare_subscription}/resourceGroups/g"
        bare.do("PUT", group, {"location": "local"})
        bare.do("PUT", f"{group}/providers/Microsoft.KeyVault/vaults/{bare.vault_name}", bare.vault_body())
        assert bare.refused("POST", f"{path}/unregister")[:2] == (409, "CannotUnregisterNamespace")
        bare.do("DELETE", f"{group}/providers/Microsoft.KeyVault/vaults/{bare.vault_name}")
        assert bare.refused("POST", f"{path}/unregister")[:2] == (409, "CannotUnregisterNamespace")
        bare.do("POST", f"{path}/locations/local/deletedVaults/{bare.vault_name}/purge")
        bare.do("POST", f"{path}/unregister")
        assert self.state(bare, "Microsoft.KeyVault") == "Unregistered"

    @pytest.mark.parametrize(
        ("path", "code"),
        [
            ("Microsoft.Storage/register", "InvalidResourceNamespace"),
            ("Microsoft.Storage/unregister", "InvalidResourceNamespace"),
            ("Microsoft.Authorization/unregister", "InvalidResourceType"),
        ],
    )
    def test_what_cannot_be(self, bare: Arm, path: str, code: str) -> None:
        """What is not served is not registered, and what is always there does not go."""
        assert bare.refused("POST", f"{bare.bare_subscription}/providers/{path}")[:2] == (404, code)


class TestOperations:
    """What can be done with a provider's resources, for lists and for roles."""

    def names(self, found: list[dict[str, Any]]) -> set[tuple[str, bool]]:
        """Give the names, and whether each is about data."""
        return {(one["name"], one["isDataAction"]) for one in found}

    @pytest.mark.parametrize("namespace", NAMESPACES)
    def test_every_action(self, arm: Arm, namespace: str) -> None:
        """Each provider's list has what its rows ask for and what roles may name, and nothing of another."""
        found = self.names(arm.do("GET", f"/providers/{namespace}/operations")["value"])
        asked = {op.requires.action for op in OPERATIONS if isinstance(op.requires, ControlAction)}
        control = {(name, False) for name in {*asked, *CONTROL_ACTIONS} if name.startswith(f"{namespace}/")}
        data = {(name, True) for name in DATA_ACTIONS if name.startswith(f"{namespace}/")}
        assert control | data <= found
        assert all(name.startswith(f"{namespace}/") for name, _ in found)

    def test_for_roles(self, arm: Arm) -> None:
        """The same by resource type, as `az provider operation show` reads it."""
        shown = arm.do("GET", f"{OPERATIONS_OF}/Microsoft.KeyVault?$expand=resourceTypes")
        (secrets,) = (one for one in shown["resourceTypes"] if one["name"] == "vaults/secrets")
        assert ("Microsoft.KeyVault/vaults/secrets/getSecret/action", True) in self.names(secrets["operations"])
        assert ("Microsoft.KeyVault/register/action", False) in self.names(shown["operations"])
        everything = self.names([*shown["operations"], *(o for t in shown["resourceTypes"] for o in t["operations"])])
        assert everything == self.names(arm.do("GET", "/providers/Microsoft.KeyVault/operations")["value"])
        assert arm.do("GET", f"{OPERATIONS_OF}/Microsoft.KeyVault")["resourceTypes"] == []
        listed = arm.do("GET", f"{OPERATIONS_OF}?$expand=resourceTypes")["value"]
        assert [one["name"] for one in listed] == NAMESPACES == [one.namespace for one in CATALOG.providers]
        assert shown in listed
