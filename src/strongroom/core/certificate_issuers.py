"""
A vault's issuers and contacts: whom its certificates can be had from, and who is told of them.

An issuer names a provider, which is one of this service's (`core.issuance`) or a name that is kept and not reachable,
and its account there. Rules from reference azure-key-vault.md section 4.5; choices where it is silent are in ADR 0014.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import ClassVar

from strongroom.core import certificate_limits as limits
from strongroom.core.certificates import SELF, UNKNOWN
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.names import parse_object_name
from strongroom.core.records import Record, record, vault_partition

CONTACTS = "contacts"
"""The one record of contacts that a vault has."""
RESERVED = frozenset({SELF.casefold(), UNKNOWN.casefold()})
"""Names that policies have for what is no issuer of the vault's."""

_TAKEN = frozenset({CONTACTS, "issuers"})
"""What follows `/certificates/` where no certificate is meant."""


@dataclass(frozen=True, slots=True)
class Administrator:
    """Somebody of the organisation, whom a CA may turn to: of `admin_details`."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody who is told when a certificate is about to expire, or could not be renewed."""

    email: str
    name: str | None = None
    phone: str | None = None


@record
@dataclass(frozen=True, slots=True)
class CertificateIssuer(Record):
    """An issuer of a vault."""

    KIND: ClassVar[str] = "certificate_issuer"
    id: str
    """Its name, folded: a vault's issuers differ in more than case."""
    vault: str
    name: str
    provider: str
    created: int
    updated: int
    enabled: bool = True
    account_id: str | None = None
    sealed_password: bytes | None = field(default=None, repr=False)
    """`credentials.pwd`, sealed under the vault's key. No answer has it."""
    organisation_id: str | None = None
    administrators: tuple[Administrator, ...] | None = None

    @property
    def partition(self) -> str:
        """Its vault's."""
        return vault_partition(self.vault)


@record
@dataclass(frozen=True, slots=True)
class CertificateContacts(Record):
    """The contacts of a vault: all of them, since they are set as a whole."""

    KIND: ClassVar[str] = "certificate_contacts"
    id: str
    vault: str
    contacts: tuple[Contact, ...]

    @property
    def partition(self) -> str:
        """Its vault's."""
        return vault_partition(self.vault)


@dataclass(frozen=True, slots=True)
class GivenIssuer:
    """An issuer as a request has it; None for what it leaves out. Its password is sealed by then."""

    provider: str | None = None
    account_id: str | None = None
    sealed_password: bytes | None = field(default=None, repr=False)
    organisation_id: str | None = None
    administrators: tuple[Administrator, ...] | None = None
    has_organisation: bool = False
    """Whether `org_details` is there, and replaces what was."""
    enabled: bool | None = None


# ---- rules ----------------------------------------------------------------------------------------------------------


def parse_issuer_name(text: str) -> str:
    """
    Check the name of an issuer as it stands in a path; its case is kept.

    Raises:
        Invalid: it is no name of an object, or one that policies have for what is no issuer of a vault's.
    """
    name = parse_object_name(text)
    if name.casefold() in RESERVED:
        raise Invalid(f"The name {name} means no issuer of a vault's.", code="BadParameter", reason="reserved name")
    return name


def parse_certificate_name(text: str) -> str:
    """
    Check the name of a certificate that is to be; its case is kept.

    Raises:
        Invalid: it is no name of an object, or one that means something else in a path of certificates.
    """
    name = parse_object_name(text)
    if name.casefold() in _TAKEN:
        raise Invalid(f"No certificate can be called {name}.", code="BadParameter", reason="reserved name")
    return name


def new_issuer(name: str, vault: str, given: GivenIssuer, old: CertificateIssuer | None, now: int) -> CertificateIssuer:
    """
    Make an issuer as it is set: what the request leaves out, it does not have, whatever *old* had.

    Raises:
        Invalid: it has no provider, or something is too long.
    """
    if not given.provider:
        raise Invalid("Property provider has invalid value\r\n", code="BadParameter", reason="no provider")
    return _checked(
        CertificateIssuer(
            issuer_id(name),
            vault,
            name,
            given.provider,
            now if old is None else old.created,
            now,
            given.enabled is not False,
            given.account_id,
            given.sealed_password,
            given.organisation_id,
            given.administrators,
        )
    )


