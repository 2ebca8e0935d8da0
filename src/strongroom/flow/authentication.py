"""
Authentication: who is calling.

Three steps of the flow: `challenge` refuses a request without a bearer token, whatever its address; `identify` judges
the token and never raises, so that the firewall can speak first; `require_caller` refuses what did not verify.

The cache proves a signature and nothing else (ADR 0004). Audience, issuer, times and the directory are asked on every
request: a cached token never outlives its principal, its credential or its signing key. A client that understands it
(`xms_cc`) is told to ask for another token where one that was good has ended, and where a policy of the tenant's blocks
its address now.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from strongroom.core.claims_request import CONTINUOUS, newer_token
from strongroom.core.errors import Unauthenticated
from strongroom.core.first_party import RESOURCE_IDS
from strongroom.core.identity import (
    Caller,
    Group,
    PrincipalType,
    ServicePrincipal,
    User,
)
from strongroom.core.identity import Unidentified as Unidentified  # noqa: PLC0414  the step's other answer
from strongroom.core.names import Site
from strongroom.core.names import Surface as SurfaceName
from strongroom.core.oauth import issuer_v1
from strongroom.core.records import tenant_partition
from strongroom.core.sessions import TokenFamily
from strongroom.core.token_ids import Proof, proof_of
from strongroom.core.user_tokens import IMPERSONATION
from strongroom.core.vaults import Vault
from strongroom.flow.access import blocking_policy
from strongroom.flow.surface import Surface
from strongroom.flow.token_faults import WORDS, Fault
from strongroom.http.message import Request
from strongroom.view.standing import FamilyProof, is_orphan, proofs_of_application, proofs_of_family

if TYPE_CHECKING:
    from strongroom.crypto.jws import VerificationKey
    from strongroom.flow.world import World

_LEEWAY_S = 60
"""A token from a clock slightly ahead is not refused. Expiry has no leeway: the clock that set it is our own."""


@dataclass(slots=True)
class _Verified:
    """A token whose signature was checked, and the caller the directory last made of it."""

    claims: dict[str, Any]
    key: str
    generation: int = -1
    """The view's, when `caller` was looked up and the claims were judged for `surface`."""
    caller: Caller | Unidentified | None = None
    surface: Surface | None = None
    begins: float = 0.0
    ends: float = 0.0
    """When the claims are in time, if nothing in the directory changes."""


class TokenCache:
    """Verified signatures by the digest of the token; bounded, the least recently used goes first."""

    def __init__(self, entries: int) -> None:
        self._limit = entries
        self._entries: OrderedDict[bytes, _Verified] = OrderedDict()

    def get(self, digest: bytes) -> _Verified | None:
        """Find a verified token and mark it used."""
        entry = self._entries.get(digest)
        if entry is not None:
            self._entries.move_to_end(digest)
        return entry

    def put(self, digest: bytes, entry: _Verified) -> None:
        """Keep a verified token, dropping the oldest if there are too many."""
        self._entries[digest] = entry
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def __len__(self) -> int:
        """Count the tokens held."""
        return len(self._entries)


def bearer_token(request: Request) -> bytes | None:
    """Find the bearer token of a request, or None if there is none; a blank one or another scheme is none."""
    header = request.headers.get(b"authorization")
    if header is None or header[:7].lower() != b"bearer ":
        return None
    return header[7:].strip() or None


def challenge(surface: Surface, site: Site | None, vault: Vault | None, token: bytes | None) -> None:
    """
    Refuse a request without a bearer token.

    Raises:
        Unauthenticated: with the challenge that tells a client where to get one (reference section 1.4).
    """
    if token is None:
        raise _unauthenticated(site, vault, _unidentified(surface, Fault.MISSING, "no bearer token"))


def digest_of(token: bytes) -> bytes:
    """Give the digest that a token is known by: tokens themselves are not kept."""
    return sha256(token).digest()


