"""
The rows about guardrails: `Microsoft.PolicyInsights`, and what of Azure Policy is in `Microsoft.Authorization`.

Guardrails are read here and written nowhere: they are the operator's.
"""

from __future__ import annotations

from strongroom.arm import policies
from strongroom.arm import policy_wire as wire
from strongroom.arm.policy_documents import ASSIGNMENT_TYPE, DEFINITION_TYPE
from strongroom.arm.rows import action, row
from strongroom.arm.targets import GROUP, VAULT, at, at_scope
from strongroom.core.locks import Effect
from strongroom.core.permissions import Authenticated

_ANYONE = Authenticated()
_SUBSCRIPTION = "/subscriptions/{subscription}"
_INSIGHTS = "Microsoft.PolicyInsights"
_CHECK_TYPE, _STATES_TYPE = f"{_INSIGHTS}/checkPolicyRestrictions", f"{_INSIGHTS}/policyStates"
_CHECK, _QUERY = action(f"{_CHECK_TYPE}/read"), action(f"{_STATES_TYPE}/queryResults/action")
_SUMMARIZE = action(f"{_STATES_TYPE}/summarize/action")
_READ_ASSIGNMENT = action(f"{ASSIGNMENT_TYPE}/read")
_DEFINITIONS = f"/providers/{DEFINITION_TYPE}"
_ASSIGNMENTS = f"{{scope*}}/providers/{ASSIGNMENT_TYPE}"
_AT_TENANT, _AT_SUBSCRIPTION = at("/"), at(_SUBSCRIPTION)
_PLACES = (("", _SUBSCRIPTION), ("ByGroup", GROUP), ("ByVault", VAULT))

_STATE_ROWS = tuple(
    one
    for suffix, place in _PLACES
    for one in (
        row(f"PolicyStateQuery{suffix}", "POST", f"{place}/providers/{_STATES_TYPE}/latest/queryResults",
            _STATES_TYPE, _QUERY, policies.query_states, at(place), effect=Effect.NOTHING),
        row(f"PolicyStateSummarize{suffix}", "POST", f"{place}/providers/{_STATES_TYPE}/latest/summarize",
            _STATES_TYPE, _SUMMARIZE, policies.summarize_states, at(place), effect=Effect.NOTHING),
    )
)  # fmt: skip

POLICY_ROWS = (
    row("PolicyDefinitionListBuiltIn", "GET", _DEFINITIONS,
        DEFINITION_TYPE, _ANYONE, policies.list_definitions, _AT_TENANT),
    row("PolicyDefinitionGetBuiltIn", "GET", f"{_DEFINITIONS}/{{name}}",
        DEFINITION_TYPE, _ANYONE, policies.get_definition, _AT_TENANT),
    row("PolicyDefinitionList", "GET", f"{_SUBSCRIPTION}{_DEFINITIONS}",
        DEFINITION_TYPE, _ANYONE, policies.list_definitions, _AT_SUBSCRIPTION),
    row("PolicyDefinitionGet", "GET", f"{_SUBSCRIPTION}{_DEFINITIONS}/{{name}}",
        DEFINITION_TYPE, _ANYONE, policies.get_definition, _AT_SUBSCRIPTION),
    row("PolicyAssignmentList", "GET", _ASSIGNMENTS,
        ASSIGNMENT_TYPE, _READ_ASSIGNMENT, policies.list_assignments, at_scope),
    row("PolicyAssignmentGet", "GET", f"{_ASSIGNMENTS}/{{name}}",
        ASSIGNMENT_TYPE, _READ_ASSIGNMENT, policies.get_assignment, at_scope),
    row("PolicyRestrictionCheck", "POST", f"{_SUBSCRIPTION}/providers/{_CHECK_TYPE}",
        _CHECK_TYPE, _CHECK, policies.check_restrictions, _AT_SUBSCRIPTION,
        body=wire.CheckRestrictionsRequest, effect=Effect.NOTHING),
    row("PolicyRestrictionCheckByGroup", "POST", f"{GROUP}/providers/{_CHECK_TYPE}",
        _CHECK_TYPE, _CHECK, policies.check_restrictions, at(GROUP),
        body=wire.CheckRestrictionsRequest, effect=Effect.NOTHING),
    *_STATE_ROWS,
)  # fmt: skip

POLICY_TYPES: tuple[str, ...] = (DEFINITION_TYPE, ASSIGNMENT_TYPE, _CHECK_TYPE, _STATES_TYPE)
"""The resource types that these rows serve."""
