"""
Whether a principal may do something to something, from somewhere, and why or why not.

The flow's own functions are asked in the flow's own order about a caller that is only supposed. Where the flow would
have stopped at the first that refuses, the rest are asked all the same, so that everything that stands in the way is
told at once; the first refusal is the answer that a real request would get.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from strongroom.core.api_versions import at_least
from strongroom.core.errors import Failure, Misdirected, NotFound
from strongroom.core.identity import Caller, Unidentified, User
from strongroom.core.network import Connection, Link, Verdict
from strongroom.core.permissions import Permit
from strongroom.core.vaults import Vault
from strongroom.flow import authentication, authorization, firewall, routes
from strongroom.flow.explain.question import Question, is_decided_by_handler, permissions_of
from strongroom.flow.explain.remedies import Remedy, for_address, for_principal, for_rights, for_vault
from strongroom.flow.explain.rights import Asked, Evidence, asked_about, consider
from strongroom.flow.operation import Target
from strongroom.flow.world import World
from strongroom.http.problems import KEY_VAULT, status_of


@dataclass(frozen=True, slots=True)
class Step:
    """
    One step of the flow.

    Attributes:
        name: `vault`, `operation`, `firewall`, `principal`, `permission`.
        passed: None if it could not be asked, since it needs what an earlier one refused.
        status: the answer's status if this step refuses; 0 if it does not.
        code: the word for programs of such a refusal.
        found: what the step found, in a sentence.
        evidence: what it looked at.
        remedies: each of them would let the step pass.
    """

    name: str
    passed: bool | None
    found: str
    status: int = 0
    code: str = ""
    evidence: tuple[Evidence, ...] = ()
    remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a request would be answered as far as rights go, and why."""

    question: Question
    steps: tuple[Step, ...]

    @property
    def refusal(self) -> Step | None:
        """The step that a real request would be refused by; None if it would be allowed."""
        return next((step for step in self.steps if step.passed is False), None)

    @property
    def allowed(self) -> bool:
        """Whether a handler would run. What it would then find is not said: an object may be missing or disabled."""
        return all(step.passed for step in self.steps)

    def within(self, sees: Callable[[Evidence], bool]) -> Explanation:
        """Leave out evidence that *sees* does not want told; it decided nothing."""
        steps = (replace(step, evidence=tuple(filter(sees, step.evidence))) for step in self.steps)
        return replace(self, steps=tuple(steps))

    def brief(self) -> Explanation:
        """
        Leave out what the steps looked at: what a principal may learn about itself.

        It keeps what trying would tell: which step refuses, with its status and word. What assignments, policies and
        rules there are is for those who may read them.
        """
        steps = (
            replace(step, evidence=(), found=_BRIEF[step.passed], remedies=tuple(map(Remedy.brief, step.remedies)))
            for step in self.steps
        )
        return replace(self, steps=tuple(steps))


_BRIEF = {True: "It lets the request pass.", False: "It refuses the request.", None: "It was not asked."}


def explain(world: World, question: Question) -> Explanation:
    """Explain what a request would be answered; it changes nothing and looks at no object."""
    whole = _explain(world, question)
    return whole.brief() if question.own else whole


def _explain(world: World, question: Question) -> Explanation:
    about = question.about
    try:
        vault = routes.vault_named(world, about.vault, question.connection)
    except (Misdirected, NotFound) as failure:
        return Explanation(question, (_unknown(world, about.vault, failure),))
    target = about.operation.target(world, vault, {"name": about.name} if about.name else {})
    identity = authentication.cannot_sign_in(world, question.principal) or authentication.suppose(
        world, question.principal, client=question.client, confidential=question.confidential
    )
    if question.principal.tenant != vault.tenant:
        # As a token of another tenant is refused: the vault believes its own tenant's alone.
        identity = Unidentified("The principal is of another tenant.", "issuer of another tenant")
    verdict = firewall.judge(world, vault, question.connection)
    return Explanation(
        question,
        (
            Step("vault", passed=True, found=f"{vault.scope}, which decides by {_model(vault)}."),
            _operation(question),
            _firewall(world, question, vault, identity, verdict),
            _principal(question, identity),
            _permission(world, question, vault, target, identity, verdict),
        ),
    )


def _model(vault: Vault) -> str:
    return "role assignments" if vault.rbac else "access policies"


def _unknown(world: World, name: str, failure: Failure) -> Step:
    if isinstance(failure, Misdirected):
        return _refused("vault", failure, failure.message)
    deleted = world.view.vault_by_name(name)
    found = failure.message if deleted is None else "The vault is deleted, and its name is kept until it is purged."
    return _refused("vault", failure, found, remedies=for_vault(deleted))