def validity(world: World, digest: bytes) -> tuple[float, float]:
    """Say from when and until when what `identify` made of a token holds, if nothing in the directory changes."""
    entry = world.tokens.get(digest)
    return (entry.begins, entry.ends) if entry is not None else (0.0, 0.0)


def identify(world: World, surface: Surface, vault: Vault | None, token: bytes, address: str) -> Caller | Unidentified:
    """
    Judge a token against the surface asked, the vault's tenant, the clock and the directory. Never raises.

    *address* counts for tokens of clients that understand why: the tenant's policies are asked about it every time.
    """
    digest = digest_of(token)
    entry = world.tokens.get(digest)
    if entry is None:
        verified = _verify_signature(world, surface, token)
        if isinstance(verified, Unidentified):
            return verified
        entry = verified
        world.tokens.put(digest, entry)
    view, caller = world.view, entry.caller
    # Claims and directory are judged anew whenever the answer could have changed: the view's generation says so of
    # everything in the directory, and of the claims only the surface and the clock can.
    if (
        caller is None
        or entry.generation != view.generation
        or entry.surface is not surface
        or not entry.begins <= world.clock() < entry.ends
    ):
        fault = _judge_claims(world, surface, entry)
        if fault is not None:
            return fault
        # The caller first: a look-up that breaks off must leave nothing that says its answer was found.
        caller = entry.caller = _look_up(world, surface, entry.claims)
        entry.generation, entry.surface = view.generation, surface
    if isinstance(caller, Caller) and vault is not None and caller.tenant != vault.tenant:
        return _unidentified(
            surface,
            Fault.WRONG_TENANT,
            "issuer of another tenant",
            expected=issuer_v1(vault.tenant),
            found=caller.issuer,
        )
    if isinstance(caller, Caller) and caller.continuous and surface.audience is not None:
        policy = blocking_policy(world, caller, RESOURCE_IDS[surface.audience], address)
        if policy is not None:
            return _ended(world, surface, entry.claims, f"blocked by conditional access policy {policy}")
    return caller


def require_caller(site: Site | None, vault: Vault | None, identity: Caller | Unidentified) -> Caller:
    """
    Refuse whoever was not identified.

    Raises:
        Unauthenticated: with the reference's words for the cause, and the challenge again.
    """
    if isinstance(identity, Unidentified):
        raise _unauthenticated(site, vault, identity)
    return identity


def _verify_signature(world: World, surface: Surface, token: bytes) -> _Verified | Unidentified:
    # The library takes a quarter of a second to import, which a start-up must not wait for.
    from strongroom.crypto import jws  # noqa: PLC0415

    keys = _TrustedKeys(world)
    try:
        claims = jws.verify_signature(token.decode("latin-1"), keys)
    except jws.TokenRefused as refused:
        unknown = refused.fault is jws.TokenFault.UNKNOWN_KEY
        return _unidentified(surface, Fault.UNKNOWN_KEY if unknown else Fault.MALFORMED, refused.reason)
    return _Verified(claims, keys.found)


