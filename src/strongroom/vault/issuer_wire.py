"""The wire structs of issuers and contacts (reference operations.md section 7, certificates)."""

from __future__ import annotations

import msgspec

from strongroom.http import json


class AdministratorDetails(msgspec.Struct, omit_defaults=True):
    """`AdministratorDetails`, of a request or an answer."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None


class OrganizationDetails(msgspec.Struct, omit_defaults=True):
    """`OrganizationDetails`, of a request or an answer."""

    id: str | None = None
    admin_details: list[AdministratorDetails] | None = None


class GivenIssuerCredentials(json.Secretive):
    """`IssuerCredentials` of a request."""

    account_id: str | None = None
    pwd: str | None = None


class GivenIssuerAttributes(msgspec.Struct):
    """`IssuerAttributes` of a request; what is read-only is not read."""

    enabled: bool | None = None


class CertificateIssuerParameters(json.Secretive):
    """The body of CertificateIssuerSet and CertificateIssuerUpdate."""

    provider: str | None = None
    credentials: GivenIssuerCredentials | None = None
    org_details: OrganizationDetails | None = None
    attributes: GivenIssuerAttributes | None = None


class IssuerCredentials(msgspec.Struct, omit_defaults=True):
    """`IssuerCredentials` of an answer, which never has the password."""

    account_id: str | None = None


class IssuerAttributes(msgspec.Struct):
    """`IssuerAttributes` of an answer."""

    enabled: bool
    created: int
    updated: int


class IssuerBundle(msgspec.Struct, omit_defaults=True):
    """`IssuerBundle`."""

    id: str
    provider: str
    attributes: IssuerAttributes
    credentials: IssuerCredentials | None = None
    org_details: OrganizationDetails | None = None


class CertificateIssuerItem(msgspec.Struct):
    """`CertificateIssuerItem`."""

    id: str
    provider: str


class CertificateIssuerListResult(msgspec.Struct):
    """One page."""

    value: list[CertificateIssuerItem]
    nextLink: str | None  # noqa: N815  the wire's name


class Contact(msgspec.Struct, omit_defaults=True):
    """`Contact`, of a request or an answer."""

    email: str | None = None
    name: str | None = None
    phone: str | None = None


class ContactsParameters(msgspec.Struct):
    """The body of CertificateContactsSet."""

    contacts: list[Contact] | None = None


class Contacts(msgspec.Struct):
    """`Contacts`."""

    id: str
    contacts: list[Contact]
