"""Certificates that are brought in with their keys."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from strongroom.core.api_versions import CERTIFICATE_ORDER_SINCE, at_least
from strongroom.core.attributes import check_tags
from strongroom.core.certificate_import import imported_policy
from strongroom.core.certificate_issuers import parse_certificate_name
from strongroom.core.certificate_policies import operations_of
from strongroom.core.certificates import UNKNOWN, CertificateAttributes, CertificatePolicy, CertificateVersionBody
from strongroom.core.errors import Invalid
from strongroom.core.keys import DEFAULT_OPERATIONS, KeyAttributes, KeyVersionBody
from strongroom.core.secrets import SecretAttributes, SecretVersionBody
from strongroom.crypto.keys.protocol import MadeKey, Place
from strongroom.flow.call import Call
from strongroom.flow.guardrails import guard_certificate
from strongroom.http.message import Response
from strongroom.objects import certificate_import
from strongroom.objects.certificate_inventory import certificate_facts
from strongroom.objects.certificate_links import LinkedVersion
from strongroom.objects.certificate_rows import Certificate, upkeep_of
from strongroom.objects.keys import Unclaimed
from strongroom.store import Transaction
from strongroom.vault import certificate_wire as wire
from strongroom.vault.certificate_answers import answer, describe, describe_policy
from strongroom.vault.certificate_life import guard_linked, opener_of
from strongroom.vault.certificates import as_it_stands, given_policy
from strongroom.vault.issuers import require_issuer

if TYPE_CHECKING:
    from strongroom.crypto.certificates.incoming import Incoming


async def import_certificate(call: Call) -> Response:
    """Bring in a certificate with its key: a new one, or a new version."""
    name, vault, world = parse_certificate_name(call.target.params["name"]), call.the_vault, call.world
    given = await call.body(wire.CertificateImportParameters)
    check_tags(given.tags)
    old = await as_it_stands(call, name)
    incoming = await _read(call, given)
    policy = imported_policy(
        given_policy(call, given.policy) if given.policy is not None else None,
        incoming.said,
        incoming.key.spec,
        incoming.content_type,
        upkeep_of(old).policy if old is not None else None,
        call.now,
    )
    require_issuer(world.view, vault, policy.issuer.name)
    place, version = world.protections.for_new(policy.key.type, vault), world.entropy(16).hex()
    async with Unclaimed() as unclaimed:
        where = Place(vault.id, vault.subscription, name, version)
        made = unclaimed.note(place, await place.bring_in(incoming.key, where))
        # It may have waited for its turn, and for a token.
        call.judge_again()
        body, linked = _version(given, policy, incoming, made, place.platform, call.now)
        body = replace(body, preserve_order=_preserves(call, given))

        async def change(tx: Transaction) -> Certificate:
            guard_linked(call, [linked.key], [linked.secret])
            # It comes from outside, whoever the policy has the next one from.
            facts = certificate_facts(world.view, vault, policy, call.now, version=body.attributes, besides=(UNKNOWN,))
            guard_certificate(call, vault, facts)
            certificate = await certificate_import.import_certificate(
                tx, vault, opener_of(call)(), name, version, policy, body, linked, now=call.now, entropy=world.entropy
            )
            unclaimed.claim()
            return certificate

        imported = await call.commit(change, lambda known: describe(call, known) | describe_policy(policy))
    return answer(call, imported)


async def _read(call: Call, given: wire.CertificateImportParameters) -> Incoming:
    from strongroom.crypto.certificates.incoming import read_incoming  # noqa: PLC0415  costly to import

    if not given.value:
        raise Invalid("Property value is missing.", code="BadParameter", reason="invalid value")
    read = partial(
        read_incoming, call.world.forks, given.value, given.pwd, call.now, keep_order=_preserves(call, given) is True
    )
    return await call.world.incoming_certificates.run(read)


def _preserves(call: Call, given: wire.CertificateImportParameters) -> bool | None:
    return given.preserveCertOrder if at_least(call.api_version, CERTIFICATE_ORDER_SINCE) else None


def _version(
    given: wire.CertificateImportParameters,
    policy: CertificatePolicy,
    incoming: Incoming,
    made: MadeKey,
    platform: str,
    now: int,
) -> tuple[CertificateVersionBody, LinkedVersion]:
    """Describe the version with its key and its secret."""
    from strongroom.crypto.certificates.bundles import secret_value  # noqa: PLC0415  costly to import
    from strongroom.crypto.certificates.facts import validity_of  # noqa: PLC0415

    nbf, exp = validity_of(incoming.chain[0])
    enabled = given.attributes is None or given.attributes.enabled is not False
    own = CertificateAttributes(now, now, enabled, nbf, exp)
    leaf, *above = incoming.chain
    body = CertificateVersionBody(own, leaf, tuple(above), policy.content_type, given.tags)
    exportable = policy.key.exportable and not policy.key.type.in_token
    kind, usages = made.spec.kind, policy.x509.key_usage
    key = KeyVersionBody(
        policy.key.type,
        made.parts,
        # A certificate that says nothing of it can be used for everything (RFC 5280 section 4.2.1.3).
        operations_of(usages, kind) if usages else DEFAULT_OPERATIONS[kind],
        KeyAttributes(now, now, enabled, nbf, exp, exportable),
        made.spec.bits,
        made.spec.curve,
        platform,
        given.tags,
        managed=True,
    )
    secret = SecretVersionBody(
        SecretAttributes(now, now, enabled, nbf, exp), policy.content_type, given.tags, managed=True
    )
    value = secret_value(policy.content_type, incoming.key.private if exportable else None, incoming.chain)
    return body, LinkedVersion(key, made.material, secret, value)
