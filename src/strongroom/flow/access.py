"""
Conditional access in the flow: whether a token may be given now, and whether one that was given may still be used.

`admit` is the one place that refuses by a policy: the shared phase of every grant goes through it, and the journal
names the policy that decided. `needed_by_policy` answers the same question without refusing, for pages that can ask a
person for what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from strongroom.core.aadsts import refuse
from strongroom.core.conditional_access import Attempt, Flow, Outcome, Verdict
from strongroom.core.errors import Failure
from strongroom.core.identity import Caller, PrincipalType, ServicePrincipal, User
from strongroom.core.installation import Installation

if TYPE_CHECKING:
    from strongroom.flow.call import Call
    from strongroom.flow.world import World


def attempt_of(
    world: World,
    principal: User | ServicePrincipal,
    *,
    flow: Flow,
    client: str,
    resource: str,
    address: str,
    now: int,
    authenticated: int | None = None,
    methods: Iterable[str] = (),
) -> Attempt:
    """
    Describe what is about to be given, with what the directory says of the principal now.

    *client* and *resource* are application ids; *authenticated* is when, and *methods* how (`amr`), a user signed in.
    """
    view, tenant = world.view, principal.tenant
    return Attempt(
        principal.id,
        isinstance(principal, User),
        view.groups_of(tenant, principal.id),
        view.directory_roles_of(tenant, principal.id),
        client,
        resource,
        flow,
        address,
        now,
        authenticated,
        frozenset(methods),
        is_break_glass(world, principal.id),
    )


def needed_by_policy(world: World, tenant: str, attempt: Attempt) -> Verdict:
    """
    Say what the tenant's policies demand that an attempt has not got: `second_factor` and `too_old` name them.

    With no `methods` and no `authenticated` it says what a sign-in will have to show. It refuses nothing and records
    nothing.
    """
    return world.view.conditional_access(tenant).judge(attempt)


def admit(call: Call, tenant: str, attempt: Attempt, *, resource: str) -> Verdict:
    """
    Let a token be given, or refuse it; *resource* is the audience, for the sentence.

    Raises:
        Invalid: AADSTS53003, a policy blocks it; 50076, a policy wants a second factor; 70043 and 50078, a policy wants
            a younger sign-in. All name the policy in `claims`, so that a client that can ask a person for it does.
    """
    policies = call.world.view.conditional_access(tenant)
    if not policies:
        return Verdict()
    verdict = policies.judge(attempt)
    note(call, verdict)
    if verdict.outcome is Outcome.ALLOWED:
        return verdict
    # Who asks is known by now: a grant judges its own proof before anybody's policies are asked.
    call.proved = True
    raise refused(verdict, attempt.flow, resource=resource)


def refused(verdict: Verdict, flow: Flow | None, *, resource: str) -> Failure:
    """Say in the token service's words what a verdict demands; *resource* is the audience, for the sentence."""
    outcome, policy = verdict.outcome, verdict.policy or ""
    number = {Outcome.BLOCKED: 53003, Outcome.SECOND_FACTOR: 50076}.get(outcome) or (
        70043 if flow is Flow.REFRESH_TOKEN else 50078
    )
    details = {"resource": resource} if number in {50076, 50078} else {}
    return refuse(
        number, reason=f"conditional access policy {policy}: {outcome.value}", claims=_claims(policy), **details
    )


def note(call: Call, verdict: Verdict) -> None:
    """Note for the journal what was decided and by which policy, and what those that only report would have."""
    if verdict.policy is not None:
        call.properties.update(
            conditionalAccess=verdict.outcome.value,
            conditionalAccessPolicy=verdict.policy,
        )
    if verdict.reported:
        call.properties["conditionalAccessReports"] = [
            f"{policy} {outcome.value}" for policy, outcome in verdict.reported
        ]


def _claims(policy: str) -> str:
    return json.dumps({"access_token": {"capolids": {"essential": True, "values": [policy]}}}, separators=(",", ":"))


def is_break_glass(world: World, oid: str) -> bool:
    """Tell whether an object id is that of the account which no policy keeps out."""
    return any(one.break_glass == oid for one in world.view.all(Installation))


def blocking_policy(world: World, caller: Caller, resource: str, address: str) -> str | None:
    """
    Name the policy that keeps a caller from using its token from here; None if none does.

    Asked for every request with a token of a client that understands the answer, so it is cheap where no policy blocks.
    """
    policies = world.view.conditional_access(caller.tenant)
    if not policies.blocks_use:
        return None
    verdict = policies.judge(
        Attempt(
            caller.oid,
            caller.kind is PrincipalType.USER,
            caller.groups,
            caller.directory_roles,
            caller.appid,
            resource,
            None,
            address,
            world.now(),
            is_break_glass=is_break_glass(world, caller.oid),
        )
    )
    return next(iter(verdict.blocked), None)
