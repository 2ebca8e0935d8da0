"""Certificates: the handlers of the operation that makes a version, and the merge of what somebody else has issued."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from functools import partial

from strongroom.core.attributes import check_tags
from strongroom.core.certificates import UNKNOWN, Pending
from strongroom.core.errors import Conflict, Invalid
from strongroom.core.names import parse_object_name
from strongroom.flow.call import Call
from strongroom.flow.guardrails import guard_certificate
from strongroom.http.message import Response
from strongroom.objects import certificates
from strongroom.objects.certificate_inventory import pending_facts
from strongroom.objects.certificate_rows import Certificate, open_pending, upkeep_of
from strongroom.store import Transaction
from strongroom.vault import certificate_wire as wire
from strongroom.vault.certificate_answers import answer, describe, describe_pending, pending_answer
from strongroom.vault.certificate_issuance import accepted, issue_in_background, let_go_in_background
from strongroom.vault.certificate_life import guard_linked
from strongroom.vault.certificate_requests import envelope_of, made_version


async def get_pending(call: Call) -> Response:
    """Get the operation that makes a certificate's next version, or made its last one."""
    name = parse_object_name(call.target.params["name"])
    certificate, pending = await certificates.find_pending(call.world.store, call.the_vault, name, call.now)
    if call.query.get("request_id", pending.request_id) != pending.request_id:
        raise certificates.pending_not_found(name)
    return pending_answer(call, certificate.stored, pending)


async def update_pending(call: Call) -> Response:
    """Ask for an operation's cancellation."""
    name, vault = parse_object_name(call.target.params["name"]), call.the_vault
    given = await call.body(wire.CertificateOperationUpdateParameter)
    wanted = given.cancellation_requested
    if wanted is None:
        raise Invalid(
            "Property cancellation_requested has invalid value\r\n", code="BadParameter", reason="nothing is asked for"
        )

    async def change(tx: Transaction) -> Certificate:
        return await certificates.ask_to_cancel(tx, vault, name, wanted=wanted, now=call.now)

    found = await call.commit(change, lambda found: describe_pending(call, found))
    pending = found.upkeep.pending
    if pending is None:
        raise certificates.pending_not_found(name)
    if pending.step_at is not None:
        issue_in_background(call.world, vault, found.stored)
    return pending_answer(call, found.stored, pending)


async def delete_pending(call: Call) -> Response:
    """Forget an operation, with its key; its issuer is told if it can be."""
    name, vault, world = parse_object_name(call.target.params["name"]), call.the_vault, call.world

    async def change(tx: Transaction) -> tuple[Certificate, Pending]:
        return await certificates.forget_pending(tx, vault, lambda: envelope_of(world, vault), name, call.now)

    found, pending = await call.commit(change, lambda ended: describe_pending(call, ended[0]))
    let_go_in_background(world, vault, name, pending)
    return pending_answer(call, found.stored, pending)


async def merge_pending(call: Call) -> Response:
    """Take the certificate that somebody has issued for an operation's request, with its chain."""
    name, vault, world = parse_object_name(call.target.params["name"]), call.the_vault, call.world
    given = await call.body(wire.CertificateMergeParameters)
    check_tags(given.tags)
    seen, pending = await certificates.find_pending(world.store, vault, name, call.now)
    certificates.require_mergeable(pending)
    items = tuple(map(_octets, given.x5c or ()))
    # Whoever merges chose the keys of the chain, and so what its signatures cost.
    chain = await world.incoming_certificates.run(partial(accepted, pending, items, call.now))
    enabled = given.attributes.enabled if given.attributes is not None else None
    asked = replace(
        pending,
        enabled=pending.enabled if enabled is None else enabled,
        tags=pending.tags if given.tags is None else given.tags,
    )
    envelope = envelope_of(world, vault)
    platform = world.protections.of(pending.key_type).platform
    body, linked = made_version(asked, chain, open_pending(envelope, vault, pending), platform, call.now)

    async def change(tx: Transaction) -> Certificate:
        guard_linked(call, [linked.key], [linked.secret])
        policy = upkeep_of(seen.stored).policy
        # Whoever the operation was begun with, it is somebody else who signed this.
        facts = pending_facts(
            world.view, vault, policy, pending, call.now, version=body.attributes, besides=(UNKNOWN,)
        )  # fmt: skip
        guard_certificate(call, vault, facts)
        made = await certificates.complete(
            tx, vault, envelope, seen.stored, body, linked, now=call.now, entropy=world.entropy, merges=True
        )
        if made is None:
            raise Conflict("The pending certificate was changed by another request. Try again.", code="Conflict")
        return made

    made = await call.commit(change, lambda made: describe(call, made))
    response = answer(call, made, 201)
    place = f"{call.base}/certificates/{made.stored.name}?api-version={call.api_version}"
    response.headers.append((b"location", place.encode()))
    return response


def _octets(text: str) -> bytes:
    try:
        # Some clients break lines, or leave the padding out.
        bare = "".join(text.split()).rstrip("=")
        return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=None, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("A certificate in x5c is not base64.", code="BadParameter", reason="invalid x5c") from None
