"""Deny assignments, conditions and management groups in the index of rights."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strongroom.core import builtin_roles as roles
from strongroom.core import limits
from strongroom.core.builtin_roles import BUILTIN_ROLES
from strongroom.core.facts import NO_FACTS, Facts
from strongroom.core.grants import GrantIndex
from strongroom.core.identity import Caller, PrincipalType, _with_groups
from strongroom.core.limits import CALLERS_KEPT
from strongroom.core.rbac import EVERYONE, DenyAssignment, RoleAssignment, RoleDefinition
from strongroom.core.rulings import Bearing

TENANT, OTHER_TENANT = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
ALICE, TEAM, BOB = (f"{letter * 8}-0000-0000-0000-000000000001" for letter in "abc")
SUBSCRIPTION = "/subscriptions/5b000000-0000-0000-0000-000000000001"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv1"
SECRET = f"{VAULT}/secrets/s1"
MANAGEMENT = "/providers/Microsoft.Management/managementGroups/"
GET, LIST = (f"Microsoft.KeyVault/vaults/secrets/{word}/action" for word in ("getSecret", "readMetadata"))
NAMED_APP = "@Resource[Microsoft.KeyVault/vaults/secrets:name] StringStartsWith 'app-'"
OFF_HOURS = "@Environment[UtcNow] TimeOfDayLessThan '08:00'"
WRITE = "Microsoft.Authorization/roleAssignments/write"
ME = frozenset({ALICE, TEAM})


def grant(
    number: int = 1, *, scope: str = VAULT, role: str = roles.KEY_VAULT_ADMINISTRATOR, **how: object
) -> RoleAssignment:
    """Give Alice a role."""
    made = RoleAssignment(f"{number:08}-0000-0000-0000-000000000000", TENANT, scope, role, ALICE, PrincipalType.USER, 0)
    return replace(made, **how)  # type: ignore[arg-type]  # the caller names fields


def denial(number: int = 1, *, scope: str = VAULT, **how: object) -> DenyAssignment:
    """Deny everyone every data action."""
    made = DenyAssignment(
        f"{number:08}-0000-0000-0000-00000000000d",
        TENANT,
        scope,
        "no",
        0,
        data_actions=("*",),
        principals=(EVERYONE,),
    )
    return replace(made, **how)  # type: ignore[arg-type]  # the caller names fields


def index(*held: RoleAssignment | DenyAssignment, **how: object) -> GrantIndex:
    """Compile assignments and denials."""
    return GrantIndex(
        TENANT,
        [one for one in held if isinstance(one, RoleAssignment)],
        how.pop("roles", BUILTIN_ROLES),  # type: ignore[arg-type]  # the caller's own
        denials=[one for one in held if isinstance(one, DenyAssignment)],
        **how,  # type: ignore[arg-type]  # the caller's own
    )


def secret(name: str) -> Facts:
    """Know a secret's name."""
    return Facts({"microsoft.keyvault/vaults/secrets:name": name})


def allowed(
    *held: RoleAssignment | DenyAssignment, scope: str = SECRET, action: str = GET, facts: Facts = NO_FACTS
) -> bool:
    """Ask whether Alice, who is in the team, may, by one index, twice."""
    compiled = index(*held)
    data = action != WRITE
    first = compiled.rule(ME, scope, action, data=data, facts=facts)
    again = compiled.rule(ME, scope, action, data=data, facts=facts)
    assert first == again, "what is kept answers alike"
    assert (compiled.find(ME, scope, action, data=data, facts=facts) is not None) is first.is_allowed
    return first.is_allowed


# ---- deny assignments


@pytest.mark.parametrize(
    "scope", ["/", SUBSCRIPTION, GROUP, VAULT, VAULT.upper(), f"{VAULT}/", SECRET, MANAGEMENT + TENANT]
)
def test_a_denial_at_or_above_wins(scope: str) -> None:
    """Reference section 3.5: a matching deny assignment wins, whatever the role and wherever it is given."""
    assert allowed(grant(scope="/"), grant(2, scope=SECRET))
    assert not allowed(grant(scope="/"), grant(2, scope=SECRET), denial(scope=scope))


