"""Graph's operations on conditional access: policies and named locations."""

from __future__ import annotations

from strongroom.flow.operation import Op
from strongroom.graph import conditional_access, rights
from strongroom.graph.conditional_access import NamedLocationBody
from strongroom.graph.objects import directory_target
from strongroom.graph.policy_body import AccessPolicyBody

_T = directory_target
_POLICIES = "/{version}/" + conditional_access.POLICIES
_LOCATIONS = "/{version}/" + conditional_access.LOCATIONS

OPERATIONS: tuple[Op, ...] = (
    Op("AccessPolicyList", "GET", _POLICIES, rights.READ_POLICIES, conditional_access.list_policies, _T),
    Op("AccessPolicyCreate", "POST", _POLICIES, rights.WRITE_POLICIES, conditional_access.create_policy, _T,
       success=201, body=AccessPolicyBody),
    Op("AccessPolicyGet", "GET", _POLICIES + "/{policy}", rights.READ_POLICIES, conditional_access.get_policy, _T),
    Op("AccessPolicyUpdate", "PATCH", _POLICIES + "/{policy}", rights.WRITE_POLICIES, conditional_access.update_policy,
       _T, success=204, body=AccessPolicyBody),
    Op("AccessPolicyDelete", "DELETE", _POLICIES + "/{policy}", rights.WRITE_POLICIES,
       conditional_access.delete_policy, _T, success=204),
    Op("NamedLocationList", "GET", _LOCATIONS, rights.READ_POLICIES, conditional_access.list_locations, _T),
    Op("NamedLocationCreate", "POST", _LOCATIONS, rights.WRITE_POLICIES, conditional_access.create_location, _T,
       success=201, body=NamedLocationBody),
    Op("NamedLocationGet", "GET", _LOCATIONS + "/{location}", rights.READ_POLICIES, conditional_access.get_location,
       _T),
    Op("NamedLocationUpdate", "PATCH", _LOCATIONS + "/{location}", rights.WRITE_POLICIES,
       conditional_access.update_location, _T, success=204, body=NamedLocationBody),
    Op("NamedLocationDelete", "DELETE", _LOCATIONS + "/{location}", rights.WRITE_POLICIES,
       conditional_access.delete_location, _T, success=204),
)  # fmt: skip
