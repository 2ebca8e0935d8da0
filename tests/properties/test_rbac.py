"""
Role assignments against a second evaluator, written from reference sections 3.4 and 3.5, that shares no code with it.

It looks at every assignment for every question, with regular expressions and lists of segments, so what the two have in
common is the reference.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from strongroom.core.action_patterns import ActionPattern
from strongroom.core.builtin_roles import BUILTIN_ROLES
from strongroom.core.grants import GrantIndex
from strongroom.core.identity import PrincipalType
from strongroom.core.rbac import RoleAssignment, RoleDefinition

TENANT, FOREIGN = "tenant-1", "tenant-2"
PRINCIPALS = ("alice", "bob", "team", "everyone")
SUBSCRIPTIONS = ("sub-1", "sub-2")
CUSTOM = ("custom-1", "custom-2", "custom-3")
ABOVE = {"/subscriptions/sub-1": ("leaf", "middle")}

Question = tuple[frozenset[str], str, str, bool]
Case = tuple[list[RoleAssignment], dict[str, RoleDefinition], list[Question]]


# ---- the second evaluator


def covers(pattern: str, action: str) -> bool:
    """Match a wildcard pattern, as a regular expression."""
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(expression, action, re.IGNORECASE | re.DOTALL | re.ASCII) is not None


def role_grants(role: RoleDefinition, action: str, *, data: bool) -> bool:
    """Granted by one list and not taken back by the other."""
    gives = role.data_actions if data else role.actions
    takes = role.not_data_actions if data else role.not_actions
    return any(covers(pattern, action) for pattern in gives) and not any(covers(pattern, action) for pattern in takes)


def segments(scope: str) -> list[str]:
    """List the names of a scope, in lower case."""
    return [part.lower() for part in scope.split("/") if part]


def is_below(scope: str, assigned: str) -> bool:
    """Every name of the assigned scope begins the asked one, or a management group is above its subscription."""
    asked, wide = segments(scope), segments(assigned)
    if asked[: len(wide)] == wide:
        return True
    if len(wide) != 4 or wide[1:3] != ["microsoft.management", "managementgroups"]:
        return False
    if asked[:1] == ["subscriptions"] and len(asked) > 1:
        return wide[3] == TENANT or wide[3] in ABOVE.get(f"/subscriptions/{asked[1]}", ())
    return asked[:3] == wide[:3] and wide[3] == TENANT


def nearness(assigned: str) -> float:
    """Rank a scope that covers the asked one: the more names the nearer, groups far away, the root farthest."""
    names = segments(assigned)
    return 0.5 if names[1:2] == ["microsoft.management"] else len(names)


def allowed_by(
    assignments: list[RoleAssignment],
    roles: Mapping[str, RoleDefinition],
    principals: frozenset[str],
    scope: str,
    action: str,
    *,
    data: bool,
) -> list[RoleAssignment]:
    """Every assignment that allows, found by looking at all of them."""
    found = []
    for one in assignments:
        role = roles.get(one.role)
        if one.tenant != TENANT or one.condition is not None or one.principal not in principals or role is None:
            continue
        if role.condition is not None or role.tenant not in {"", TENANT}:
            continue
        if is_below(scope, one.scope) and role_grants(role, action, data=data):
            found.append(one)
    return found


# ---- examples

words = st.sampled_from(
    ["Microsoft.KeyVault", "vaults", "secrets", "keys", "read", "write", "delete", "getSecret", "action", "s"]
)
actions = st.one_of(
    st.lists(words, min_size=1, max_size=5).map("/".join),
    st.sampled_from(
        [
            "Microsoft.KeyVault/vaults/secrets/getSecret/action",
            "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
            "Microsoft.KeyVault/vaults/keys/read",
            "Microsoft.KeyVault/vaults/write",
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/read",
        ]
    ),
)
patterns = st.lists(st.one_of(words, st.just("*"), st.just("s*"), st.just("*ion")), min_size=1, max_size=5).map(
    "/".join
)
pattern_lists = st.lists(st.one_of(patterns, st.just("*"), st.just("*/read")), max_size=3).map(tuple)


@st.composite
def scopes(draw: st.DrawFn) -> str:
    """Draw a scope of a small tree, deep or shallow, in any case, sometimes with a slash at the end."""
    if draw(st.integers(0, 9)) == 0:
        group = draw(st.sampled_from(["leaf", "middle", "other", TENANT]))
        return f"/providers/Microsoft.Management/managementGroups/{group}"
    names = [
        "subscriptions", draw(st.sampled_from(SUBSCRIPTIONS)),
        "resourceGroups", draw(st.sampled_from(["rg", "rg2"])),
        "providers", "Microsoft.KeyVault", "vaults", draw(st.sampled_from(["kv", "kv2", "kv-2"])),
        draw(st.sampled_from(["secrets", "keys"])), draw(st.sampled_from(["s", "s1"])),
    ]  # fmt: skip
    text = "/" + "/".join(names[: draw(st.integers(0, len(names)))])
    return draw(st.sampled_from([text, text.upper(), text.lower(), text if text == "/" else f"{text}/"]))


custom_roles = st.builds(
    RoleDefinition,
    id=st.just(""),
    tenant=st.sampled_from([TENANT, TENANT, TENANT, FOREIGN]),
    name=st.just("custom"),
    actions=pattern_lists,
    not_actions=pattern_lists,
    data_actions=pattern_lists,
    not_data_actions=pattern_lists,
    condition=st.sampled_from([None, None, None, "true"]),
)
role_ids = st.one_of(
    # One whose condition can be read may hold: `test_rights_oracle` has those.
    st.sampled_from(sorted(role.id for role in BUILTIN_ROLES.values() if role.condition is None)),
    st.sampled_from(CUSTOM),
    st.sampled_from([*CUSTOM, "unknown"]),
)
assignment_lists = st.lists(
    st.builds(
        RoleAssignment,
        id=st.just(""),
        tenant=st.sampled_from([TENANT, TENANT, TENANT, FOREIGN]),
        scope=scopes(),
        role=role_ids,
        principal=st.sampled_from(PRINCIPALS),
        principal_type=st.just(PrincipalType.USER),
        created=st.just(0),
        condition=st.sampled_from([None, None, None, None, "true", ""]),
    ),
    min_size=1,
    max_size=6,
).map(lambda listed: [replace(one, id=f"{place:04}") for place, one in enumerate(listed)])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw assignments, roles and questions: two thirds of them about something that one of the assignments is for."""
    assignments = draw(assignment_lists)
    customs = [replace(draw(custom_roles), id=name) for name in CUSTOM]
    roles = {**BUILTIN_ROLES, **{role.id: role for role in customs}}
    asked: list[Question] = []
    for _ in range(draw(st.integers(1, 4))):
        principals, scope, action = draw(st.frozensets(st.sampled_from(PRINCIPALS))), draw(scopes()), draw(actions)
        data = draw(st.booleans())
        if draw(st.integers(0, 2)):
            aimed_at = draw(st.sampled_from(assignments))
            role = roles.get(aimed_at.role)
            principals |= {aimed_at.principal}
            scope = aimed_at.scope.rstrip("/") + draw(st.sampled_from(["/", "2", "/secrets/s", "2/secrets/s"]))
            # Nearly the root is nothing that is called so.
            scope = scope if scope.startswith("/") else f"/{scope}"
            if role is not None:
                data = bool(role.data_actions)
            granted = () if role is None else (role.data_actions if data else role.actions)
            if granted:
                action = draw(st.sampled_from(granted)).replace("*", draw(st.sampled_from(["", "x", "secrets/s"])))
        asked.append((principals, scope, draw(st.sampled_from([str.lower, str.upper, str]))(action), data))
    return assignments, roles, asked