@pytest.mark.parametrize("scope", [VAULT[:-1], f"{VAULT}1", f"{VAULT}/keys/s1", f"{SECRET}1", f"{MANAGEMENT}other"])
def test_a_denial_elsewhere_does_not(scope: str) -> None:
    """Scopes are compared on segment boundaries: `/vaults/kv` denies nothing in `/vaults/kv1`."""
    assert allowed(grant(), denial(scope=scope))


@pytest.mark.parametrize(
    ("how", "denied"),
    [
        ({"principals": (ALICE,)}, True),
        ({"principals": (ALICE.upper(),)}, True),
        ({"principals": (TEAM,)}, True),
        ({"principals": (BOB,)}, False),
        ({"principals": ()}, False),
        ({"exclude_principals": (ALICE,)}, False),
        ({"exclude_principals": (TEAM.upper(),)}, False),
        ({"exclude_principals": (BOB,)}, True),
        ({"principals": (ALICE,), "exclude_principals": (TEAM,)}, False),
        ({"data_actions": (GET,)}, True),
        ({"data_actions": (GET.upper(),)}, True),
        ({"data_actions": (LIST,)}, False),
        ({"data_actions": (), "actions": ("*",)}, False),
        ({"not_data_actions": (GET,)}, False),
        ({"not_actions": ("*",)}, True),
        ({"tenant": OTHER_TENANT}, False),
    ],
)
def test_whom_and_what_a_denial_is_for(how: dict[str, object], denied: bool) -> None:  # noqa: FBT001  a column
    """Principals less those it excludes, groups among both; data actions and control actions apart."""
    assert allowed(grant(), denial(**how)) is not denied


def test_a_denial_of_control_actions_is_none_of_data_actions() -> None:
    """And the other way round."""
    owner = grant(role=roles.OWNER, scope=SUBSCRIPTION)
    assert not allowed(owner, denial(actions=("*",)), scope=VAULT, action=WRITE)
    assert allowed(owner, denial(), scope=VAULT, action=WRITE)


def test_a_denial_for_its_own_scope_alone() -> None:
    """`doNotApplyToChildScopes`: what is below is not denied, the scope itself is."""
    here = denial(scope=VAULT, only_here=True)
    assert allowed(grant(), here, scope=SECRET)
    assert not allowed(grant(), here, scope=VAULT, action=LIST)
    assert not allowed(grant(), here, scope=VAULT.upper() + "/", action=LIST)
    assert not allowed(grant(scope="/"), denial(scope="/", only_here=True), scope="/", action=LIST)


@pytest.mark.parametrize(
    ("condition", "version", "name", "denied"),
    [
        (NAMED_APP, "2.0", "app-1", True),
        (NAMED_APP, "2.0", "web-1", False),
        (NAMED_APP, "2.0", None, True),
        (f"NOT {NAMED_APP}", "2.0", None, True),
        (NAMED_APP, "1.0", "web-1", True),
        ("garbage", "2.0", "web-1", True),
        ("", None, "web-1", True),
    ],
)
def test_a_denial_under_a_condition_holds_unless_that_is_false(
    condition: str,
    version: str | None,
    name: str | None,
    denied: bool,  # noqa: FBT001  a column of the table
) -> None:
    """SEC-FLOW-18: an unknown deny condition denies, and so does one that cannot be read."""
    facts = NO_FACTS if name is None else secret(name)
    taken = denial(condition=condition, condition_version=version)
    assert allowed(grant(), taken, facts=facts) is not denied


def test_a_denial_whose_scope_is_none_holds_everywhere() -> None:
    """Where it was meant to hold cannot be told, and what cannot be decided is refused."""
    assert not allowed(grant(), denial(scope="vaults/elsewhere"))
    # Also one that would spare what is below its scope, if it had one.
    assert not allowed(grant(), denial(scope="vaults/elsewhere", only_here=True))


def test_the_nearest_denial_is_the_evidence() -> None:
    """And of two at one scope the one with the lower id, in whatever order they are read."""
    far, near, twin = denial(1, scope="/"), denial(3), denial(2)
    for held in ([far, near, twin], [twin, near, far]):
        ruling = index(grant(), *held).rule(ME, SECRET, GET, data=True)
        assert (ruling.assignment, ruling.denial) == (grant(), twin)
        assert ruling.reason == f"deny assignment {twin.arm_id}"


