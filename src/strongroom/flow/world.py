"""The world a request is served in: everything with a state or a source outside, handed in by `strongroom.app`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from strongroom.core import audit_limits, certificate_limits
from strongroom.core.diagnostics import SinkState
from strongroom.core.guids import Guids
from strongroom.core.identity_maps import IdentityMap
from strongroom.core.instance import Instance
from strongroom.core.issuance import Step, Wanted
from strongroom.core.jobs import JobState
from strongroom.core.mail import Notice
from strongroom.core.names import Hosts
from strongroom.core.networks import EndpointListener
from strongroom.core.proxies import TrustedProxies
from strongroom.core.vaults import Vault
from strongroom.crypto.forks import Forks
from strongroom.crypto.keys.material import PrivateKeyReader
from strongroom.crypto.keys.protocol import KeyProtections
from strongroom.crypto.passwords import Passwords
from strongroom.crypto.pool import BoundedPool
from strongroom.crypto.protocol import RootKey
from strongroom.crypto.token_signers import TokenSigners
from strongroom.egress import Documents, Egress, Exchange
from strongroom.flow.authentication import TokenCache
from strongroom.flow.background import Background
from strongroom.flow.device_codes import DeviceCodes
from strongroom.flow.kept_answers import KeptAnswers
from strongroom.flow.lockout import FactorLockout, Lockout
from strongroom.flow.quota import AnonymousQuota
from strongroom.flow.recorder import Recorder
from strongroom.flow.settings import FlowSettings
from strongroom.flow.throttle import Throttle
from strongroom.http.message import End
from strongroom.http.peer_owner import Owner, find_owner
from strongroom.journal import Journal
from strongroom.store import Store, Transaction
from strongroom.view import View

if TYPE_CHECKING:
    from strongroom.flow.decisions import Decisions
    from strongroom.flow.operation import Op


class IdentitySockets(Protocol):
    """Where identities are offered on Unix sockets of their own: `strongroom.app` listens."""

    async def open(self, one: IdentityMap) -> None:
        """
        Listen for a map.

        Raises:
            Conflict: not there; the sentence says why.
        """
        ...

    async def close(self, map_id: str) -> None:
        """Listen no longer for a map, if that is so."""
        ...

    def fault_of(self, map_id: str) -> str | None:
        """Say why a map's socket does not listen; None if it does."""
        ...


class PrivateEndpoints(Protocol):
    """Where private endpoints are addresses of this machine: `strongroom.app` listens."""

    async def open(self, one: EndpointListener) -> None:
        """
        Listen at a private endpoint's address.

        Raises:
            Conflict: not there; the sentence says why.
        """
        ...

    async def close(self, listener_id: str) -> None:
        """Listen no longer for a record of that id, if that is so."""
        ...

    def fault_of(self, listener_id: str) -> str | None:
        """Say why a private endpoint's address does not listen; None if it does."""
        ...


class Issuer(Protocol):
    """Who issues certificates for vaults: a CA of this instance, or one elsewhere."""

    async def step(self, wanted: Wanted, state: bytes) -> Step:
        """
        Ask for a certificate, or go on asking. *state* is what the step before had kept, empty in the first one.

        A step may be made twice, after a crash or by two nodes; it is not to have two certificates issued if the issuer
        can help it.

        Raises:
            Unavailable: the issuer cannot be reached now.
            Failure: the certificate is refused, with a sentence for whoever wanted it.
        """
        ...

    async def cancel(self, wanted: Wanted, state: bytes) -> None:
        """
        Let go of what was asked for; nothing is issued for it any more, if the issuer can still help it.

        Raises:
            Unavailable: the issuer cannot be reached now.
        """
        ...


class Mail(Protocol):
    """Who writes to the contacts of vaults' certificates."""

    async def write(self, tx: Transaction, vault: Vault, notice: Notice) -> None:
        """
        Have a vault's contacts written to with a change: the letter waits in the store, and is sent afterwards.

        Nothing happens where a vault has no contacts, or the operator has set no mail server.
        """
        ...


class NoMail:
    """Nobody is written to: the operator has set no mail server."""

    async def write(self, tx: Transaction, vault: Vault, notice: Notice) -> None:
        """Write nothing."""


class Jobs(Protocol):
    """What is done without being asked: `strongroom.app` gives each job its turns."""

    @property
    def node(self) -> str:
        """The id of this node."""
        ...

    async def states(self) -> list[JobState]:
        """Say how every job is doing on this node."""
        ...

    async def run(self, name: str) -> JobState:
        """
        Have a job run now, and say how it ended, or that it goes on.

        Raises:
            NotFound: there is no such job.
        """
        ...

    def failing(self) -> list[str]:
        """Name the jobs whose last turn failed."""
        ...


