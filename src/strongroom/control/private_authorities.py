"""The operator's hold on private CAs: made, listed, renewed and removed, and what they issued, revoked."""

from __future__ import annotations

from strongroom.control import private_authorities_wire as wire
from strongroom.control.link import require_control
from strongroom.control.tenants import require_tenant
from strongroom.core import certificate_limits as limits
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.keys import KeyKind, KeySpec
from strongroom.core.names import parse_object_name, parse_version
from strongroom.core.objects import Collection
from strongroom.core.private_authorities import (
    PROFILES,
    AuthorityKey,
    IssuedCertificate,
    PrivateAuthority,
    RevocationList,
    issued_id,
    parse_constraints,
    parse_key,
    parse_profiles,
    parse_reason,
    parse_years,
)
from strongroom.core.records import tenant_partition
from strongroom.flow.call import Call
from strongroom.flow.world import World
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects.certificate_rows import certificate_of
from strongroom.objects.issuers import authority_life
from strongroom.objects.issuers.authority_keys import AuthorityKeys
from strongroom.objects.issuers.authority_life import Keeper, NewAuthority
from strongroom.objects.issuers.private_authority import find_authority
from strongroom.objects.keys import Unclaimed
from strongroom.store import Transaction


async def list_private_authorities(call: Call) -> Response:
    """List every CA with its certificates. By default there is none."""
    require_control(call)
    world = call.world
    return json.response(
        wire.PrivateAuthorityList([await _show(world, one) for one in world.view.all(PrivateAuthority)])
    )


async def create_private_authority(call: Call) -> Response:
    """Make a CA for a tenant: a root and an issuing CA, whose keys leave this service never."""
    require_control(call)
    body, world = await call.body(wire.PrivateAuthorityBody), call.world
    domains, networks = parse_constraints(body.permitted)
    new = NewAuthority(
        require_tenant(world.view, body.tenant).id,
        body.name,
        parse_key(body.key_type),
        parse_years(body.years),
        body.subject,
        body.in_token,
        domains,
        networks,
        parse_profiles(body.profiles),
    )
    async with Unclaimed() as unclaimed:
        made = await authority_life.make_authority(keeper_of(world), new, unclaimed, call.now)

        async def change(tx: Transaction) -> PrivateAuthority:
            authority = await authority_life.add_authority(tx, made)
            unclaimed.claim()
            return authority

        return json.response(await _show(world, await call.commit(change, _described)), 201)


async def renew_private_authority(call: Call) -> Response:
    """Give a CA another issuing CA now; what the ones before it issued stays good, unless they are revoked."""
    require_control(call)
    body, world = await call.body(wire.RenewAuthorityBody), call.world
    authority = _find(call, body)
    async with Unclaimed() as unclaimed:
        renewal = await authority_life.draw_up_renewal(
            keeper_of(world), authority, unclaimed, call.now, revoke_old=body.revoke
        )

        async def change(tx: Transaction) -> PrivateAuthority:
            renewed = await authority_life.renew(tx, renewal)
            unclaimed.claim()
            return renewed

        return json.response(await _show(world, await call.commit(change, _described)))


async def remove_private_authority(call: Call) -> Response:
    """Remove a CA with its keys."""
    require_control(call)
    body = await call.body(wire.RemoveAuthorityBody)
    authority, keeper = _find(call, body), keeper_of(call.world)
    await call.commit(
        lambda tx: authority_life.remove_authority(
            tx, keeper, authority.tenant, authority.id, call.now, force=body.force
        ),
        _described,
    )
    return Response(204, content_type=None)


async def list_issued_certificates(call: Call) -> Response:
    """List what a CA issued, the newest first, until it is forgotten."""
    require_control(call)
    world = call.world
    authority = _find(call, await call.body(wire.NamedAuthorityBody))
    newest: list[IssuedCertificate] = []
    issuers = authority_life.issuers_of(authority)
    async for piece in world.view.pieces(IssuedCertificate, authority.partition):
        newest += [one for one in piece if one.issuer in issuers]
        newest.sort(key=lambda one: (-one.created, one.id))
        del newest[limits.ISSUED_SHOWN + 1 :]
    page = newest[: limits.ISSUED_SHOWN]
    return json.response(
        wire.IssuedCertificateList([_show_issued(world, one) for one in page], more=len(newest) > len(page))
    )


async def revoke_certificate(call: Call) -> Response:
    """Revoke a certificate: from the answer on, the CA's list and its answers say so."""
    require_control(call)
    body, world = await call.body(wire.RevokeBody), call.world
    reason, tenant = parse_reason(body.reason), require_tenant(world.view, body.tenant).id
    found = await _find_issued(world, tenant, body.target)
    revoked, crl = await authority_life.draw_up_revocation(keeper_of(world), found, reason, call.now)
    await call.commit(
        lambda tx: authority_life.revoke(tx, revoked, crl),
        lambda done: {
            "tenantId": tenant,
            "authority": done.authority,
            "serialNumber": f"{done.serial:x}",
            "revocationReason": done.reason,
        },
    )
    return json.response(_show_issued(world, revoked))