# ---- conditions


@pytest.mark.parametrize(
    ("condition", "version", "name", "expected"),
    [
        (NAMED_APP, "2.0", "app-1", True),
        (NAMED_APP, None, "app-1", True),
        (NAMED_APP, "2.0", "web-1", False),
        (NAMED_APP, "2.0", "APP-1", False),
        (NAMED_APP, "2.0", None, False),
        (f"NOT {NAMED_APP}", "2.0", None, False),
        (f"NOT {NAMED_APP}", "2.0", "web-1", True),
        (NAMED_APP, "1.0", "app-1", False),
        ("garbage", "2.0", "app-1", False),
        ("", "2.0", "app-1", False),
    ],
)
def test_a_grant_under_a_condition_holds_if_that_is_true(
    condition: str,
    version: str | None,
    name: str | None,
    expected: bool,  # noqa: FBT001  a column of the table
) -> None:
    """SEC-FLOW-18: only true grants; unknown survives NOT; what cannot be read grants nothing."""
    facts = NO_FACTS if name is None else secret(name)
    assert allowed(grant(condition=condition, condition_version=version), facts=facts) is expected


def test_a_roles_condition_and_the_assignments_hold_together() -> None:
    """Each narrows the other."""
    role = RoleDefinition("r", TENANT, "r", data_actions=("*",), condition=NAMED_APP, condition_version="2.0")
    ends = "@Resource[Microsoft.KeyVault/vaults/secrets:name] StringLike '*-1'"
    compiled = index(grant(role="r", condition=ends), roles={"r": role})
    asked = {
        name: compiled.rule(ME, SECRET, GET, data=True, facts=secret(name)).is_allowed
        for name in ("app-1", "app-2", "web-1")
    }
    assert asked == {"app-1": True, "app-2": False, "web-1": False}


def test_each_condition_is_asked_anew() -> None:
    """The answer to one question is not kept for the next, whose facts are other ones."""
    compiled = index(grant(condition=NAMED_APP))
    answers = [
        compiled.rule(ME, SECRET, GET, data=True, facts=secret(name)).is_allowed for name in ("app-1", "web", "app-2")
    ]
    assert answers == [True, False, True]


def test_a_grant_without_a_condition_is_preferred() -> None:
    """It needs no facts, so its answer is kept; a narrower one under a condition changes nothing."""
    wide, narrow = grant(1, scope="/"), grant(2, scope=SECRET, condition=NAMED_APP)
    compiled = index(wide, narrow)
    assert compiled.settled(ME, SECRET, GET, data=True) == compiled.rule(
        ME, SECRET, GET, data=True, facts=secret("app-1")
    )
    assert compiled.find(ME, SECRET, GET, data=True, facts=secret("app-1")) == wide
    assert index(narrow).settled(ME, SECRET, GET, data=True) is None


def test_an_unconditional_right_can_be_demanded() -> None:
    """What a Data Access Administrator has is not enough for what wants the unrestricted right."""
    limited = grant(role=roles.KEY_VAULT_DATA_ACCESS_ADMINISTRATOR)
    facts = Facts(request={"microsoft.authorization/roleassignments:roledefinitionid": roles.KEY_VAULT_READER})
    compiled = index(limited)
    assert compiled.rule(ME, VAULT, WRITE, data=False, facts=facts).is_allowed
    assert not compiled.rule(ME, VAULT, WRITE, data=False, facts=facts, unconditional=True).is_allowed
    owner = index(limited, grant(2, role=roles.OWNER))
    assert owner.rule(ME, VAULT, WRITE, data=False, unconditional=True).is_allowed


