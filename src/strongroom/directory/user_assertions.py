"""Users' access tokens that an application shows to act on behalf of them: whether they are ours, and still stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from strongroom.core.aadsts import CHAIN_TOO_LONG, KEY_DID_NOT_SIGN, KEY_NOT_FOUND, refuse
from strongroom.core.errors import knowing
from strongroom.core.identity import Credential, User
from strongroom.core.limits import ON_BEHALF_OF_CHAIN
from strongroom.core.names import Hosts
from strongroom.core.records import tenant_partition
from strongroom.core.sessions import TokenFamily
from strongroom.core.token_ids import Tagger, proof_of
from strongroom.core.user_assertions import UserAssertion, read_user_assertion
from strongroom.directory.apis import find_api
from strongroom.directory.clients import Client
from strongroom.directory.signing_keys import verification_keys
from strongroom.view import View
from strongroom.view.standing import proofs_of_family


@dataclass(frozen=True, slots=True)
class Shown:
    """What an application showed: whose token it is, what it was obtained with, and its `uti`."""

    user: User
    credential: Credential
    family: TokenFamily
    token_id: str


def check_user_assertion(
    view: View, tag: Tagger, text: str, client: Client, *, issuers: Collection[str], hosts: Hosts, now: int
) -> Shown:
    """
    Check an access token that a client got for itself in a user's name; give the user, and what the token stands on.

    Nothing of it is judged by the token alone: the user, the credential, the family and what its client showed are
    asked of the directory, as whenever a token is used.

    Raises:
        Invalid: AADSTS50027, it is no token; 50013, no key of this tenant signed it, or it is not a user's; 500131,
            500133, see `read_user_assertion`; 50173, what it was obtained with has ended.
    """
    tenant = client.principal.tenant
    claims = _verify(view, tenant, text, now)
    with knowing(**_of_whom(view, tenant, claims)):
        said = read_user_assertion(
            claims,
            tenant=tenant,
            issuers=issuers,
            audiences=_audiences(view, tenant, client, hosts),
            now=now,
        )
        return _stands(view, tag, tenant, said)


def _of_whom(view: View, tenant: str, claims: Mapping[str, object]) -> dict[str, str | None]:
    """Say which token it was that a key of the tenant signed, and whose: for the journal, if it is refused."""
    token_id, oid = claims.get("uti"), claims.get("oid")
    user = view.principal(tenant, oid) if isinstance(oid, str) else None
    return {
        "userId": user.id if isinstance(user, User) else None,
        "assertionTokenId": token_id if isinstance(token_id, str) else None,
    }


def _stands(view: View, tag: Tagger, tenant: str, said: UserAssertion) -> Shown:
    family = _family(view, tag, tenant, said)
    user = view.principal(tenant, said.oid)
    credential = view.credential(family.credential) if family is not None else None
    if family is None or credential is None or not isinstance(user, User) or not user.enabled:
        raise refuse(50173, reason="token family, user or credential of the assertion has ended")
    if _depth(view, family) >= ON_BEHALF_OF_CHAIN:
        raise refuse(50013, cause=CHAIN_TOO_LONG, reason="too many applications on behalf of each other")
    return Shown(user, credential, family, said.token_id)


def _verify(view: View, tenant: str, text: str, now: int) -> dict[str, object]:
    # The library takes a quarter of a second to import, which a start-up must not wait for.
    from strongroom.crypto import jws  # noqa: PLC0415

    try:
        return jws.verify_signature(text, verification_keys(view.signing_keys(tenant), now))
    except jws.TokenRefused as refused:
        if refused.fault is jws.TokenFault.MALFORMED:
            raise refuse(50027, reason=f"assertion: {refused.reason}") from None
        cause = KEY_NOT_FOUND if refused.fault is jws.TokenFault.UNKNOWN_KEY else KEY_DID_NOT_SIGN
        raise refuse(50013, cause=cause, reason=f"assertion: {refused.reason}") from None


def _audiences(view: View, tenant: str, client: Client, hosts: Hosts) -> frozenset[str]:
    """
    Give every `aud` that means the client in the tenant, in lower case.

    Never one of ours, whatever it has registered, and never one that means another application there.
    """
    uris = client.application.identifier_uris if client.application is not None else ()
    own = [uri for uri in (client.app_id, *uris) if hosts.surface_of_audience(uri) is None]
    found = ((uri, find_api(view, tenant, uri)) for uri in own)
    return frozenset(uri.lower() for uri, api in found if api is None or api.app_id == client.app_id)


def _family(view: View, tag: Tagger, tenant: str, said: UserAssertion) -> TokenFamily | None:
    found = view.get(TokenFamily, tenant_partition(tenant), said.family)
    if found is None or found.user != said.oid or found.app_id != said.app_id:
        return None
    proof = proof_of(tag, said.token_id, proofs_of_family(view, found))
    return found if proof is not None else None


def _depth(view: View, family: TokenFamily) -> int:
    """Count the families that one was begun on behalf of, one after the other."""
    depth, parent = 0, family.parent
    while parent is not None:
        found = view.get(TokenFamily, family.partition, parent)
        depth, parent = depth + 1, found.parent if found is not None else None
    return depth
