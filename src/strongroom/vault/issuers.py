"""A vault's issuers and contacts: the handlers, and who issues for a certificate that names an issuer."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core.certificate_issuers import (
    CONTACTS,
    RESERVED,
    Administrator,
    CertificateContacts,
    CertificateIssuer,
    Contact,
    GivenIssuer,
    check_password,
    contacts_not_found,
    issuer_id,
    issuer_not_found,
    parse_issuer_name,
    read_contacts,
)
from strongroom.core.issuance import Refused
from strongroom.core.records import vault_partition
from strongroom.core.vaults import Vault
from strongroom.flow.call import Call
from strongroom.flow.world import Issuer, World
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects import certificate_issuers
from strongroom.store import Transaction
from strongroom.vault import issuer_wire as wire
from strongroom.vault.paging import read_paging
from strongroom.view import View

# ---- who issues -----------------------------------------------------------------------------------------------------


def find_issuer(view: View, vault: Vault, name: str) -> CertificateIssuer | None:
    """Find a vault's issuer by its name."""
    return view.get(CertificateIssuer, vault_partition(vault.id), issuer_id(name))


def require_issuer(view: View, vault: Vault, name: str) -> None:
    """
    Refuse a policy that names an issuer which the vault does not have.

    Raises:
        NotFound: it has none of that name.
    """
    if name.casefold() not in RESERVED and find_issuer(view, vault, name) is None:
        raise issuer_not_found()


def issuing(world: World, vault: Vault, name: str) -> tuple[CertificateIssuer, Issuer] | Refused:
    """Give a vault's issuer with the provider that issues in its name, or say why nobody does."""
    found = find_issuer(world.view, vault, name)
    if found is None:
        return Refused(f"The vault has no issuer called {name} any more.", _ISSUER_ERROR)
    if not found.enabled:
        return Refused(f"The issuer {name} is disabled.", _ISSUER_ERROR)
    providers = {provider.casefold(): issuer for provider, issuer in world.issuers.items()}
    provider = providers.get(found.provider.casefold())
    if provider is None:
        served = ", ".join(sorted(world.issuers)) or "none"
        return Refused(
            f"No account of the provider {found.provider} can be reached from this service. Providers that it issues"
            f" through: {served}.",
            _ISSUER_ERROR,
        )
    return found, provider


_ISSUER_ERROR = "Certificate issuer error"

# ---- issuers --------------------------------------------------------------------------------------------------------


async def list_issuers(call: Call) -> Response:
    """List the issuers, with their providers."""
    paging = read_paging(call, "issuers")
    every = call.world.view.all(CertificateIssuer, vault_partition(call.the_vault.id))
    left = [one for one in every if paging.after is None or one.id > paging.after]
    page, more = left[: paging.limit], len(left) > paging.limit
    items = [wire.CertificateIssuerItem(_id_of(call, one), one.provider) for one in page]
    return json.response(wire.CertificateIssuerListResult(items, paging.next_link(page[-1].id) if more else None))


async def get_issuer(call: Call) -> Response:
    """Get an issuer, without its password."""
    found = find_issuer(call.world.view, call.the_vault, parse_issuer_name(call.target.params["issuer"]))
    if found is None:
        raise issuer_not_found()
    return _answer(call, found)


async def set_issuer(call: Call) -> Response:
    """Set an issuer: a new one, or all of one that there is."""
    name, vault = parse_issuer_name(call.target.params["issuer"]), call.the_vault
    given = _given(call, name, await call.body(wire.CertificateIssuerParameters))

    async def change(tx: Transaction) -> CertificateIssuer:
        return await certificate_issuers.set_issuer(tx, vault, name, given, call.now)

    return _answer(call, await call.commit(change, lambda made: _described(call, made)))


async def update_issuer(call: Call) -> Response:
    """Change of an issuer what the request has."""
    name, vault = parse_issuer_name(call.target.params["issuer"]), call.the_vault
    given = _given(call, name, await call.body(wire.CertificateIssuerParameters))

    async def change(tx: Transaction) -> CertificateIssuer:
        return await certificate_issuers.update_issuer(tx, vault, name, given, call.now)

    return _answer(call, await call.commit(change, lambda made: _described(call, made)))