async def _find_issued(world: World, tenant: str, target: str) -> IssuedCertificate:
    """
    Find a certificate that a CA of a tenant issued, by what an operator knows of it.

    Raises:
        Invalid: it is neither a serial number nor a place in a vault.
        NotFound: no CA of the tenant issued such a one, or nobody knows of it any more.
    """
    if "/" in target:
        # A certificate that was brought into a vault can have anybody's serial number.
        from strongroom.crypto.certificates.authority import serial_of  # noqa: PLC0415  costly to import

        certificate = await _certificate_at(world, tenant, target)
        return _issued_by(world, tenant, serial_of(certificate), certificate)
    text = target.replace(":", "").lower()
    if not text or len(text) > _SERIAL_DIGITS or set(text) - set("0123456789abcdef"):
        raise Invalid("A certificate is named by its serial number in hexadecimal, or as VAULT/CERTIFICATE[/VERSION].")
    return _issued_by(world, tenant, int(text, 16))


def _issued_by(world: World, tenant: str, serial: int, certificate: bytes | None = None) -> IssuedCertificate:
    partition = tenant_partition(tenant)
    for authority in world.view.all(PrivateAuthority, partition):
        for key in authority.issuing:
            one = world.view.get(IssuedCertificate, partition, issued_id(key.id, serial))
            if one is not None and certificate in {None, one.certificate}:
                return one
    raise NotFound("No private CA of the tenant issued that certificate, or it expired long ago.")


_SERIAL_DIGITS = 40


async def _certificate_at(world: World, tenant: str, target: str) -> bytes:
    """Read a certificate in a vault, be it deleted."""
    vault_name, name, version = [*target.split("/"), ""][:3]
    vault = world.view.vault_by_name(vault_name)
    if vault is None or vault.tenant != tenant:
        raise NotFound("The tenant has no such vault.")
    stored = await world.store.object(vault.id, Collection.CERTIFICATES, parse_object_name(name))
    wanted = parse_version(version) or (stored.latest if stored is not None else "")
    row = await world.store.version(vault.id, Collection.CERTIFICATES, name, wanted) if stored is not None else None
    if stored is None or row is None:
        raise NotFound("The vault has no such certificate, or no such version of it.")
    certificate = certificate_of(stored, row).body.cer
    if certificate is None:
        raise NotFound("The certificate is not issued yet.")
    return certificate


def _find(call: Call, body: wire.NamedAuthorityBody) -> PrivateAuthority:
    view = call.world.view
    tenant = require_tenant(view, body.tenant).id
    # Without a name there is a CA for vaults, and none to be removed.
    found = find_authority(view, tenant, body.name) if body.name else None
    if found is None:
        raise authority_life.no_such_authority()
    return found


def keeper_of(world: World) -> Keeper:
    """Give what looks after private CAs what it needs of a world."""
    keys = AuthorityKeys(world.keys, world.protections)
    return Keeper(world.store, world.view, keys, world.entropy, world.instance.pki_url, world.forks)


def _described(authority: PrivateAuthority) -> dict[str, object]:
    return {"tenantId": authority.tenant, "authority": authority.name}


# ---- what is shown --------------------------------------------------------------------------------------------------


async def _show(world: World, authority: PrivateAuthority) -> wire.PrivateAuthorityEntry:
    issued = revoked = 0
    issuers = authority_life.issuers_of(authority)
    async for piece in world.view.pieces(IssuedCertificate, authority.partition):
        own = [one for one in piece if one.issuer in issuers]
        issued += len(own)
        revoked += sum(one.revoked_at is not None for one in own)
    return wire.PrivateAuthorityEntry(
        authority.name,
        authority.tenant,
        authority.created,
        _key_type(authority.root.spec),
        authority.root.in_token,
        [*authority.domains, *authority.networks],
        list(authority.profiles or PROFILES),
        _show_key(world, authority, authority.root),
        [_show_key(world, authority, one) for one in reversed(authority.issuing)],
        issued,
        revoked,
        world.instance.pki_url or None,
    )


def _show_key(world: World, authority: PrivateAuthority, key: AuthorityKey) -> wire.AuthorityKeyEntry:
    from strongroom.crypto.certificates.authority import pem_of, subject_text  # noqa: PLC0415  costly to import

    crl = world.view.get(RevocationList, authority.partition, key.id)
    return wire.AuthorityKeyEntry(
        key.id,
        subject_text(key.certificate),
        key.not_before,
        key.not_after,
        pem_of(key.certificate),
        key.revoked_at,
        crl.number if crl is not None else None,
        crl.next_update if crl is not None else None,
    )


def _key_type(spec: KeySpec) -> str:
    return f"RSA-{spec.bits}" if spec.kind is KeyKind.RSA else str(spec.curve)


def _show_issued(world: World, one: IssuedCertificate) -> wire.IssuedCertificateEntry:
    from strongroom.crypto.certificates.authority import subject_text  # noqa: PLC0415  costly to import

    vault = world.view.vault(one.vault)
    return wire.IssuedCertificateEntry(
        f"{one.serial:x}",
        one.authority,
        vault.name if vault is not None else None,
        one.name,
        subject_text(one.certificate),
        one.created,
        one.expires,
        one.revoked_at,
        one.reason,
    )
