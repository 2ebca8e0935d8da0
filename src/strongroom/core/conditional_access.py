"""
Conditional access: whether a token may be given for this attempt, by the tenant's own rules.

Small and exact. A policy says whom, what for, by which grant and from where it is about, and what it demands then:
nothing at all (block), a second factor, or a sign-in that is not too old. Every policy that fits counts, and blocking
wins. What cannot be evaluated fits, so it fails closed. Choices where the reference is silent are in ADR 0014.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar

from strongroom.core.echo import ADDRESS, shown
from strongroom.core.errors import Invalid
from strongroom.core.firewall import AddressRules, parse_ip_rule
from strongroom.core.limits import NETWORK_RANGES, NETWORKS_COMPILED, SIGN_IN_SKEW_S
from strongroom.core.records import Record, record, tenant_partition

ALL = "All"
ALL_TRUSTED = "AllTrusted"
"""Every network that is marked as trusted."""
SECOND_FACTOR = "mfa"
"""The word in `amr` (RFC 8176) of a sign-in with a second factor."""


class State(StrEnum):
    """Whether a policy counts; the values are Graph's."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    REPORT_ONLY = "enabledForReportingButNotEnforced"


class Flow(StrEnum):
    """How a token is asked for."""

    AUTHORIZATION_CODE = "authorization_code"
    DEVICE_CODE = "device_code"
    PASSWORD = "password"  # noqa: S105  the name of a grant
    ON_BEHALF_OF = "on_behalf_of"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105  the name of a grant
    CLIENT_CREDENTIALS = "client_credentials"
    MANAGED_IDENTITY = "managed_identity"


GRANT_TYPES: Mapping[str, Flow] = {
    "authorization_code": Flow.AUTHORIZATION_CODE,
    "client_credentials": Flow.CLIENT_CREDENTIALS,
    "device_code": Flow.DEVICE_CODE,
    "password": Flow.PASSWORD,
    "refresh_token": Flow.REFRESH_TOKEN,
    "urn:ietf:params:oauth:grant-type:device_code": Flow.DEVICE_CODE,
    "urn:ietf:params:oauth:grant-type:jwt-bearer": Flow.ON_BEHALF_OF,
}
"""The flow that each value of `grant_type` is. A grant that is not here gives nobody a token."""


# ---- records --------------------------------------------------------------------------------------------------------


@record
@dataclass(frozen=True, slots=True)
class NamedNetwork(Record):
    """Ranges of addresses under a name. `ranges` are in the canonical form of `core.firewall.parse_ip_rule`."""

    KIND: ClassVar[str] = "named_network"
    id: str
    tenant: str
    display_name: str
    ranges: tuple[str, ...]
    trusted: bool
    created: int
    modified: int

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)


@dataclass(frozen=True, slots=True)
class Subjects:
    """Principals, by object id, role template id or, of users and service principals, the word `All`."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    service_principals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Demands:
    """
    What a policy demands of whom it fits.

    Attributes:
        block: no token at all.
        second_factor: a sign-in with a second factor.
        sign_in_age_s: a sign-in at most so old; zero is "every time".
    """

    block: bool = False
    second_factor: bool = False
    sign_in_age_s: int | None = None


@record
@dataclass(frozen=True, slots=True)
class AccessPolicy(Record):
    """
    One policy. A condition that is empty is none, but for subjects and resources: without them it fits nobody.

    `resources` are application ids of what a token is for, or `All`; `clients` those of who asks for it. `networks`
    are ids of named networks, `All` or `AllTrusted`.
    """

    KIND: ClassVar[str] = "conditional_access_policy"
    id: str
    tenant: str
    display_name: str
    state: State
    created: int
    modified: int
    demands: Demands
    include: Subjects = field(default_factory=Subjects)
    exclude: Subjects = field(default_factory=Subjects)
    resources: tuple[str, ...] = ()
    excluded_resources: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    flows: tuple[Flow, ...] = ()
    networks: tuple[str, ...] = ()
    excluded_networks: tuple[str, ...] = ()

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)


# ---- the question and the answer ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    What is about to be given to whom.

    Attributes:
        principal: the object id; `groups` and `roles` are what the directory says of it now.
        is_user: False for a service principal, which has neither a second factor nor an age.
        client: the application id of the program that asks.
        resource: the application id of what the token is for.
        flow: None where a token is not asked for but used: policies about some ways of asking do not fit then.
        address: normalised.
        authenticated: when the user signed in.
        methods: `amr`, how.
        is_break_glass: the account that no policy keeps out.
    """

    principal: str
    is_user: bool
    groups: frozenset[str]
    roles: frozenset[str]
    client: str
    resource: str
    flow: Flow | None
    address: str
    now: int
    authenticated: int | None = None
    methods: frozenset[str] = frozenset()
    is_break_glass: bool = False


