"""What a tenant's policies say together, besides what each says alone (tests/properties has that)."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core.conditional_access import (
    AccessPolicy,
    Attempt,
    Demands,
    Flow,
    Outcome,
    PolicySet,
    State,
    Subjects,
    Verdict,
)

NOW = 1_790_000_000
BLOCKS, IS_YOUNG, HAS_FACTOR = Demands(block=True), Demands(sign_in_age_s=3600), Demands(second_factor=True)
EVERYBODY = Subjects(users=("All",), service_principals=("All",))


def policy(demands: Demands, name: str = "p", **known: Any) -> AccessPolicy:
    """Make a policy about everybody and everything."""
    given = {"state": State.ENABLED, "include": EVERYBODY, "resources": ("All",), **known}
    state = given.pop("state")
    return AccessPolicy(name, "t", "A policy", state, 0, 0, demands, **given)


def judged(*policies: AccessPolicy, is_user: bool = True, authenticated: int | None = NOW) -> Verdict:
    """Judge somebody who has just signed in with a second factor, unless the test wants it otherwise."""
    nobody: frozenset[str] = frozenset()
    flow, methods = Flow.AUTHORIZATION_CODE, frozenset({"mfa"})
    attempt = Attempt("u", is_user, nobody, nobody, "c", "r", flow, "10.0.0.1", NOW, authenticated, methods)
    return PolicySet(policies, ()).judge(attempt)


def bounds_age(*policies: AccessPolicy, is_user: bool = True) -> bool:
    """Tell whether policies bound the age of what that person may get."""
    return judged(*policies, is_user=is_user).bounds_age


def test_one_policy_that_bounds_the_age_is_enough() -> None:
    """Whichever comes first: a token that lives for a day would carry the sign-in past the bound."""
    young, factor = policy(IS_YOUNG, "young"), policy(HAS_FACTOR, "factor")
    assert bounds_age(young, factor)
    assert bounds_age(factor, young)
    assert not bounds_age(factor)


def test_a_policy_that_only_reports_bounds_nothing() -> None:
    """Nor does one that is switched off, or one about a service principal, whose sign-in has no age."""
    for state in (State.REPORT_ONLY, State.DISABLED):
        assert not bounds_age(policy(IS_YOUNG, state=state))
    assert not bounds_age(policy(IS_YOUNG), is_user=False)


@pytest.mark.parametrize(
    ("one", "blocks"),
    [
        (policy(BLOCKS), True),
        (policy(IS_YOUNG), False),
        (policy(BLOCKS, flows=(Flow.DEVICE_CODE,)), False),
        (policy(BLOCKS, state=State.REPORT_ONLY), False),
        (policy(BLOCKS, state=State.DISABLED), False),
    ],
)
def test_which_policies_are_asked_for_every_request(one: AccessPolicy, blocks: bool) -> None:  # noqa: FBT001  a column of the table
    """One that counts, blocks, and is about no way of asking, since a token that is used is not asked for."""
    assert PolicySet([one], ()).blocks_use is blocks


def test_what_is_switched_off_is_no_policy() -> None:
    """A tenant with nothing else is asked nothing; one that only reports is asked."""
    assert not PolicySet([policy(BLOCKS, state=State.DISABLED)], ())
    assert PolicySet([policy(BLOCKS, state=State.REPORT_ONLY)], ())


def test_a_sign_in_that_nobody_knows_the_time_of_is_too_old() -> None:
    """It fails closed, for "every time" too."""
    assert judged(policy(IS_YOUNG), authenticated=None).too_old == ("p",)
    assert judged(policy(Demands(sign_in_age_s=0)), authenticated=None).too_old == ("p",)


def test_a_policy_for_everywhere_but_everywhere_is_about_nothing() -> None:
    """`All` among the networks that are left out leaves out every address."""
    assert judged(policy(BLOCKS)).outcome is Outcome.BLOCKED
    assert judged(policy(BLOCKS, excluded_networks=("All",))) == Verdict()


def test_what_only_reports_says_what_it_would_have_demanded() -> None:
    """And decides nothing."""
    verdict = judged(policy(BLOCKS, state=State.REPORT_ONLY))
    assert verdict == Verdict(reported=(("p", Outcome.BLOCKED),))
    assert verdict.outcome is Outcome.ALLOWED
