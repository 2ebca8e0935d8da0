"""Certificates: the handlers that begin one and read it, and those of its policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from strongroom.core.api_versions import CERTIFICATE_NAMES_SINCE, PLATFORM_MANAGED_SINCE, at_least
from strongroom.core.attributes import check_tags
from strongroom.core.certificate_issuers import parse_certificate_name
from strongroom.core.certificate_policies import GivenPolicy, parse_action_type, patched_policy, read_policy
from strongroom.core.certificates import AlternativeNames, CertificatePolicy, LifetimeAction
from strongroom.core.errors import Invalid
from strongroom.core.lifecycle import require_name_free
from strongroom.core.names import parse_object_name
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.service_limits import key_creation
from strongroom.flow.call import Call
from strongroom.flow.guardrails import guard_certificate, guard_keys, guard_secrets
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects import certificates
from strongroom.objects.certificate_inventory import certificate_facts
from strongroom.objects.certificate_rows import Certificate, certificate_of, upkeep_of
from strongroom.objects.keys import Unclaimed
from strongroom.objects.lookup import find_version
from strongroom.store import Transaction
from strongroom.vault import certificate_wire as wire
from strongroom.vault.certificate_answers import answer, describe_pending, describe_policy, pending_answer, policy_of
from strongroom.vault.certificate_issuance import draw_up, issue_in_background
from strongroom.vault.certificate_requests import envelope_of, facts_of_new
from strongroom.vault.issuers import require_issuer


async def create_certificate(call: Call) -> Response:
    """Begin to make a certificate, or its next version."""
    name, vault, world = parse_certificate_name(call.target.params["name"]), call.the_vault, call.world
    body = await call.body(wire.CertificateCreateParameters)
    check_tags(body.tags)
    policy = _policy_of_new(call, await as_it_stands(call, name), body.policy)
    attributes = body.attributes or wire.GivenCertificateAttributes()
    call.charge(key_creation(policy.key.type))
    async with Unclaimed() as unclaimed:
        pending = await draw_up(world, vault, name, policy, unclaimed)
        pending = replace(
            pending,
            enabled=attributes.enabled is not False,
            tags=body.tags,
            preserve_order=body.preserveCertOrder,
        )

        async def change(tx: Transaction) -> Certificate:
            key, secret = facts_of_new(policy, call.now)
            guard_keys(call, vault, [key])
            guard_secrets(call, vault, [secret])
            guard_certificate(call, vault, certificate_facts(world.view, vault, policy, call.now))
            made = await certificates.begin(
                tx,
                vault,
                lambda: envelope_of(world, vault),
                name,
                policy,
                pending,
                now=call.now,
                entropy=world.entropy,
            )
            unclaimed.claim()
            return made

        begun = await call.commit(change, lambda made: describe_pending(call, made) | describe_policy(policy))
    if pending.step_at is not None:
        issue_in_background(world, vault, begun.stored)
    return pending_answer(call, begun.stored, begun.upkeep.pending or pending, 202)


async def as_it_stands(call: Call, name: str) -> StoredObject | None:
    """Read a certificate that is to get a version, before a key is made for nothing."""
    old = await call.world.store.object(call.the_vault.id, Collection.CERTIFICATES, name)
    require_name_free(old, Collection.CERTIFICATES, name, call.now)
    if old is None or old.deleted is not None:
        return None
    certificates.require_nothing_pending(upkeep_of(old))
    return old


def _policy_of_new(call: Call, old: StoredObject | None, given: wire.CertificatePolicy | None) -> CertificatePolicy:
    """Say by which policy a version is to be made: the given one, or the one that there is."""
    standing = upkeep_of(old).policy if old is not None else None
    if given is not None:
        policy = read_policy(given_policy(call, given), standing, call.now)
    elif standing is not None:
        policy = standing
    else:
        raise Invalid("Property policy has invalid value\r\n", code="BadParameter", reason="no policy")
    require_issuer(call.world.view, call.the_vault, policy.issuer.name)
    return policy


async def get_certificate(call: Call) -> Response:
    """Get a certificate, of the latest version or of a given one."""
    name, version = parse_object_name(call.target.params["name"]), call.target.params.get("version", "")
    vault, world = call.the_vault, call.world
    stored, row = await find_version(
        world.store, world.view.sealed, vault.id, Collection.CERTIFICATES, name, version, call.now
    )
    # What is one for all versions is told with the latest alone, as in the real service.
    return answer(call, certificate_of(stored, row), policy=not version, pending=not version)


# ---- policies -------------------------------------------------------------------------------------------------------


async def get_policy(call: Call) -> Response:
    """Get a certificate's policy."""
    name = parse_object_name(call.target.params["name"])
    found = await certificates.active_certificate(call.world.store, call.the_vault, name, call.now)
    return _answer_policy(call, found)