class Outcome(StrEnum):
    """What a verdict comes to, the gravest first."""

    BLOCKED = "blocked"
    SECOND_FACTOR = "secondFactor"
    SIGN_IN_TOO_OLD = "signInTooOld"
    ALLOWED = "allowed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    Which policies fit an attempt, by id, and what became of each: evidence.

    `fulfilled` got what they demanded. `reported` says what the others would have demanded, had they counted.
    """

    blocked: tuple[str, ...] = ()
    second_factor: tuple[str, ...] = ()
    too_old: tuple[str, ...] = ()
    fulfilled: tuple[str, ...] = ()
    reported: tuple[tuple[str, Outcome], ...] = ()
    bounds_age: bool = False
    """True if a policy that counts bounds the age of the sign-in, so that no token may live longer than usual."""

    @property
    def outcome(self) -> Outcome:
        """The gravest of what is wrong."""
        if self.blocked:
            return Outcome.BLOCKED
        if self.second_factor:
            return Outcome.SECOND_FACTOR
        return Outcome.SIGN_IN_TOO_OLD if self.too_old else Outcome.ALLOWED

    @property
    def policy(self) -> str | None:
        """The policy that decided: the first of those with the gravest outcome, or None if none fitted."""
        return next(iter((*self.blocked, *self.second_factor, *self.too_old, *self.fulfilled)), None)


class PolicySet:
    """A tenant's policies and networks, ready to be asked; immutable, made anew when one of them changes."""

    __slots__ = ("_networks", "_policies", "blocks_use")

    def __init__(self, policies: Iterable[AccessPolicy], networks: Iterable[NamedNetwork]) -> None:
        self._policies = tuple(one for one in policies if one.state is not State.DISABLED)
        self._networks = {network.id: network for network in networks}
        self.blocks_use = any(
            one.state is State.ENABLED and one.demands.block and not one.flows for one in self._policies
        )
        """Whether a policy can block a token that was given already: asked for every request."""

    def judge(self, attempt: Attempt) -> Verdict:
        """Judge an attempt by every policy that fits it."""
        found: dict[Outcome, list[str]] = {outcome: [] for outcome in Outcome}
        reported: list[tuple[str, Outcome]] = []
        bounds_age = False
        for policy in self._policies:
            if not _fits(policy, self._networks, attempt):
                continue
            outcome = _outcome(policy.demands, attempt)
            if policy.state is State.REPORT_ONLY or attempt.is_break_glass:
                reported.append((policy.id, outcome))
                continue
            found[outcome].append(policy.id)
            bounds_age = bounds_age or (attempt.is_user and policy.demands.sign_in_age_s is not None)
        return Verdict(
            tuple(found[Outcome.BLOCKED]),
            tuple(found[Outcome.SECOND_FACTOR]),
            tuple(found[Outcome.SIGN_IN_TOO_OLD]),
            tuple(found[Outcome.ALLOWED]),
            tuple(reported),
            bounds_age,
        )

    def __bool__(self) -> bool:
        """Tell whether there is any policy that is not switched off."""
        return bool(self._policies)


def judge(policies: Iterable[AccessPolicy], networks: Iterable[NamedNetwork], attempt: Attempt) -> Verdict:
    """Judge one attempt without keeping the policies: see `PolicySet.judge`."""
    return PolicySet(policies, networks).judge(attempt)


def _fits(policy: AccessPolicy, networks: Mapping[str, NamedNetwork], attempt: Attempt) -> bool:
    """Tell whether a policy is about an attempt; the cheap questions first."""
    if policy.flows and attempt.flow not in policy.flows:
        return False
    if policy.clients and attempt.client not in policy.clients:
        return False
    if not _names(policy.resources, attempt.resource) or _names(policy.excluded_resources, attempt.resource):
        return False
    if not _is_among(policy.include, attempt) or _is_among(policy.exclude, attempt):
        return False
    address = attempt.address
    if policy.networks and not any(_holds(networks, one, address, unknown=True) for one in policy.networks):
        return False
    return not any(_holds(networks, one, address, unknown=False) for one in policy.excluded_networks)


