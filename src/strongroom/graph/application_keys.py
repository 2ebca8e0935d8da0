"""Handlers of an application's certificates: `keyCredentials`, addKey and removeKey."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

from strongroom.core.client_certificates import THUMBPRINT_BYTES, ClientCertificate
from strongroom.core.errors import Invalid
from strongroom.directory import client_certificates
from strongroom.directory.client_certificates import WantedCertificate
from strongroom.flow.call import Call
from strongroom.graph import render
from strongroom.graph.objects import find_application
from strongroom.graph.odata import context
from strongroom.graph.times import seconds_of
from strongroom.graph.wire import AddKeyBody, KeyCredentialBody, RemoveKeyBody, refuse_later
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.store import Transaction

_TYPE, _USAGE = "AsymmetricX509Cert", "Verify"
_THUMBPRINT = re.compile(rf"[0-9A-Fa-f]{{{2 * THUMBPRINT_BYTES}}}")
_AS_ONE_LINE = str.maketrans({"-": "+", "_": "/", "\r": None, "\n": None})


async def add_key(call: Call) -> Response:
    """Register a certificate, on proof of the private key of another: an application rolls over its own."""
    found = find_application(call)
    body = await call.body(AddKeyBody)
    refuse_later(body, AddKeyBody.LATER)
    wanted = wanted_certificate(body.key_credential)
    call.properties["applicationId"] = found.id

    async def change(tx: Transaction) -> ClientCertificate:
        return await client_certificates.roll_certificate(
            tx, found, wanted, proof=body.proof, now=call.now, entropy=call.world.entropy
        )

    made = await call.commit(change, lambda one: {"credentialId": one.key_id})
    answer: dict[str, Any] = {
        "@odata.context": context(call, "microsoft.graph.keyCredential"),
        **render.key_credential(made),
    }
    return json.response(answer)


async def remove_key(call: Call) -> Response:
    """Remove a certificate, on proof of the private key of one: its tokens end, and no others."""
    found = find_application(call)
    body = await call.body(RemoveKeyBody)
    key_id = body.key_id.lower()
    call.properties.update(applicationId=found.id, credentialId=key_id)
    await call.commit(
        lambda tx: client_certificates.remove_certificate(tx, found, key_id, proof=body.proof, now=call.now)
    )
    return Response(204, content_type=None)


def wanted_certificates(bodies: Sequence[KeyCredentialBody]) -> list[WantedCertificate]:
    """
    Read `keyCredentials`.

    Raises:
        Invalid: one of them cannot be registered.
    """
    return [wanted_certificate(body) for body in bodies]


def wanted_certificate(body: KeyCredentialBody) -> WantedCertificate:
    """
    Read one key credential; without a key, it is one that is there already.

    Raises:
        Invalid: it cannot be registered.
    """
    # The library takes a tenth of a second to import, which a start-up must not wait for.
    from strongroom.crypto.client_certificates import BadCertificate, read_certificate  # noqa: PLC0415

    key_id = None if body.key_id is None else body.key_id.lower()
    if (body.type or _TYPE, body.usage or _USAGE) != (_TYPE, _USAGE):
        raise Invalid(f"A key credential must be of type '{_TYPE}' and usage '{_USAGE}'.")
    try:
        facts = None if body.key is None else read_certificate(_bytes(body.key))
    except BadCertificate as bad:
        raise Invalid(str(bad)) from None
    identifier = body.custom_key_identifier
    return WantedCertificate(
        key_id,
        facts,
        display_name=body.display_name,
        not_before=seconds_of(body.start_date_time),
        expires=seconds_of(body.end_date_time),
        custom_key_identifier=None if identifier is None else _identifier(identifier),
    )


def _identifier(text: str) -> bytes:
    """Read a `customKeyIdentifier`: a thumbprint as it is shown, since lists are sent back, or any other bytes."""
    return bytes.fromhex(text) if _THUMBPRINT.fullmatch(text) else _bytes(text)


def _bytes(text: str) -> bytes:
    """
    Read a binary value as OData writes it: base64 in either alphabet (OData JSON Format section 7.1).

    It may be in lines: Azure CLI sends what stands between the first and the last line of a PEM file.
    """
    text = text.translate(_AS_ONE_LINE)
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("A binary property is not in base64.") from None
