"""
Identity providers: where a tenant's users may sign in instead of here (OpenID Connect), by the operator's word.

Nobody is let in by being known elsewhere. A person of a provider is one of our users if a link says so: the provider's
subject and the user, written by the operator, or at the first sign-in where the operator trusts a claim of the provider
to name users in certain domains. What else a provider's token says (`oid`, `groups`, `roles`) is about somebody else's
directory, and nobody here reads it (security.md "Tokens and sign-in").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from typing import ClassVar

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.core.federation import TEXT_CHARS, is_issuer
from strongroom.core.identity import Tenant
from strongroom.core.records import Record, record, tenant_partition

FEDERATED = "fed"
"""`amr` of a person who signed in elsewhere, in Entra's word."""
OPENID_SCOPES = ("openid", "profile", "email")
NAMING_CLAIMS = ("preferred_username", "email", "upn")
"""Claims that an operator may trust to name a user."""
_PRINTABLE = re.compile(r"[!-~]+", re.ASCII)
# RFC 6749 section 3.3.
_SCOPE = re.compile(r"[!#-\[\]-~]+", re.ASCII)
_SUBJECT = re.compile(rf"[ -~]{{1,{limits.SUBJECT_CHARS}}}", re.ASCII)


@record
@dataclass(frozen=True, slots=True)
class IdentityProvider(Record):
    """Another OpenID provider that a tenant's users may sign in at; this service is a client of it."""

    KIND: ClassVar[str] = "identity_provider"
    id: str
    tenant: str
    issuer: str
    """To the letter, as its tokens name it."""
    client_id: str
    """What this service is called there."""
    sealed_secret: bytes = field(repr=False)
    display_name: str
    created: int
    scopes: tuple[str, ...] = OPENID_SCOPES
    domains: tuple[str, ...] = ()
    """Domains of the tenant whose users are sent there."""
    trusted_claim: str | None = None
    """The claim that names a user in one of `domains` at a first sign-in; None if the operator links everybody."""
    enabled: bool = True

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def names(self) -> tuple[str, ...]:
        """What no other record may be called: an issuer is one provider of a tenant, a domain is one provider's."""
        return (
            f"identity_provider:{self.tenant}:{self.issuer}",
            *(f"identity_provider_domain:{domain}" for domain in self.domains),
        )


@record
@dataclass(frozen=True, slots=True)
class IdentityLink(Record):
    """
    A subject of a provider that is a user here.

    `id` is also the id of the credential that sessions and tokens are bound to, so that they end with the link.
    """

    KIND: ClassVar[str] = "identity_link"
    id: str
    tenant: str
    provider: str
    subject: str
    user: str
    created: int

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def names(self) -> tuple[str, ...]:
        """What no other record may be called: a subject is one user, and a user one subject of a provider."""
        return (f"identity_subject:{self.provider}:{self.subject}", f"identity_user:{self.provider}:{self.user}")