@dataclass(frozen=True, slots=True)
class Silence:
    """An issuer that could not be reached, and when that was found."""

    issuer: Issuer
    since: int


class AuditSinks(Protocol):
    """What follows the journal into the sinks of diagnostic settings: `strongroom.app` delivers."""

    def state_of(self, sink_id: str) -> SinkState:
        """Say how a sink is doing."""
        ...


@dataclass(slots=True)
class World:
    """
    What the flow and every handler may reach.

    `clock` gives Unix seconds with fractions; `entropy` gives that many random bytes. Tests give their own of each.
    """

    settings: FlowSettings
    hosts: Hosts
    store: Store
    view: View
    keys: RootKey
    """The root key, whatever holds it."""
    protections: KeyProtections
    """Where the private parts of vaults' keys live."""
    journal: Journal
    clock: Callable[[], float]
    entropy: Callable[[int], bytes]
    request_ids: Guids
    tokens: TokenCache
    decisions: Decisions
    recorder: Recorder
    throttle: Throttle
    quota: AnonymousQuota
    passwords: Passwords
    lockout: Lockout
    factor_lockout: FactorLockout
    device_codes: DeviceCodes
    signers: TokenSigners
    instance: Instance
    documents: Documents
    vault_operations: Callable[[], tuple[Op, ...]] = tuple
    """Gives the operations on what vaults hold: what is explained, and what a trusted service can be trusted for."""
    owner_of: Callable[[End, End], Owner] = find_owner
    """Says whose the other end of a connection is. It reads what the kernel tells, so it is asked in a thread."""
    sockets: IdentitySockets | None = None
    """The sockets of identities, once the service listens."""
    private_endpoints: PrivateEndpoints | None = None
    """The addresses of private endpoints, likewise."""
    audit_sinks: AuditSinks | None = None
    """What delivers copies of the audit, likewise."""
    leases_held: dict[tuple[str, str], int] = field(default_factory=dict)
    """Until when a node is sure to have a lease, by the lease's name and the node."""
    silences: dict[str, Silence] = field(default_factory=dict)
    """The accounts at issuers that did not answer lately, so that not everybody who waits for one is kept waiting."""
    upkeep_at: int = 0
    """The time of the last upkeep: if it is later than now, the clock was ahead."""
    jobs: Jobs | None = None
    """What is done without being asked, likewise."""
    egress: Exchange = field(default_factory=Egress)
    """The way out to those who are asked in a protocol of their own, such as ACME authorities."""
    status_answers: KeptAnswers = field(
        default_factory=lambda: KeptAnswers(certificate_limits.OCSP_ANSWERS, certificate_limits.OCSP_SIGNATURES_PER_S)
    )
    """What was answered to those who ask whether a certificate is good."""
    issuers: Mapping[str, Issuer] = field(default_factory=dict)
    """Who issues certificates, by the names that the vaults' issuers have for a provider."""
    mail: Mail = field(default_factory=NoMail)
    """Who writes to the contacts of vaults' certificates."""
    activity_reads: BoundedPool = field(
        default_factory=lambda: BoundedPool(
            "activity log", threads=audit_limits.ACTIVITY_READS_AT_ONCE, waiting=audit_limits.ACTIVITY_READS_WAITING
        )
    )
    """Where pages of the activity log are read from the journal."""
    forks: Forks = field(default_factory=Forks)
    """Where that is done which would hold all else in this process."""
    incoming_keys: PrivateKeyReader = field(init=False)
    """Where private keys that are brought in are read and checked."""
    incoming_certificates: BoundedPool = field(
        default_factory=lambda: BoundedPool(
            "certificate reading",
            threads=certificate_limits.IMPORTS_AT_ONCE,
            waiting=certificate_limits.IMPORTS_WAITING,
        )
    )
    """Where certificates that are brought in are read and checked with their keys."""
    background: Background = field(default_factory=Background)
    """What goes on after its request was answered."""
    proxies: TrustedProxies | None = None
    """Whose word on where a request comes from counts; None if nobody's does."""
    outcome_unknown: bool = False
    """True since a commit of which the store did not say how it ended, until a later one is made: its entry may be in
    the outbox, or come to be, with nobody to hand it to the journal."""
    outbox_lags: bool = False
    """True while an entry waits in the outbox because the journal refused it: until it is written, nothing changes."""

    def __post_init__(self) -> None:
        """Have keys read where all such work is done."""
        self.incoming_keys = PrivateKeyReader(self.forks)

    def now(self) -> int:
        """Read the clock as whole Unix seconds, as every stored time is."""
        return int(self.clock())