async def update_policy(call: Call) -> Response:
    """Change of a certificate's policy what the request has."""
    name, vault = parse_object_name(call.target.params["name"]), call.the_vault
    changed = policy_change(call, await call.body(wire.CertificatePolicy))

    async def change(tx: Transaction) -> Certificate:
        return await certificates.change_policy(tx, vault, name, changed, call.now)

    return _answer_policy(call, await call.commit(change, lambda found: _described_change(call, found)))


def _described_change(call: Call, certificate: Certificate) -> dict[str, object]:
    place = f"{call.base}/certificates/{certificate.stored.name}/policy"
    return {"id": place, **describe_policy(certificate.upkeep.policy)}


def policy_change(call: Call, body: wire.CertificatePolicy) -> Callable[[CertificatePolicy], CertificatePolicy]:
    """
    Say how a policy is changed by one that a request has.

    Raises:
        Invalid: see `given_policy`.
    """
    given = given_policy(call, body)

    def changed(old: CertificatePolicy) -> CertificatePolicy:
        policy = patched_policy(given, old, call.now)
        if policy.issuer.name != old.issuer.name:
            require_issuer(call.world.view, call.the_vault, policy.issuer.name)
        guard_certificate(call, call.the_vault, certificate_facts(call.world.view, call.the_vault, policy, call.now))
        return policy

    return changed


def _answer_policy(call: Call, certificate: Certificate) -> Response:
    policy = policy_of(call, certificate.stored, certificate.upkeep.policy)
    call.properties["id"] = policy.id
    return json.response(policy)


def given_policy(call: Call, policy: wire.CertificatePolicy) -> GivenPolicy:
    """
    Take what the domain knows out of a policy of a request, as the api-version asked for has it.

    Raises:
        Invalid: it asks for what only Azure's own services have.
    """
    if policy.platformManaged is not None and at_least(call.api_version, PLATFORM_MANAGED_SINCE):
        # Azure's own clients say that every call with it fails.
        raise Invalid(
            "Property platformManaged is for Azure's own services and is not taken.",
            code="BadParameter",
            reason="invalid platformManaged",
        )
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
        _names(call, x509.sans) if x509.sans is not None else None,
        _texts(x509.ekus),
        _texts(x509.key_usage),
        x509.validity_months,
        tuple(map(_action, policy.lifetime_actions)) if policy.lifetime_actions is not None else None,
        issuer.name,
        issuer.cty,
        issuer.cert_transparency,
        constraints.ca if constraints is not None else None,
        policy.attributes.enabled if policy.attributes is not None else None,
    )


def _texts(given: Iterable[str] | None) -> tuple[str, ...] | None:
    return tuple(given) if given is not None else None


def _names(call: Call, sans: wire.SubjectAlternativeNames) -> AlternativeNames:
    known = at_least(call.api_version, CERTIFICATE_NAMES_SINCE)
    return AlternativeNames(
        tuple(sans.dns_names or ()),
        tuple(sans.emails or ()),
        tuple(sans.upns or ()),
        tuple(sans.uris or ()) if known else (),
        tuple(sans.ipAddresses or ()) if known else (),
    )


def _action(given: wire.LifetimeAction) -> LifetimeAction:
    trigger, action = given.trigger or wire.Trigger(), given.action or wire.Action()
    return LifetimeAction(
        parse_action_type(action.action_type), trigger.lifetime_percentage, trigger.days_before_expiry
    )
