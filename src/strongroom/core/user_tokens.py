"""
Tokens that speak for a user: what may be asked for, and what access tokens and id tokens say of the user.

Sources: reference clients.md sections 1.2 and 7; choices where they are silent are in ADR 0014.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from strongroom.core.aadsts import refuse
from strongroom.core.delegated_permissions import AS_USER, OWN_PROFILE
from strongroom.core.limits import GROUPS_IN_TOKEN
from strongroom.core.names import GRAPH_RESOURCE, Hosts, Surface
from strongroom.core.oauth import (
    DEFAULT_SCOPE,
    EMAIL,
    OFFLINE_ACCESS,
    OPENID,
    OPENID_SCOPES,
    PROFILE,
    FindApi,
    Resource,
    TokenFacts,
    common_claims,
    no_api,
    parse_resource,
)

_DEFAULT = DEFAULT_SCOPE.removeprefix("/")
IMPERSONATION = "user_impersonation"
"""The one delegated permission of Key Vault and of Resource Manager."""

DELEGATED: Mapping[Surface, tuple[str, ...]] = {
    Surface.VAULT: (IMPERSONATION,),
    Surface.MANAGEMENT: (IMPERSONATION,),
    # The directory's roles decide what a user may change; `openid` is how Terraform tells a user's token.
    Surface.GRAPH: (AS_USER, OWN_PROFILE, EMAIL, OPENID, PROFILE),
}
"""What a well-known client that acts for a user gets of each surface: `scp`."""
Offered = Callable[[Resource], tuple[str, ...]]
"""Says which delegated permissions a resource has, for the client that asks."""


def delegated(resource: Resource) -> tuple[str, ...]:
    """Say what a well-known client may have of one of Azure's own resources."""
    return DELEGATED[resource.surface] if resource.surface is not None else (IMPERSONATION,)


@dataclass(frozen=True, slots=True)
class UserScope:
    """What a client asks for in a user's name."""

    resource: Resource
    permissions: tuple[str, ...]
    """`scp`."""
    openid: frozenset[str]
    by_default: bool = True
    """Whether `/.default` was asked for: the answer names it then, since clients keep tokens under what was told."""

    @property
    def told(self) -> str:
        """What the answer's `scope` says (RFC 6749 section 5.1): every permission with its resource."""
        audience = self.resource.audience
        own = openid_words_of(self.resource)
        named = [text if text in own else f"{audience}/{text}" for text in self.permissions]
        if self.by_default:
            named.append(f"{audience}{DEFAULT_SCOPE}")
        return " ".join(dict.fromkeys([*named, *sorted(self.openid - {OFFLINE_ACCESS})]))


def parse_user_scope(
    scope: str | None, hosts: Hosts, tenant: str, find: FindApi = no_api, offered: Offered = delegated
) -> UserScope:
    """
    Read the v2 endpoint's `scope` for a user: permissions of one resource, and the words of OpenID Connect.

    A permission without a resource is Graph's, and so is a request for the words alone. What the client was allowed of
    what the resource has *offered* is another question: `directory.consent`.

    Raises:
        Invalid: AADSTS900144, nothing is asked; 70011, several resources or a permission that the resource does not
            have; 500011, no such resource.
    """
    items = (scope or "").split()
    if not items:
        raise refuse(900144, parameter="scope")
    openid = frozenset(items) & OPENID_SCOPES
    asked: dict[Resource, set[str]] = {}
    for item in items:
        if item not in OPENID_SCOPES:
            name, permission = _split(item)
            asked.setdefault(parse_resource(name, hosts, tenant, find), set()).add(permission)
    if len(asked) > 1:
        raise refuse(70011, scope=scope or "", reason="several resources")
    resource, permissions = next(iter(asked.items()), (Resource(Surface.GRAPH, GRAPH_RESOURCE), set()))
    given = _of_tokens(resource, offered)
    by_default = _DEFAULT in permissions
    if not permissions - {_DEFAULT} <= set(given):
        raise refuse(70011, scope=scope or "", reason="unknown permission")
    chosen = (
        given
        if by_default
        else tuple(text for text in given if text in permissions | (openid & openid_words_of(resource)))
    )
    return UserScope(resource, chosen, openid, by_default)


def whole_resource(resource: Resource, offered: Offered = delegated) -> UserScope:
    """Make the scope of a v1 request, which names a resource and means all that the client has of it."""
    return UserScope(resource, _of_tokens(resource, offered), frozenset({OPENID, PROFILE, OFFLINE_ACCESS}))


