"""
What ACME authorities answer (RFC 8555), read strictly: directories, orders, authorizations, problems, and names.

An authority is another party: whatever it says is judged before it is used, and its own words are repeated only
cleaned and cut short. Owns no connection and no key: `objects.issuers.acme_client`, `crypto.acme_requests`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strongroom.core import acme_limits as limits
from strongroom.core.acme_accounts import AcmeAccount, ChallengeType, is_dns_name, is_token, is_within
from strongroom.core.errors import Invalid
from strongroom.core.outgoing import parse_destination
from strongroom.core.strict_json import parse_object

_ERROR = "urn:ietf:params:acme:error:"
_WORD = re.compile(r"[A-Za-z]{1,40}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WILDCARD = "*."


class BadAnswer(ValueError):
    """An authority's answer is not what the protocol says. The text repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Where an authority's resources are, and what it demands (section 7.1.1)."""

    new_nonce: str
    new_account: str
    new_order: str
    terms: str | None = None
    external_account_required: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an authority refuses (section 6.7)."""

    type: str = ""
    """The last word of its URN, if it is one of ACME's."""
    detail: str = ""
    """Its own words, cleaned."""

    def __str__(self) -> str:
        said = self.detail or "it does not say why"
        return f"{said} ({self.type})" if self.type else said


@dataclass(frozen=True, slots=True)
class Order:
    """An order (section 7.1.3)."""

    status: str
    authorizations: tuple[str, ...]
    finalize: str
    certificate: str | None
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to prove a name (section 7.1.5)."""

    type: str
    url: str
    status: str
    token: str
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Authorization:
    """What is to be proved of one name (section 7.1.4)."""

    domain: str
    """The name, without the wildcard."""
    status: str
    challenges: tuple[Challenge, ...]

    def find(self, kind: ChallengeType) -> Challenge | None:
        """Find the challenge of a type."""
        return next((one for one in self.challenges if one.type == kind), None)

    @property
    def problem(self) -> Problem | None:
        """Why it failed, as the challenge says that was tried."""
        return next((one.problem for one in self.challenges if one.problem is not None), None)


# ---- reading --------------------------------------------------------------------------------------------------------


def read_directory(document: bytes) -> Directory:
    """
    Read a directory.

    Raises:
        BadAnswer: it is none.
    """
    members = _object(document)
    meta = members.get("meta", {})
    meta = meta if isinstance(meta, dict) else {}
    terms = meta.get("termsOfService")
    return Directory(
        _url(members, "newNonce"),
        _url(members, "newAccount"),
        _url(members, "newOrder"),
        cleaned(terms) or None if isinstance(terms, str) else None,
        meta.get("externalAccountRequired") is True,
    )


def read_order(document: bytes) -> Order:
    """
    Read an order.

    Raises:
        BadAnswer: it is none, or has more authorizations than a certificate may have names.
    """
    members = _object(document)
    urls = members.get("authorizations")
    if not isinstance(urls, list) or not 0 < len(urls) <= limits.ACME_NAMES:
        raise BadAnswer("an order without authorizations")
    certificate = _url(members, "certificate") if "certificate" in members else None
    return Order(
        _word(members, "status"),
        tuple(_as_url(one) for one in urls),
        _url(members, "finalize"),
        certificate,
        _problem(members.get("error")),
    )


def read_authorization(document: bytes) -> Authorization:
    """
    Read an authorization; challenges of other kinds, whose members are theirs, are read as far as they go.

    Raises:
        BadAnswer: it is none.
    """
    members = _object(document)
    identifier, challenges = members.get("identifier"), members.get("challenges")
    if not isinstance(identifier, dict) or identifier.get("type") != "dns" or not isinstance(challenges, list):
        raise BadAnswer("an authorization of no DNS name")
    value = identifier.get("value")
    if not isinstance(value, str):
        raise BadAnswer("an authorization of no DNS name")
    kinds = tuple(ChallengeType)
    read = tuple(_challenge(one) for one in challenges if isinstance(one, dict) and one.get("type") in kinds)
    return Authorization(value.lower().removeprefix(WILDCARD), _word(members, "status"), read)


def read_status(document: bytes) -> str:
    """
    Read the `status` of any resource.

    Raises:
        BadAnswer: it has none.
    """
    return _word(_object(document), "status")


def read_problem(document: bytes) -> Problem:
    """Read why something was refused; whatever is no problem document says nothing."""
    try:
        members = _object(document)
    except BadAnswer:
        return Problem()
    return _problem(members) or Problem()


def retry_after(value: str | None, now: int) -> int | None:
    """Read `Retry-After`, in either of its forms (RFC 9110 section 10.2.3), as seconds from now on; None if it is none."""
    if value is None:
        return None
    if _SECONDS.fullmatch(value.strip()):
        return int(value)
    moment = _http_date(value.strip())
    return None if moment is None else max(moment - now, 0)


def _http_date(text: str) -> int | None:
    """Read `Sun, 06 Nov 1994 08:49:37 GMT`, the one form of a date that servers may send."""
    from datetime import UTC, datetime  # noqa: PLC0415  read here alone

    match = re.fullmatch(
        r"[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT", text
    )
    if match is None or match[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(match[place]) for place in (1, 3, 4, 5, 6))
    try:
        return int(datetime(year, _MONTHS.index(match[2]) + 1, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError:
        return None


def cleaned(text: str) -> str:
    """Give another party's words as they may be repeated: one line of what can be printed, cut short."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text[: 4 * limits.ACME_DETAIL_CHARS]).split())
    return line if len(line) <= limits.ACME_DETAIL_CHARS else line[: limits.ACME_DETAIL_CHARS - 1] + "…"