# Making a failing example small takes longer than the suite's limit on a busy machine.
@pytest.mark.timeout(600)
@given(cases())
def test_the_index_agrees_with_looking_at_every_assignment(case: Case) -> None:
    """Allowed by one means allowed by the other, and the evidence is an assignment that allows, as near as any."""
    assignments, roles, asked = case
    index = GrantIndex(TENANT, assignments, roles, ancestors=ABOVE)
    for principals, scope, action, data in asked:
        expected = allowed_by(assignments, roles, principals, scope, action, data=data)
        found = index.find(principals, scope, action, data=data)
        # Asked again, what was kept answers.
        assert index.find(principals, scope, action, data=data) == found
        event("allowed" if expected else "denied")
        if not expected:
            assert found is None
            continue
        assert found in expected
        assert found is not None
        if segments(scope)[1:2] != ["microsoft.management"]:
            assert nearness(found.scope) == max(nearness(one.scope) for one in expected)


letters = st.text(alphabet="a*b", max_size=6)


@given(letters, st.text(alphabet="abA", max_size=6))
def test_the_matcher_agrees_with_a_regular_expression(pattern: str, action: str) -> None:
    """Any pattern of letters, slashes and wildcards matches what the expression for it matches."""
    assert ActionPattern([pattern]).matches(action) == covers(pattern, action)