async def delete_issuer(call: Call) -> Response:
    """Remove an issuer."""
    name, vault = parse_issuer_name(call.target.params["issuer"]), call.the_vault
    gone = await call.commit(
        lambda tx: certificate_issuers.remove_issuer(tx, vault, name), lambda found: _described(call, found)
    )
    return _answer(call, gone)


def _given(call: Call, name: str, body: wire.CertificateIssuerParameters) -> GivenIssuer:
    """Take what the domain knows out of a request's body; the password goes no further than here."""
    credentials, organisation = body.credentials or wire.GivenIssuerCredentials(), body.org_details
    vault, sealed = call.the_vault, None
    if credentials.pwd is not None:
        check_password(credentials.pwd)
        envelope = call.world.keys.envelope(vault.id, vault.wrapped_key)
        sealed = certificate_issuers.seal_password(envelope, vault, name, credentials.pwd)
    return GivenIssuer(
        body.provider,
        credentials.account_id,
        sealed,
        organisation.id if organisation is not None else None,
        _administrators(organisation),
        organisation is not None,
        body.attributes.enabled if body.attributes is not None else None,
    )


def _administrators(organisation: wire.OrganizationDetails | None) -> tuple[Administrator, ...] | None:
    if organisation is None or organisation.admin_details is None:
        return None
    return tuple(
        Administrator(one.first_name, one.last_name, one.email, one.phone) for one in organisation.admin_details
    )


def _described(call: Call, issuer: CertificateIssuer) -> Mapping[str, object]:
    return {"id": _id_of(call, issuer), "issuer": issuer.provider}


def _answer(call: Call, issuer: CertificateIssuer) -> Response:
    call.properties.update(_described(call, issuer))
    people = issuer.administrators
    details = (
        [wire.AdministratorDetails(one.first_name, one.last_name, one.email, one.phone) for one in people]
        if people is not None
        else None
    )
    has_organisation = issuer.organisation_id is not None or details is not None
    return json.response(
        wire.IssuerBundle(
            _id_of(call, issuer),
            issuer.provider,
            wire.IssuerAttributes(issuer.enabled, issuer.created, issuer.updated),
            wire.IssuerCredentials(issuer.account_id) if issuer.account_id is not None else None,
            wire.OrganizationDetails(issuer.organisation_id, details) if has_organisation else None,
        )
    )


def _id_of(call: Call, issuer: CertificateIssuer) -> str:
    return f"{call.base}/certificates/issuers/{issuer.name}"


# ---- contacts -------------------------------------------------------------------------------------------------------


async def get_contacts(call: Call) -> Response:
    """Get the contacts of the vault's certificates."""
    found = call.world.view.get(CertificateContacts, vault_partition(call.the_vault.id), CONTACTS)
    if found is None:
        raise contacts_not_found()
    return _answer_contacts(call, found)


async def set_contacts(call: Call) -> Response:
    """Set all contacts, in the place of those that there were."""
    body, vault = await call.body(wire.ContactsParameters), call.the_vault
    given = read_contacts(vault.id, [Contact(one.email or "", one.name, one.phone) for one in body.contacts or ()])
    await call.commit(lambda tx: tx.put(given), lambda _: {"id": _contacts_id(call), "count": len(given.contacts)})
    return _answer_contacts(call, given)


async def delete_contacts(call: Call) -> Response:
    """Remove all contacts."""
    vault = call.the_vault
    gone = await call.commit(
        lambda tx: certificate_issuers.remove_contacts(tx, vault),
        lambda found: {"id": _contacts_id(call), "count": len(found.contacts)},
    )
    return _answer_contacts(call, gone)


def _answer_contacts(call: Call, found: CertificateContacts) -> Response:
    call.properties.update({"id": _contacts_id(call), "count": len(found.contacts)})
    return json.response(
        wire.Contacts(_contacts_id(call), [wire.Contact(one.email, one.name, one.phone) for one in found.contacts])
    )


def _contacts_id(call: Call) -> str:
    return f"{call.base}/certificates/contacts"