class _TrustedKeys(Mapping[str, "VerificationKey"]):
    """The published signing keys of all tenants by `kid`, read out of the view as they are asked for."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.found = ""

    def __getitem__(self, kid: str) -> VerificationKey:
        from strongroom.crypto.jws import verification_key  # noqa: PLC0415  see _verify_signature

        key = self._world.view.signing_key(kid)
        if key is None or not key.is_trusted(self._world.now()):
            raise KeyError(kid)
        self.found = kid
        return verification_key(key.certificate)

    def __iter__(self) -> Iterator[str]:
        return (key.id for tenant in self._world.view.tenants() for key in self._world.view.signing_keys(tenant.id))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _judge_claims(world: World, surface: Surface, entry: _Verified) -> Unidentified | None:
    """Judge everything a signature does not prove. Audience, issuer, times: on every request."""
    claims, now = entry.claims, world.clock()
    key = world.view.signing_key(entry.key)
    if key is None or not key.is_trusted(int(now)):
        return _unidentified(surface, Fault.UNKNOWN_KEY, "signing key no longer trusted")
    tenant, issuer, audience = claims.get("tid"), claims.get("iss"), claims.get("aud")
    if tenant != key.tenant or issuer != issuer_v1(key.tenant):
        # Key, `iss` and `tid` must agree: a key signs for its own tenant only.
        return _unidentified(surface, Fault.MALFORMED, "key, iss and tid do not agree")
    not_before, expires = claims.get("nbf"), claims.get("exp")
    if not isinstance(expires, int) or not isinstance(not_before, int):
        return _unidentified(surface, Fault.MALFORMED, "nbf or exp missing")
    if surface.audience is None or not isinstance(audience, str):
        return _unidentified(surface, Fault.MALFORMED, "aud missing")
    if audience.lower() not in world.hosts.audiences(surface.audience):
        return _unidentified(surface, Fault.WRONG_AUDIENCE, "wrong audience", found=audience)
    if now >= expires:
        return _unidentified(surface, Fault.EXPIRED, "expired")
    if now + _LEEWAY_S < not_before:
        return _unidentified(surface, Fault.MALFORMED, "not yet valid")
    entry.begins = max(not_before - _LEEWAY_S, key.created)
    entry.ends = min(expires, key.trusted_until)
    if "cnf" in claims:
        # A certificate-bound token is worth nothing without the proof (security.md "Tokens and sign-in").
        return _unidentified(surface, Fault.MALFORMED, "certificate-bound token sent as a bearer token")
    return None


def _look_up(world: World, surface: Surface, claims: dict[str, Any]) -> Caller | Unidentified:
    """Make a caller of verified claims, as the directory knows the principal now."""
    tenant, oid, appid, token_id = claims["tid"], claims.get("oid"), claims.get("appid"), claims.get("uti")
    if not (isinstance(oid, str) and isinstance(appid, str) and isinstance(token_id, str)):
        return _unidentified(surface, Fault.MALFORMED, "oid, appid or uti missing")
    view = world.view
    principal = view.principal(tenant, oid)
    if isinstance(principal, ServicePrincipal):
        if principal.app_id != appid:
            return _unidentified(surface, Fault.MALFORMED, "appid is not the principal's")
        kind = PrincipalType.SERVICE_PRINCIPAL
    elif isinstance(principal, User):
        kind = PrincipalType.USER
    else:
        return _ended(world, surface, claims, "principal not in the directory")
    delegated = frozenset(str(claims.get("scp", "")).split()) if kind is PrincipalType.USER else frozenset()
    if kind is PrincipalType.USER and surface.audience is not SurfaceName.GRAPH and IMPERSONATION not in delegated:
        # Graph's permissions say what a client may do there; a vault and Resource Manager have this one alone.
        return _unidentified(surface, Fault.MALFORMED, f"scp has no {IMPERSONATION}")
    if not principal.enabled:
        return _ended(world, surface, claims, "principal is disabled")
    proof = proof_of(world.keys.tag, token_id, _proofs(world, principal, claims))
    if proof is None:
        return _ended(world, surface, claims, "credential was removed")
    return _make_caller(
        world,
        principal,
        appid,
        credential=proof.family.credential if isinstance(proof, FamilyProof) else proof.id,
        token_id=token_id,
        appidacr=str(claims.get("appidacr", "0")),
        idtyp=str(claims.get("idtyp", "app")),
        session=proof.family.id if isinstance(proof, FamilyProof) else None,
        continuous=_is_continuous(claims),
        delegated=delegated,
        address=claims.get("ipaddr"),
    )


def cannot_sign_in(world: World, principal: ServicePrincipal | User) -> Unidentified | None:
    """Say why no token of a principal's would be believed, whichever it is; None if one that is in time would be."""
    if not principal.enabled:
        return Unidentified("The principal is disabled.", "principal is disabled")
    if isinstance(principal, ServicePrincipal) and is_orphan(world.view, principal):
        return Unidentified("The application is gone.", "its application is gone, or no longer for this tenant")
    return None