def test_asked_ahead_of_the_facts_only_what_is_certain_refuses() -> None:
    """A row that its handler decides lets in whoever may yet be allowed, and says that it is not settled."""
    limited = grant(role=roles.KEY_VAULT_DATA_ACCESS_ADMINISTRATOR)

    def ahead(*held: RoleAssignment | DenyAssignment, action: str = WRITE) -> tuple[bool, bool]:
        ruling = index(*held).rule_ahead(ME, VAULT, action, data=False)
        return ruling.is_allowed, ruling.settled

    assert ahead(limited) == (True, False)
    assert ahead(limited, grant(2, role=roles.OWNER)) == (True, True)
    assert ahead(grant(role=roles.READER)) == (False, True)
    assert ahead(grant(role=roles.OWNER, condition="1 NumericEquals 2")) == (False, True)
    assert ahead(grant(role=roles.OWNER, condition="garbage")) == (True, False)
    certain = grant(2, role=roles.OWNER, condition="1 NumericEquals 1")
    assert ahead(limited, certain) == (True, True)
    request = "@Request[Microsoft.Authorization/roleAssignments:PrincipalType] StringEquals 'User'"
    maybe = denial(data_actions=(), actions=("*",), condition=request)
    assert ahead(limited, maybe) == (True, False)
    assert ahead(grant(role=roles.OWNER), maybe) == (True, False)
    assert ahead(limited, replace(maybe, condition=None))[0] is False
    missing = "NOT Exists @Request[Microsoft.Authorization/roleAssignments:PrincipalType]"
    assert ahead(grant(role=roles.OWNER, condition=missing)) == (True, False)


def test_only_answers_about_the_time_are_unsteady() -> None:
    """A permit that rests on the clock must not be remembered, and one that does not may."""
    night = Facts(environment={"utcnow": "2026-01-01T03:00:00Z"})
    timed, plain, named = grant(1, condition=OFF_HOURS), grant(2, scope="/"), grant(3, condition=NAMED_APP)

    def steady(*held: RoleAssignment | DenyAssignment) -> bool:
        ruling = index(*held).rule(
            ME, SECRET, GET, data=True, facts=Facts(secret("app-1").resource, {}, night.environment)
        )
        assert ruling.is_allowed
        return ruling.steady

    assert not steady(timed)
    assert steady(plain)
    assert steady(timed, plain), "the one without a condition decides"
    assert steady(named)
    assert not steady(plain, denial(condition=f"NOT {OFF_HOURS}"))
    assert steady(plain, denial(condition=f"NOT {NAMED_APP}"))


# ---- management groups


def test_rights_and_denials_come_down_nested_groups() -> None:
    """Of a subscription and of a group within groups, each with all that are above it."""
    above = {SUBSCRIPTION.lower(): ("leaf", "middle"), f"{MANAGEMENT}leaf".lower(): ("middle",)}
    for name in ("Leaf", "middle", TENANT):
        compiled = index(grant(scope=MANAGEMENT + name), ancestors=above)
        assert compiled.rule(ME, SECRET, GET, data=True).is_allowed
        assert compiled.rule(ME, f"{MANAGEMENT}leaf", GET, data=True).is_allowed
        denying = index(grant(scope="/"), denial(scope=MANAGEMENT + name), ancestors=above)
        assert not denying.rule(ME, SECRET, GET, data=True).is_allowed
        assert not denying.rule(ME, f"{MANAGEMENT}LEAF", GET, data=True).is_allowed
    middle = index(grant(scope=f"{MANAGEMENT}leaf"), ancestors=above)
    assert not middle.rule(ME, f"{MANAGEMENT}middle", GET, data=True).is_allowed
    assert not middle.rule(ME, SECRET.replace("0001", "0002", 1), GET, data=True).is_allowed


def test_what_touches_a_scope() -> None:
    """A role at, above or below it, through any group of management, and whatever its condition."""
    above = {SUBSCRIPTION.lower(): ("leaf",)}
    for scope in ("/", f"{MANAGEMENT}leaf", SUBSCRIPTION, GROUP, SECRET):
        assert index(grant(scope=scope, condition="garbage"), ancestors=above).touches(ME, SUBSCRIPTION)
    for scope in (f"{MANAGEMENT}other", SUBSCRIPTION[:-1], f"{SUBSCRIPTION}1"):
        assert not index(grant(scope=scope), ancestors=above).touches(ME, SUBSCRIPTION)
    assert not index(grant(role="unknown")).touches(ME, SUBSCRIPTION)


# ---- what was considered