def _operation(question: Question) -> Step:
    about = question.about
    op = about.operation
    wanted = " or ".join(f"{one.action} (as a policy, {one.category}/{one.word})" for one in permissions_of(op))
    found = f"{op.name}, {op.method} {op.path}, wants {wanted}."
    if at_least(about.api_version, op.since):
        return Step("operation", passed=True, found=found)
    failure = NotFound("The path is not one of this service's in this api-version.")
    remedy = Remedy(f"Ask with api-version {op.since} or a later one.")
    return _refused("operation", failure, f"{op.name} is there since api-version {op.since}.", remedies=(remedy,))


def _firewall(
    world: World, question: Question, vault: Vault, identity: Caller | Unidentified, verdict: Verdict
) -> Step:
    connection = question.connection
    where = _where(connection)
    try:
        admission = firewall.admit(world, verdict, identity, vault, connection, question.about.operation.name)
    except Failure as failure:
        return _refused(
            "firewall",
            failure,
            f"{where} is not admitted ({verdict.passage.value}, decided by {verdict.rule}).",
            remedies=for_address(world, vault, connection, failure),
        )
    return Step("firewall", passed=True, found=f"{where} is admitted by {admission.rule}.")


def _where(connection: Connection) -> str:
    if connection.link is Link.PRIVATE_ENDPOINT:
        return f"{connection.address}, through the private endpoint {connection.endpoint},"
    return connection.address


def _principal(question: Question, identity: Caller | Unidentified) -> Step:
    principal = question.principal
    kind = "the user" if isinstance(principal, User) else "the service principal"
    name = principal.user_principal_name if isinstance(principal, User) else principal.display_name
    who = f"{principal.id}, {kind} {name},"
    if isinstance(identity, Unidentified):
        failure = authentication.refusal_of(identity)
        return _refused(
            "principal", failure, f"{who} cannot use a token: {identity.reason}.", remedies=for_principal(principal)
        )
    through = f" It calls through the application {question.client}." if question.client else ""
    found = (
        f"{who} is enabled and in {_groups(len(identity.groups))}, directly or not;"
        " a token in time is taken for granted."
    )
    return Step("principal", passed=True, found=found + through)


def _permission(
    world: World,
    question: Question,
    vault: Vault,
    target: Target,
    identity: Caller | Unidentified,
    verdict: Verdict,
) -> Step:
    if isinstance(identity, Unidentified):
        return Step("permission", passed=None, found="Nobody is there whose permission could be asked for.")
    asked = asked_about(world, identity, question.about, target, vault, verdict)
    evidence, wanted = consider(world, asked), asked.wanted[0]
    try:
        permit = _permit(world, question, asked, verdict)
    except Failure as failure:
        found = (
            f"Nothing gives {wanted.action} at {target.scope}: {failure.reason}."
            if vault.rbac
            else f"No access policy gives {wanted.category}/{wanted.word}."
        )
        return _refused(
            "permission", failure, found, evidence=evidence, remedies=for_rights(world, asked, own=question.own)
        )
    found = f"{permit.permission} is given by {permit.assignment}."
    if not permit.settled:
        found = f"{permit.permission} may be given by {permit.assignment}: its condition asks about the body."
    elif not permit.steady:
        found = f"{found[:-1]} now: its condition asks about the time."
    return Step("permission", passed=True, found=found, evidence=evidence)


def _permit(world: World, question: Question, asked: Asked, verdict: Verdict) -> Permit:
    """Decide as the flow does, and where that leaves it to a handler and it is known what the body names, as that."""
    operation, vault = asked.operation, asked.vault
    permit = authorization.permit(world, asked.caller, operation, asked.target, vault, verdict)
    if not is_decided_by_handler(operation) or not question.about.name:
        return permit
    return authorization.require_data(world, asked.caller, operation.requires, vault, asked.scopes[-1], asked.facts)


def _refused(
    name: str,
    failure: Failure,
    found: str,
    *,
    evidence: tuple[Evidence, ...] = (),
    remedies: tuple[Remedy, ...] = (),
) -> Step:
    return Step(
        name,
        passed=False,
        found=found,
        status=status_of(failure, KEY_VAULT),
        code=failure.inner or failure.code,
        evidence=evidence,
        remedies=remedies,
    )


def _groups(number: int) -> str:
    return "1 group" if number == 1 else f"{number} groups"