def suppose(
    world: World, principal: ServicePrincipal | User | Group, *, client: str = "", confidential: bool = False
) -> Caller:
    """
    Suppose that a principal calls with a good token: for explanations alone, since nobody proved anything.

    What is said of it is what the directory says, as of a caller with a token; of a group, what any member has by it.
    *client* is the application that a user calls through, and *confidential* whether that one proved itself.
    """
    user = isinstance(principal, User)
    return _make_caller(
        world,
        principal,
        principal.app_id if isinstance(principal, ServicePrincipal) else client,
        credential="",
        token_id="",
        appidacr="0" if user and not confidential else "1",
        idtyp="user" if user else "app",
        delegated=frozenset({IMPERSONATION}) if user else frozenset(),
    )


def _make_caller(world: World, principal: ServicePrincipal | User | Group, appid: str, **proved: Any) -> Caller:
    """Make a caller of what was *proved* and of what the directory says of its principal."""
    view, tenant, oid = world.view, principal.tenant, principal.id
    kind = _KINDS[type(principal)]
    return Caller(
        tenant=tenant,
        oid=oid,
        appid=appid,
        kind=kind,
        issuer=issuer_v1(tenant),
        groups=view.groups_of(tenant, oid),
        name=principal.user_principal_name if isinstance(principal, User) else None,
        mirid=principal.resource_id if isinstance(principal, ServicePrincipal) else None,
        directory_roles=frozenset(view.directory_roles_of(tenant, oid)),
        app_permissions=view.app_permissions_of(tenant, oid)
        if kind is PrincipalType.SERVICE_PRINCIPAL
        else frozenset(),
        **proved,
    )


_KINDS: Mapping[type, PrincipalType] = {
    User: PrincipalType.USER,
    ServicePrincipal: PrincipalType.SERVICE_PRINCIPAL,
    Group: PrincipalType.GROUP,
}


def _is_continuous(claims: dict[str, Any]) -> bool:
    capabilities = claims.get("xms_cc")
    return isinstance(capabilities, list) and CONTINUOUS in capabilities


def _ended(world: World, surface: Surface, claims: dict[str, Any], reason: str) -> Unidentified:
    """Say that a token which was good is so no longer, and tell a client that understands it to get another."""
    ended = _unidentified(surface, Fault.MALFORMED, reason)
    return replace(ended, newer_than=world.now()) if _is_continuous(claims) else ended


def _proofs(world: World, principal: ServicePrincipal | User, claims: dict[str, Any]) -> Sequence[Proof]:
    """List what a principal's token may have come from: its credentials and its application's, or a user's family."""
    view = world.view
    if isinstance(principal, ServicePrincipal):
        return proofs_of_application(view, principal)
    family = view.get(TokenFamily, tenant_partition(principal.tenant), str(claims.get("sid")))
    if family is None or family.user != principal.id or family.app_id != claims["appid"]:
        return []
    return proofs_of_family(view, family)


def _unidentified(surface: Surface, fault: Fault, reason: str, **details: str) -> Unidentified:
    """Say in the surface's words what is wrong; *reason* is for the journal."""
    code, message = WORDS[surface.audience or SurfaceName.VAULT][fault]
    return Unidentified(message.format(**details), reason, code)


def refusal_of(who: Unidentified) -> Unauthenticated:
    """Give the refusal of whoever was not identified, as where no client is there to be sent for a token."""
    return _unauthenticated(None, None, who)


def _unauthenticated(site: Site | None, vault: Vault | None, who: Unidentified) -> Unauthenticated:
    tenant = vault.tenant if vault is not None else "common"
    headers: tuple[tuple[str, str], ...] = ()
    if site is not None:
        told = site.challenge(tenant)
        header = told.header if who.newer_than is None else told.with_claims(newer_token(who.newer_than))
        headers = (("WWW-Authenticate", header),)
    return Unauthenticated(who.message, code=who.code, reason=who.reason, headers=headers)