def test_everything_that_was_considered_can_be_listed() -> None:
    """Denials first, then assignments, each with what it means for the question."""
    held = (
        grant(1),
        grant(2, role="unknown"),
        grant(3, scope=f"{VAULT}2"),
        grant(4, role=roles.READER),
        grant(5, condition=NAMED_APP),
        grant(6, condition=f"{NAMED_APP} AND 1 NumericEquals 2"),
        grant(7, condition="garbage"),
        grant(8, principal=BOB),
        denial(1, scope=f"{VAULT}2"),
        denial(2, exclude_principals=(TEAM,)),
        denial(3, data_actions=(LIST,)),
        denial(4, condition="1 NumericEquals 2"),
        denial(5, condition="garbage"),
        denial(6, principals=(BOB,)),
        denial(7, only_here=True),
    )
    listed = index(*held).consider(ME, SECRET, GET, data=True)
    assert [(one.denial.id[7], one.bearing) for one in listed if one.denial is not None] == [
        ("1", Bearing.OTHER_SCOPE),
        ("2", Bearing.EXCLUDED),
        ("3", Bearing.OTHER_ACTION),
        ("4", Bearing.CONDITION_FALSE),
        ("5", Bearing.DENIES),
        ("7", Bearing.OTHER_SCOPE),
    ]
    assert [(one.assignment.id[7], one.bearing) for one in listed if one.assignment is not None] == [
        ("1", Bearing.GRANTS),
        ("2", Bearing.UNKNOWN_ROLE),
        ("3", Bearing.OTHER_SCOPE),
        ("4", Bearing.OTHER_ACTION),
        ("5", Bearing.CONDITION_UNKNOWN),
        ("6", Bearing.CONDITION_FALSE),
        ("7", Bearing.CONDITION_UNREADABLE),
    ]
    assert [one.counts for one in listed].count(True) == 2


def test_why_nothing_is_allowed() -> None:
    """The audit's reason: no assignment, none whose condition holds, or the denial by its ARM id."""
    assert index().rule(ME, SECRET, GET, data=True).reason == "no role assignment"
    under_condition = grant(condition=NAMED_APP)
    assert index(under_condition).rule(ME, SECRET, GET, data=True).reason == (
        f"no role assignment whose condition holds: {under_condition.arm_id}"
    )
    ruling = index(denial()).rule(ME, SECRET, GET, data=True)
    assert (ruling.assignment, ruling.denial) == (None, denial())


# ---- size


def test_a_callers_groups_are_one_set() -> None:
    """A thousand groups are hashed and compared once: the same ones are the same set, and only so many are kept."""
    groups = frozenset(f"group-{number}" for number in range(1000))
    caller = Caller(TENANT, ALICE, "app", PrincipalType.USER, "issuer", groups, "credential", "token")
    again = replace(caller, token_id="another")
    assert caller.principals == groups | {ALICE}
    assert caller.principals is again.principals
    for number in range(CALLERS_KEPT + 10):
        assert replace(caller, oid=str(number)).principals == groups | {str(number)}
    assert _with_groups.cache_info().currsize <= CALLERS_KEPT


def test_a_large_tenant_is_answered_from_what_is_kept() -> None:
    """Ten thousand assignments, a thousand groups and denials: after the first question no list is walked."""
    groups = [f"group-{number}" for number in range(1000)]
    roles_in_turn = sorted(BUILTIN_ROLES)
    held = [
        grant(
            number, scope=f"{VAULT}/secrets/x{number}", role=roles_in_turn[number % 19], principal=groups[number % 1000]
        )
        for number in range(1, 10_000)
    ]
    denials = [denial(number, scope=f"{VAULT}/secrets/y{number}") for number in range(1000)]
    compiled = index(grant(0), *held, *denials)
    me = frozenset({ALICE, *groups})
    first = compiled.rule(me, SECRET, GET, data=True)
    assert first.assignment == grant(0)
    compiled._held.clear()
    compiled._denials.clear()
    assert compiled.rule(me, SECRET, GET, data=True) is first
    assert compiled.rule(me, f"{VAULT}/secrets/s2", GET, data=True) == first
    assert not compiled.rule(me, f"{VAULT}/secrets/y7", GET, data=True).is_allowed