def _problem(found: object) -> Problem | None:
    if not isinstance(found, dict):
        return None
    kind, detail = found.get("type"), found.get("detail")
    word = kind.removeprefix(_ERROR) if isinstance(kind, str) and kind.startswith(_ERROR) else ""
    details = [detail] if isinstance(detail, str) else []
    parts = found.get("subproblems")
    details += [
        one["detail"]
        for one in (parts[: limits.ACME_NAMES] if isinstance(parts, list) else ())
        if isinstance(one, dict) and isinstance(one.get("detail"), str)
    ]
    return Problem(word if _WORD.fullmatch(word) else "", cleaned("; ".join(details)))


def _challenge(members: Mapping[str, Any]) -> Challenge:
    token = members.get("token")
    if not isinstance(token, str) or not is_token(token):
        raise BadAnswer("a challenge without a token")
    return Challenge(
        _word(members, "type", plain=False),
        _url(members, "url"),
        _word(members, "status"),
        token,
        _problem(members.get("error")),
    )


def _object(document: bytes) -> dict[str, Any]:
    try:
        return parse_object(document)
    except (TypeError, ValueError):
        raise BadAnswer("no JSON object") from None


def _word(members: Mapping[str, Any], name: str, *, plain: bool = True) -> str:
    found = members.get(name)
    if not isinstance(found, str) or (plain and not _WORD.fullmatch(found)):
        raise BadAnswer(f"no {name}")
    return found


def _url(members: Mapping[str, Any], name: str) -> str:
    return _as_url(members.get(name))


def _as_url(found: object) -> str:
    if not isinstance(found, str):
        raise BadAnswer("no URL where one belongs")
    try:
        parse_destination(found)
    except ValueError:
        raise BadAnswer("no https URL where one belongs") from None
    return found


# ---- names ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RequestedNames:
    """The names that a certificate request carries."""

    dns: tuple[str, ...]
    others: tuple[str, ...]
    """What its other names are, as people call them: `e-mail addresses`."""
    common_name: str | None = None


def ordered_names(requested: RequestedNames, account: AcmeAccount) -> tuple[str, ...]:
    """
    Give the names to order, each once, in lower case.

    A subject's common name is one of them if it is a host name of two labels or more: authorities demand that a
    request and its order name the same (section 7.4).

    Raises:
        Invalid: an ACME authority certifies no such names, or the account is not for them; the sentence says which.
    """
    if requested.others:
        raise Invalid(
            f"An ACME authority certifies DNS names only, and the policy asks for {' and '.join(requested.others)}."
        )
    names = [name.lower() for name in requested.dns]
    common = (requested.common_name or "").lower()
    if "." in common and is_dns_name(common.removeprefix(WILDCARD)):
        names.append(common)
    names = list(dict.fromkeys(names))
    if not names:
        raise Invalid("An ACME authority certifies DNS names, and the policy names none.")
    if len(names) > limits.ACME_NAMES:
        raise Invalid(f"A certificate of an ACME authority has at most {limits.ACME_NAMES} names.")
    for name in names:
        bare = name.removeprefix(WILDCARD)
        if not is_dns_name(bare):
            raise Invalid("One of the policy's DNS names is none that an ACME authority can certify.")
        if bare != name and account.challenge is ChallengeType.HTTP:
            raise Invalid(
                f"{name} can be proved by dns-01 only (RFC 8555 section 8.3), and the account goes by http-01."
            )
        if account.domains and not is_within(bare, account.domains):
            raise Invalid(f"The ACME account is not for {name}.")
    return tuple(names)