def openid_words_of(resource: Resource) -> frozenset[str]:
    """Give the words of OpenID Connect as far as a resource has them: they are Graph's, and mean nothing elsewhere."""
    return OPENID_SCOPES if resource.surface is Surface.GRAPH else frozenset()


def _of_tokens(resource: Resource, offered: Offered) -> tuple[str, ...]:
    """Leave out what is consented to like a permission of Graph and never stands in `scp`."""
    left_out = openid_words_of(resource) & {OFFLINE_ACCESS}
    return tuple(word for word in offered(resource) if word not in left_out)


def _split(item: str) -> tuple[str, str]:
    """Split a permission from its resource. Exactly one slash is theirs: `https://x//.default` is the resource `https://x/`."""
    if "/" not in item:
        return GRAPH_RESOURCE, item
    resource, _, permission = item.rpartition("/")
    return resource, permission


@dataclass(frozen=True, slots=True)
class UserFacts:
    """What a token says of its user, and of how and when the user signed in."""

    oid: str
    user_principal_name: str
    display_name: str
    subject: str
    """`sub`: another one for each application, so that two cannot compare their users."""
    passport: str
    """`puid`: the same for every application."""
    session: str
    """`sid`: the token family."""
    authenticated: int
    """`auth_time`; 0 if nobody knows, and then it is left out."""
    amr: tuple[str, ...]
    given_name: str | None = None
    surname: str | None = None
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    """Directory roles: `wids`."""
    address: str | None = None
    app_roles: tuple[str, ...] = ()
    """App roles of the resource: `roles`."""
    identity_provider: str | None = None
    """`idp`: the issuer of the provider that the user signed in at; None if it was here."""


def user_claims(facts: TokenFacts, user: UserFacts, permissions: tuple[str, ...]) -> dict[str, object]:
    """Make the claims of an access token for a user (v1)."""
    claims: dict[str, object] = {
        **common_claims(facts),
        "acr": "1",
        "amr": list(user.amr),
        "idtyp": "user",
        "name": user.display_name,
        "oid": user.oid,
        "puid": user.passport,
        "scp": " ".join(permissions),
        "sid": user.session,
        "sub": user.subject,
        "unique_name": user.user_principal_name,
        "upn": user.user_principal_name,
        **_groups(facts.tenant, user),
    }
    optional = {
        "family_name": user.surname,
        "given_name": user.given_name,
        "idp": user.identity_provider,
        "ipaddr": user.address,
    }
    claims |= {name: value for name, value in optional.items() if value}
    if user.authenticated:
        claims["auth_time"] = user.authenticated
    if user.roles:
        claims["wids"] = list(user.roles)
    if user.app_roles:
        claims["roles"] = list(user.app_roles)
    return claims


def id_token_claims(
    facts: TokenFacts,
    user: UserFacts,
    *,
    issuer: str,
    nonce: str | None,
    preferred_username: bool,
    email: str | None,
) -> dict[str, object]:
    """Make the claims of an id token (OpenID Connect Core section 2, v2): for the client, about its user."""
    claims: dict[str, object] = {
        "aud": facts.app_id,
        "iss": issuer,
        "iat": facts.lifetime.issued,
        "nbf": facts.lifetime.issued,
        "exp": facts.lifetime.expires,
        "oid": user.oid,
        "rh": facts.rh,
        "sid": user.session,
        "sub": user.subject,
        "tid": facts.tenant,
        "uti": facts.token_id,
        "ver": "2.0",
    }
    if user.identity_provider is not None:
        claims["idp"] = user.identity_provider
    if user.authenticated:
        claims["auth_time"] = user.authenticated
    if nonce is not None:
        claims["nonce"] = nonce
    if preferred_username:
        claims |= {"name": user.display_name, "preferred_username": user.user_principal_name}
    if email:
        claims["email"] = email
    return claims


def _groups(tenant: str, user: UserFacts) -> dict[str, object]:
    """Name the user's groups, or where to ask for them if they are too many for a token."""
    if not user.groups:
        return {}
    if len(user.groups) <= GROUPS_IN_TOKEN:
        return {"groups": sorted(user.groups)}
    endpoint = f"https://graph.windows.net/{tenant}/users/{user.oid}/getMemberObjects"
    return {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": endpoint}}}