class TestHowMuchIsAsked:
    """One question asks only so many conditions: what goes beyond grants nothing, and denies."""

    LONGEST = f"{NAMED_APP}{' ' * (limits.CONDITION_CHARS - len(NAMED_APP))}"
    MOST = limits.CONDITION_CHARS_ASKED // limits.CONDITION_CHARS
    FACTS = Facts(resource={"microsoft.keyvault/vaults/secrets:name": "app-1"})
    FALSE = f"NOT ({NAMED_APP})".ljust(limits.CONDITION_CHARS)

    def test_of_grants(self) -> None:
        """The last that is asked decides, and one past it does not."""
        refusing = [grant(number, condition=self.FALSE) for number in range(1, self.MOST)]
        for number, allowed in ((self.MOST, True), (self.MOST + 1, False)):
            filled = [*refusing, *(grant(one, condition=self.FALSE) for one in range(self.MOST, number))]
            last = grant(number, condition=self.LONGEST)
            asked = index(*filled, last)
            ruling = asked.rule(ME, SECRET, GET, data=True, facts=self.FACTS)
            assert ruling.is_allowed is allowed
            assert asked.rule_ahead(ME, SECRET, GET, data=True).is_allowed
            found = {
                one.assignment: one.bearing for one in asked.consider(ME, SECRET, GET, data=True, facts=self.FACTS)
            }
            assert found[last] is (Bearing.GRANTS if allowed else Bearing.CONDITION_UNKNOWN)

    def test_of_denials(self) -> None:
        """One past the last that is asked denies, whatever its condition says; without one it denied anyway."""
        for count, allowed in ((self.MOST, True), (self.MOST + 1, False)):
            denials = [denial(number, condition=self.FALSE) for number in range(1, count + 1)]
            asked = index(grant(), *denials)
            assert asked.rule(ME, SECRET, GET, data=True, facts=self.FACTS).is_allowed is allowed
            assert asked.rule_ahead(ME, SECRET, GET, data=True).is_allowed is allowed
            found = asked.consider(ME, SECRET, GET, data=True, facts=self.FACTS)
            assert any(one.bearing is Bearing.DENIES for one in found) is not allowed

    def test_what_is_without_a_condition(self) -> None:
        """It counts, however many conditions there are beside it."""
        many = [grant(number, condition=self.FALSE) for number in range(1, self.MOST + 10)]
        held = grant(99)
        assert index(*many, held).find(ME, SECRET, GET, data=True, facts=self.FACTS) == held


class TestWhatIsTakenOver:
    """An index is made anew after any change; what did not change is not compiled again."""

    def test_of_records_that_did_not_change(self) -> None:
        """Roles and denials are known by the very record, so that a changed one is never answered from the old."""
        role = RoleDefinition("c0000000-0000-0000-0000-000000000001", TENANT, "readers", data_actions=(GET,))
        kept, other = denial(1, data_actions=(LIST,)), denial(2, data_actions=("x/*",))
        before = index(grant(role=role.id), kept, other, roles={role.id: role})
        assert before.find(ME, SECRET, GET, data=True) is not None

        wider = replace(other, data_actions=("*",))
        after = index(grant(role=role.id), kept, wider, roles={role.id: role}, known=before.compiled)
        assert after.compiled[role.id] is before.compiled[role.id]
        assert after.compiled[kept.id] is before.compiled[kept.id]
        assert after.find(ME, SECRET, GET, data=True) is None

        less = replace(role, data_actions=(LIST,))
        last = index(grant(role=role.id), roles={role.id: less}, known=after.compiled)
        assert last.find(ME, SECRET, GET, data=True) is None
        assert set(last.compiled) == {role.id}

    def test_of_one_id_in_two_kinds(self) -> None:
        """A role and a denial of one id are not taken for each other."""
        name = "c0000000-0000-0000-0000-000000000001"
        role = RoleDefinition(name, TENANT, "readers", data_actions=(GET, LIST))
        one = replace(denial(data_actions=(LIST,)), id=name)
        before = index(grant(role=name), one, roles={name: role})
        for asked in (before, index(grant(role=name), one, roles={name: role}, known=before.compiled)):
            assert asked.find(ME, SECRET, GET, data=True) is not None
            assert asked.find(ME, SECRET, LIST, data=True) is None
