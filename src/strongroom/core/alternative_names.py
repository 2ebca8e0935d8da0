"""
What may stand among the subject alternative names of a certificate (RFC 5280 section 4.2.1.6).

A name is checked for its form and for nothing else: whether it is its asker's is the issuer's question.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from strongroom.core import certificate_limits
from strongroom.core.certificates import AlternativeNames
from strongroom.core.errors import Invalid
from strongroom.core.limits import DOMAIN_NAME_CHARS

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DNS_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*", re.ASCII)
"""An underscore is in no host's name, but in names that are looked up, which Azure takes as well."""
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*", re.ASCII)


def check_names(names: AlternativeNames) -> AlternativeNames:
    """
    Check alternative names, and give them with their addresses in the one form that each has.

    Raises:
        Invalid: there are too many, or one is none.
    """
    kinds = (names.dns_names, names.emails, names.upns, names.uris, names.ip_addresses)
    if sum(map(len, kinds)) > certificate_limits.ALTERNATIVE_NAMES:
        raise Invalid(
            f"A certificate can have at most {certificate_limits.ALTERNATIVE_NAMES} subject alternative names.",
            code="BadParameter",
        )
    _check("dns_names", names.dns_names, is_dns_name, "must be DNS names, with a wildcard in the first place alone")
    _check("emails", names.emails, is_email, "must be e-mail addresses")
    _check("upns", names.upns, is_upn, "must be user principal names")
    _check("uris", names.uris, is_uri, "must be URIs with a scheme")
    _check("ipAddresses", names.ip_addresses, is_address, "must be addresses of IPv4 or IPv6")
    return AlternativeNames(
        names.dns_names,
        names.emails,
        names.upns,
        names.uris,
        tuple(str(ipaddress.ip_address(one)) for one in names.ip_addresses),
    )


def _check(member: str, names: tuple[str, ...], fits: Callable[[str], bool], must: str) -> None:
    if not all(map(fits, names)):
        raise Invalid(f"The names in sans.{member} {must}.", code="BadParameter", reason=f"invalid sans.{member}")


def is_dns_name(text: str) -> bool:
    """Tell whether a text is a DNS name, or one with a wildcard; names of other alphabets come as ASCII (RFC 5890)."""
    return len(text) <= DOMAIN_NAME_CHARS and _DNS_NAME.fullmatch(text) is not None


def is_email(text: str) -> bool:
    """Tell whether a text is an e-mail address in ASCII, without a name or a comment (RFC 5280 section 4.2.1.6)."""
    local, _, domain = text.rpartition("@")
    return (
        len(text) <= certificate_limits.ALTERNATIVE_NAME_CHARS
        and _LOCAL_PART.fullmatch(local) is not None
        and not domain.startswith("*")
        and is_dns_name(domain)
    )


def is_upn(text: str) -> bool:
    """Tell whether a text is a user principal name: some signs, an @, and more of them."""
    user, _, domain = text.rpartition("@")
    return (
        len(text) <= certificate_limits.ALTERNATIVE_NAME_CHARS
        and bool(user and domain)
        and text.isprintable()
        and not any(map(str.isspace, text))
    )


def is_uri(text: str) -> bool:
    """Tell whether a text is a URI that is not relative, in ASCII."""
    if len(text) > certificate_limits.ALTERNATIVE_URI_CHARS or not text.isascii() or not text.isprintable():
        return False
    scheme, colon, rest = text.partition(":")
    if not colon or not rest or " " in text or _SCHEME.fullmatch(scheme) is None:
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    # What has an authority has a host in it, or begins with the path, as in file:///etc.
    return bool(parts.hostname) if parts.netloc else rest != "//"


def is_address(text: str) -> bool:
    """Tell whether a text is an address; one with a zone is of one machine alone."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return getattr(address, "scope_id", None) is None
