"""Certificates: the handlers that begin one and read it."""

from __future__ import annotations

from dataclasses import replace

from strongroom.core.certificate_issuers import parse_certificate_name
from strongroom.core.certificate_policies import GivenPolicy, read_policy
from strongroom.core.certificates import AlternativeNames, CertificatePolicy, LifetimeAction, LifetimeActionType
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.lifecycle import require_active
from strongroom.core.names import parse_object_name
from strongroom.core.objects import Collection
from strongroom.flow.call import Call
from strongroom.http.message import Response
from strongroom.objects import certificates
from strongroom.objects.certificate_rows import Certificate, certificate_of, upkeep_of
from strongroom.objects.keys import Unclaimed
from strongroom.objects.lookup import find_version
from strongroom.store import Transaction
from strongroom.vault import certificate_wire as wire
from strongroom.vault.certificate_answers import answer, pending_answer
from strongroom.vault.certificate_issuance import draw_up, issue_in_background
from strongroom.vault.issuers import require_issuer


async def create_certificate(call: Call) -> Response:
    """Begin to make a certificate, or its next version."""
    name, vault, world = parse_certificate_name(call.target.params["name"]), call.the_vault, call.world
    body = await call.body(wire.CertificateCreateParameters)
    old = await world.store.object(vault.id, Collection.CERTIFICATES, name)
    policy = _policy(body.policy, upkeep_of(old).policy if old is not None and old.deleted is None else None, call.now)
    require_issuer(world.view, vault, policy.issuer.name)
    attributes = body.attributes or wire.GivenCertificateAttributes()
    async with Unclaimed() as unclaimed:
        pending = await draw_up(world, vault, name, policy, unclaimed)
        pending = replace(
            pending,
            enabled=attributes.enabled is not False,
            tags=body.tags,
            preserve_order=body.preserveCertOrder,
        )

        async def change(tx: Transaction) -> Certificate:
            made = await certificates.begin(tx, vault, name, policy, pending, now=call.now, entropy=world.entropy)
            unclaimed.claim()
            return made

        begun = await call.commit(change)
    issue_in_background(world, vault, begun.stored)
    return pending_answer(call, begun.stored, 202)


async def get_certificate(call: Call) -> Response:
    """Get a certificate, of the latest version or of a given one."""
    name, version = parse_object_name(call.target.params["name"]), call.target.params.get("version", "")
    vault, world = call.the_vault, call.world
    stored, row = await find_version(
        world.store, world.view.sealed, vault.id, Collection.CERTIFICATES, name, version, call.now
    )
    return answer(call, certificate_of(stored, row))


async def get_pending(call: Call) -> Response:
    """Get the operation that makes a certificate's next version, or made its last one."""
    name, vault = parse_object_name(call.target.params["name"]), call.the_vault
    stored = await call.world.store.object(vault.id, Collection.CERTIFICATES, name)
    stored = require_active(stored, Collection.CERTIFICATES, name, call.now)
    pending = upkeep_of(stored).pending
    asked = call.query.get("request_id")
    if pending is None or asked not in {None, pending.request_id}:
        raise NotFound(f"Pending certificate not found: {name}", code="PendingCertificateNotFound")
    return pending_answer(call, stored)


def _policy(given: wire.CertificatePolicy | None, old: CertificatePolicy | None, now: int) -> CertificatePolicy:
    if given is None:
        if old is None:
            raise Invalid("Property policy has invalid value\r\n", code="BadParameter", reason="invalid policy")
        return old
    return read_policy(given_policy(given), old, now)


def given_policy(policy: wire.CertificatePolicy) -> GivenPolicy:
    """Take what the domain knows out of a policy of a request."""
    key, x509 = policy.key_props or wire.KeyProperties(), policy.x509_props or wire.X509CertificateProperties()
    issuer = policy.issuer or wire.IssuerParameters()
    constraints = x509.basic_constraints
    return GivenPolicy(
        key.exportable,
        key.kty,
        key.key_size,
        key.reuse_key,
        key.crv,
        policy.secret_props.contentType if policy.secret_props is not None else None,
        x509.subject,
        _names(x509.sans) if x509.sans is not None else None,
        tuple(x509.ekus) if x509.ekus is not None else None,
        tuple(x509.key_usage) if x509.key_usage is not None else None,
        x509.validity_months,
        tuple(map(_action, policy.lifetime_actions)) if policy.lifetime_actions is not None else None,
        issuer.name,
        issuer.cty,
        issuer.cert_transparency,
        constraints.ca if constraints is not None else None,
        policy.attributes.enabled if policy.attributes is not None else None,
    )


def _names(sans: wire.SubjectAlternativeNames) -> AlternativeNames:
    return AlternativeNames(
        tuple(sans.dns_names or ()),
        tuple(sans.emails or ()),
        tuple(sans.upns or ()),
        tuple(sans.uris or ()),
        tuple(sans.ipAddresses or ()),
    )


def _action(given: wire.LifetimeAction) -> LifetimeAction:
    trigger, action = given.trigger or wire.Trigger(), given.action or wire.Action()
    try:
        kind = LifetimeActionType(action.action_type or "")
    except ValueError:
        raise Invalid(
            "The action of a lifetime action must be AutoRenew or EmailContacts.", code="BadParameter"
        ) from None
    return LifetimeAction(kind, trigger.lifetime_percentage, trigger.days_before_expiry)