def _names(names: tuple[str, ...], wanted: str) -> bool:
    return wanted in names or ALL in names


def _is_among(subjects: Subjects, attempt: Attempt) -> bool:
    if not attempt.is_user:
        # Policies for users do not reach service principals, though one be in a group or have a role, as in Entra.
        return _names(subjects.service_principals, attempt.principal)
    return (
        _names(subjects.users, attempt.principal)
        or not attempt.groups.isdisjoint(subjects.groups)
        or not attempt.roles.isdisjoint(subjects.roles)
    )


def _holds(networks: Mapping[str, NamedNetwork], name: str, address: str, *, unknown: bool) -> bool:
    """Tell whether an address is in a network that a policy names; *unknown* is the answer if there is none such."""
    if name == ALL:
        return True
    if name == ALL_TRUSTED:
        return any(one.trusted and _is_in(one.ranges, address) for one in networks.values())
    network = networks.get(name)
    return unknown if network is None else _is_in(network.ranges, address)


def _is_in(ranges: tuple[str, ...], address: str) -> bool:
    return _compiled(ranges).find(address) is not None


@lru_cache(maxsize=NETWORKS_COMPILED)
def _compiled(ranges: tuple[str, ...]) -> AddressRules:
    return AddressRules(ranges)


def _outcome(demands: Demands, attempt: Attempt) -> Outcome:
    if demands.block:
        return Outcome.BLOCKED
    if not attempt.is_user:
        # Nobody asks a program for a second factor: a policy that would is refused when it is written.
        return Outcome.BLOCKED if demands.second_factor else Outcome.ALLOWED
    if demands.second_factor and SECOND_FACTOR not in attempt.methods:
        return Outcome.SECOND_FACTOR
    if demands.sign_in_age_s is not None and _is_too_old(demands.sign_in_age_s, attempt):
        return Outcome.SIGN_IN_TOO_OLD
    return Outcome.ALLOWED


def _is_too_old(age_s: int, attempt: Attempt) -> bool:
    """Tell whether a sign-in is too old. Even "every time" leaves the moment that it takes to redeem a code."""
    return attempt.authenticated is None or attempt.now - attempt.authenticated > max(age_s, SIGN_IN_SKEW_S)


# ---- what may be written --------------------------------------------------------------------------------------------


def check_policy(policy: AccessPolicy) -> None:
    """
    Refuse a policy that does not say what it wants, or wants what cannot be.

    Raises:
        Invalid: users and service principals at once, a demand that no service principal can meet, none, or blocking
            together with something else.
    """
    demands, include, exclude = policy.demands, policy.include, policy.exclude
    of_users = any((who.users or who.groups or who.roles) for who in (include, exclude))
    of_services = any(who.service_principals for who in (include, exclude))
    if of_users and of_services:
        raise _invalid("A policy is about users or about service principals, not both.")
    wants_user = demands.second_factor or demands.sign_in_age_s is not None
    if not demands.block and not wants_user:
        raise _invalid("A policy needs a grant control or a session control.")
    if demands.block and wants_user:
        raise _invalid("'block' cannot be combined with other controls.")
    if of_services and not demands.block:
        raise _invalid("The only grant control of a policy about service principals is 'block'.")


def check_ranges(texts: Sequence[str]) -> tuple[str, ...]:
    """
    Read the ranges of a named network into the form in which they are kept; one that is there twice counts once.

    Raises:
        Invalid: there are none or too many, or one is no range.
    """
    if not 1 <= len(texts) <= NETWORK_RANGES:
        raise _invalid(f"A named location has between 1 and {NETWORK_RANGES} IP ranges.")
    return tuple(dict.fromkeys(map(_range, texts)))


def _range(text: str) -> str:
    try:
        return parse_ip_rule(text)
    except Invalid:
        raise _invalid(f"'{shown(text, ADDRESS)}' is not a range of IP addresses in CIDR notation.") from None


def _invalid(detail: str) -> Invalid:
    return Invalid(detail, code="BadRequest")