def changed_issuer(old: CertificateIssuer, given: GivenIssuer, now: int) -> CertificateIssuer:
    """
    Change of an issuer what the request has.

    Raises:
        Invalid: something is too long, or the provider is empty.
    """
    if given.provider == "":
        raise Invalid("Property provider has invalid value\r\n", code="BadParameter", reason="no provider")
    organisation = (given.organisation_id, given.administrators)
    organisation_id, administrators = (
        organisation if given.has_organisation else (old.organisation_id, old.administrators)
    )
    return _checked(
        replace(
            old,
            provider=old.provider if given.provider is None else given.provider,
            account_id=old.account_id if given.account_id is None else given.account_id,
            sealed_password=old.sealed_password if given.sealed_password is None else given.sealed_password,
            organisation_id=organisation_id,
            administrators=administrators,
            enabled=old.enabled if given.enabled is None else given.enabled,
            updated=now,
        )
    )


def check_password(password: str) -> None:
    """
    Check `credentials.pwd` before it is sealed.

    Raises:
        Invalid: it is too long.
    """
    _check_text("credentials.pwd", password)


def read_contacts(vault: str, contacts: Iterable[Contact]) -> CertificateContacts:
    """
    Read the contacts that are to be a vault's from now on.

    Raises:
        Invalid: there are none or too many, or one has no e-mail address.
    """
    found = tuple(contacts)
    if not 0 < len(found) <= limits.CONTACTS:
        raise Invalid(f"A vault has 1 to {limits.CONTACTS} contacts.", code="BadParameter")
    for one in found:
        if not is_email(one.email):
            raise Invalid("A contact has an e-mail address.", code="BadParameter", reason="no e-mail address")
        _check_texts(("name", one.name), ("phone", one.phone))
    return CertificateContacts(CONTACTS, vault, found)


def is_email(text: str) -> bool:
    """Tell whether a text can be an e-mail address, of one line and without a comment."""
    local, at, domain = text.rpartition("@")
    return (
        bool(local and at and domain)
        and len(text) <= limits.EMAIL_CHARS
        and text.isprintable()
        and not any(character in text for character in ' \t,;<>()"\\')
    )


def issuer_id(name: str) -> str:
    """Give the id of the issuer of a name."""
    return name.casefold()


def issuer_not_found() -> NotFound:
    """Say that a vault has no such issuer (reference section 8)."""
    return NotFound("Issuer not found", code="CertificateIssuerNotFound")


def contacts_not_found() -> NotFound:
    """Say that a vault has no contacts."""
    return NotFound("Contacts not found", code="ContactsNotFound")


def _checked(issuer: CertificateIssuer) -> CertificateIssuer:
    administrators = issuer.administrators or ()
    if len(administrators) > limits.ISSUER_ADMINISTRATORS:
        raise Invalid(
            f"An issuer's organisation has at most {limits.ISSUER_ADMINISTRATORS} administrators.", code="BadParameter"
        )
    for one in administrators:
        _check_texts(("first_name", one.first_name), ("last_name", one.last_name), ("phone", one.phone))
        if one.email is not None and not is_email(one.email):
            raise Invalid("An administrator's email is no e-mail address.", code="BadParameter")
    _check_texts(
        ("provider", issuer.provider),
        ("credentials.account_id", issuer.account_id),
        ("org_details.id", issuer.organisation_id),
    )
    return issuer


def _check_texts(*texts: tuple[str, str | None]) -> None:
    for member, text in texts:
        if text is not None:
            _check_text(member, text)
            if not text.isprintable():
                raise Invalid(f"{member} has a character that nobody can see.", code="BadParameter")


def _check_text(member: str, text: str) -> None:
    if len(text) > limits.ISSUER_TEXT_CHARS:
        raise Invalid(f"{member} has more than {limits.ISSUER_TEXT_CHARS} characters.", code="BadParameter")