@dataclass(frozen=True, slots=True)
class WantedProvider:
    """What an operator says of a provider."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    display_name: str
    scopes: tuple[str, ...] = OPENID_SCOPES
    domains: tuple[str, ...] = ()
    trusted_claim: str | None = None


def judge_provider(wanted: WantedProvider, tenant: Tenant) -> WantedProvider:
    """
    Hold a provider that is to be added against the rules, and give it with its domains in lower case.

    Raises:
        Invalid: the sentence says what is wrong.
    """
    if not is_issuer(wanted.issuer):
        raise Invalid("An issuer is an https URL of at most 600 characters, without user, query and fragment.")
    for what, text in (("client id", wanted.client_id), ("client secret", wanted.client_secret)):
        if len(text) > TEXT_CHARS or not _PRINTABLE.fullmatch(text):
            raise Invalid(f"A {what} has 1 to {TEXT_CHARS} printable characters.")
    name, domains = wanted.display_name.strip(), tuple(dict.fromkeys(domain.lower() for domain in wanted.domains))
    if not 0 < len(name) <= limits.DISPLAY_NAME_CHARS or not name.isprintable():
        raise Invalid(f"A display name has 1 to {limits.DISPLAY_NAME_CHARS} printable characters.")
    _judge_scopes(wanted.scopes)
    if not set(domains) <= {domain.lower() for domain in tenant.domains}:
        raise Invalid("The domains of an identity provider must be domains of the tenant.")
    if wanted.trusted_claim is not None:
        if wanted.trusted_claim not in NAMING_CLAIMS:
            raise Invalid(f"A claim that names users is one of {', '.join(NAMING_CLAIMS)}.")
        if not domains:
            raise Invalid("A claim names users in the provider's domains alone: say which domains these are.")
    return replace(wanted, display_name=name, scopes=tuple(dict.fromkeys(wanted.scopes)), domains=domains)


def _judge_scopes(scopes: tuple[str, ...]) -> None:
    if len(scopes) > limits.IDENTITY_PROVIDER_SCOPES or not all(map(_is_scope, scopes)):
        raise Invalid(f"There are at most {limits.IDENTITY_PROVIDER_SCOPES} scopes, each a word without spaces.")
    if "openid" not in scopes:
        raise Invalid("The scopes must include openid: without it there is no id token.")


def _is_scope(text: str) -> bool:
    return len(text) <= TEXT_CHARS and _SCOPE.fullmatch(text) is not None


def judge_subject(text: str) -> str:
    """
    Hold a subject against the form that one has (OpenID Connect Core section 2).

    Raises:
        Invalid: it has another.
    """
    if not _SUBJECT.fullmatch(text):
        raise Invalid(f"A subject has 1 to {limits.SUBJECT_CHARS} ASCII characters.")
    return text


# ---- what an id token says -------------------------------------------------------------------------------------------


class BadIdToken(Exception):
    """An id token does not hold; the text is for the journal, and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class ProvedPerson:
    """Whom a provider vouches for, once its token was checked."""

    subject: str
    authenticated: int | None
    """When the person signed in there; None if the provider does not say."""
    name: str | None
    """The user name that the trusted claim gives, in one of the provider's domains; None if there is none."""


def judge_id_token(claims: Mapping[str, object], provider: IdentityProvider, *, nonce: str, now: int) -> ProvedPerson:
    """
    Judge the claims of an id token whose signature is the provider's (OpenID Connect Core section 3.1.3.7).

    Raises:
        BadIdToken: it is another issuer's, for another client, of another sign-in, or not of this time.
    """
    if claims.get("iss") != provider.issuer:
        raise BadIdToken("id token of another issuer")
    # One audience and no other: whoever else a token is for could use it here (section 3.1.3.7, number 3).
    if claims.get("aud") not in (provider.client_id, [provider.client_id]):
        raise BadIdToken("id token for another audience")
    if claims.get("azp", provider.client_id) != provider.client_id:
        raise BadIdToken("id token for another authorized party")
    said = claims.get("nonce")
    if not isinstance(said, str) or not compare_digest(said.encode("utf-8", "surrogatepass"), nonce.encode("ascii")):
        raise BadIdToken("id token of another sign-in")
    _judge_times(claims, now)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise BadIdToken("id token without a subject")
    authenticated = _time(claims, "auth_time")
    if authenticated is not None and authenticated > now + limits.ID_TOKEN_LEEWAY_S:
        raise BadIdToken("sign-in of the future")
    return ProvedPerson(
        subject, None if authenticated is None else min(int(authenticated), now), _trusted_name(claims, provider)
    )


def _judge_times(claims: Mapping[str, object], now: int) -> None:
    expires, issued, begins = (_time(claims, name) for name in ("exp", "iat", "nbf"))
    if expires is None or issued is None:
        raise BadIdToken("id token without exp or iat")
    if now >= expires + limits.ID_TOKEN_LEEWAY_S:
        raise BadIdToken("id token has expired")
    if max(issued, begins or 0) > now + limits.ID_TOKEN_LEEWAY_S:
        raise BadIdToken("id token of the future")


def _time(claims: Mapping[str, object], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadIdToken(f"{name} is no number")
    return value


def _trusted_name(claims: Mapping[str, object], provider: IdentityProvider) -> str | None:
    """Read the claim that the operator trusts, where it names somebody in a domain that it is trusted for."""
    name = claims.get(provider.trusted_claim) if provider.trusted_claim is not None else None
    if not isinstance(name, str) or len(name) > limits.USER_NAME_CHARS or not name.isascii():
        # No user's name has other characters, and some of them become ASCII where case is not to matter.
        return None
    if provider.trusted_claim == "email" and claims.get("email_verified") is not True:
        # Somebody typed it in there, and nobody has seen that it is theirs.
        return None
    user, _, domain = name.rpartition("@")
    return name if user and domain.lower() in provider.domains else None
