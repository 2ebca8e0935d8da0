"""The operator's hold on outside issuers: which are trusted, and by which keys."""

from __future__ import annotations

from strongroom.control import wire
from strongroom.control.link import require_control
from strongroom.core.errors import Invalid
from strongroom.core.federation import TrustedIssuer
from strongroom.core.records import INSTANCE
from strongroom.directory.federation import distrust_issuer, trust_issuer
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response


async def list_issuers(call: Call) -> Response:
    """List the issuers that are trusted, with the ids of the keys that were given."""
    require_control(call)
    return json.response(wire.IssuerList([_show(one) for one in call.world.view.all(TrustedIssuer, INSTANCE)]))


async def add_issuer(call: Call) -> Response:
    """Trust an issuer, by the keys given here or else by those that it publishes; again, to give other keys."""
    # The library takes a tenth of a second to import, which a start-up must not wait for.
    from strongroom.crypto.jwk import BadKeySet, read_key_set  # noqa: PLC0415

    require_control(call)
    body = await call.body(wire.IssuerBody)
    try:
        keys = () if body.keys is None else read_key_set(body.keys)
    except BadKeySet as bad:
        raise Invalid(str(bad)) from None
    trusted = await call.commit(
        lambda tx: trust_issuer(tx, body.issuer, keys, now=call.now, entropy=call.world.entropy),
        lambda one: {"issuer": one.id},
    )
    return json.response(_show(trusted))


async def remove_issuer(call: Call) -> Response:
    """Trust an issuer no longer: every token that its subjects were given is refused from now on."""
    require_control(call)
    issuer = (await call.body(wire.IssuerBody)).issuer
    await call.commit(lambda tx: distrust_issuer(tx, issuer, entropy=call.world.entropy), lambda _: {"issuer": issuer})
    return Response(204, content_type=None)


def _show(one: TrustedIssuer) -> wire.IssuerEntry:
    return wire.IssuerEntry(one.id, [key.kid for key in one.keys], fetched=not one.keys, created=one.created)
