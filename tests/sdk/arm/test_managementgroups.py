"""azure-mgmt-managementgroups, unmodified, against a live service on its own names with verification on."""

from __future__ import annotations

import json

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.managementgroups import ManagementGroupsMgmtClient
from azure.mgmt.managementgroups.models import (
    CreateManagementGroupDetails,
    CreateManagementGroupRequest,
    CreateParentGroupInfo,
    PatchManagementGroupRequest,
)

from tests.plugins.canary import remember
from tests.sdk.arm.conftest import Plane, sign_in
from tests.sdk.conftest import Live


@pytest.fixture(scope="module")
def client(live: Live, plane: Plane) -> ManagementGroupsMgmtClient:
    """Make the package's client, of the one who owns the root group: the administrator, once `recover` made it so."""
    recovered = live.call("recover", "--json")
    assert recovered.returncode == 0, recovered.stderr
    told = json.loads(recovered.stdout)
    remember(told["clientSecret"])
    credential = sign_in(plane.facts, told["clientId"], told["clientSecret"])
    made: ManagementGroupsMgmtClient = plane.client(
        ManagementGroupsMgmtClient, credential=plane.opened.enter_context(credential)
    )
    return made


def test_a_tree(plane: Plane, client: ManagementGroupsMgmtClient, name: str) -> None:
    """Groups are made with the poller, one in another, renamed, shown with what is in them, and deleted."""
    groups = client.management_groups
    made = groups.begin_create_or_update(name, CreateManagementGroupRequest(display_name="Parent")).result()
    assert (made.name, made.display_name) == (name, "Parent")
    details = CreateManagementGroupDetails(parent=CreateParentGroupInfo(id=made.id))
    child = groups.begin_create_or_update(
        f"{name}-c", CreateManagementGroupRequest(display_name="Child", details=details)
    ).result()
    assert groups.get(f"{name}-c").details.parent.id == made.id
    assert groups.update(name, PatchManagementGroupRequest(display_name="Renamed")).display_name == "Renamed"
    assert {name, f"{name}-c"} <= {one.name for one in groups.list()}
    assert [one.id for one in groups.get(name, expand="children").children] == [child.id]
    assert [one.id for one in groups.get_descendants(name)] == [child.id]
    with pytest.raises(HttpResponseError):
        groups.begin_delete(name).result()
    groups.begin_delete(f"{name}-c").result()
    groups.begin_delete(name).result()
    with pytest.raises(HttpResponseError) as absent:
        groups.get(name)
    assert absent.value.status_code in {403, 404}
