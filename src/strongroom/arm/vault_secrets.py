"""
A vault's secrets as resources of the management plane: written and described, never read.

Whoever may write here need have no data action, so a value goes in and none comes out (pitfalls.md: control plane into
data plane). What is written is judged as on the data plane, by the same commands; the vault's firewall, which guards
values, is not asked (ADR 14).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from strongroom.arm import secret_wire as wire
from strongroom.arm.documents import Document, vault_uri
from strongroom.arm.paging import continued, opened
from strongroom.arm.rights import may_below
from strongroom.arm.vaults import the_vault
from strongroom.core.errors import NotFound
from strongroom.core.guardrails import SecretFacts
from strongroom.core.lifecycle import State, not_found, state_of
from strongroom.core.lifecycle import require_active as require_active_object
from strongroom.core.names import parse_object_name
from strongroom.core.objects import Collection
from strongroom.core.secrets import GivenProperties, SecretVersionBody, check_value, updated_version
from strongroom.core.service_limits import REQUESTS
from strongroom.core.vaults import Vault
from strongroom.crypto.protocol import Envelope
from strongroom.flow.call import Call
from strongroom.flow.guardrails import guard_secret_resource
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects import secrets
from strongroom.objects.lookup import LATEST, find_version
from strongroom.objects.secrets import Secret
from strongroom.resources.lookup import require_active, resource_not_found
from strongroom.store import ObjectState, Transaction

SECRET_TYPE = "Microsoft.KeyVault/vaults/secrets"  # noqa: S105  the type's name
_READ_AT_ONCE = 100


async def get_secret(call: Call) -> Response:
    """Get what there is of a secret besides its value."""
    vault, name, world = the_vault(call), parse_object_name(call.params["secret"]), call.world
    with _as_resource(vault, name):
        stored, row = await find_version(
            world.store, world.view.sealed, vault.id, Collection.SECRETS, name, LATEST, call.now
        )
    return json.response(_show(call, vault, secrets.secret_of(stored, row)))


async def put_secret(call: Call) -> Response:
    """Set a secret: a new one, or a new version."""
    vault, name = the_vault(call), parse_object_name(call.params["secret"])
    body = await call.body(wire.SecretCreateOrUpdateParameters)
    check_value(body.properties.value)
    value, given = body.properties.value or "", wire.given_properties(body.properties, body.tags)
    _charge(call, vault)

    async def change(tx: Transaction) -> Secret:
        return await _set(call, tx, await require_active(tx, vault), name, value, given)

    return json.response(_show(call, vault, await call.commit(change, _describe(call, vault))))


async def patch_secret(call: Call) -> Response:
    """Change the newest version's attributes, tags or content type; with a value, make a new version that has them."""
    vault, name = the_vault(call), parse_object_name(call.params["secret"])
    body = await call.body(wire.SecretPatchParameters)
    properties = body.properties or wire.SecretProperties()
    value, given = properties.value, wire.given_properties(properties, body.tags)
    if value is not None:
        check_value(value)
        _charge(call, vault)

    async def change(tx: Transaction) -> Secret:
        current = await require_active(tx, vault)
        with _as_resource(current, name):
            if value is None:
                secret = await secrets.update_secret(tx, current, name, LATEST, given, now=call.now)
                _guard(call, current, name, secret.body)
                return secret
            whole = _taken_over(await _newest(tx, current, name, call.now), given, call.now)
        return await _set(call, tx, current, name, value, whole)

    return json.response(_show(call, vault, await call.commit(change, _describe(call, vault))))


async def list_secrets(call: Call) -> Response:
    """List a vault's secrets, without values: those that no narrower denial is about."""
    vault = the_vault(call)
    after, limit = opened(call)
    found: list[Secret] = []
    more = True
    # A page is full before there is a next one: a gap would tell that something is there.
    while more and len(found) <= limit:
        page = await call.world.store.objects(
            vault.id, Collection.SECRETS, ObjectState.ACTIVE, after=after, limit=_READ_AT_ONCE
        )
        found += [
            secrets.secret_of(stored, row)
            for stored, row in page.rows
            if state_of(stored, call.now) is State.ACTIVE and may_below(call, _scope(vault, stored.name))
        ]
        after, more = page.rows[-1][0].key if page.rows else after, page.more
        # Whoever waits is served between two pieces, however many there are of them.
        await asyncio.sleep(0)
    shown: list[Document] = []
    for begin in range(0, min(limit, len(found)), _READ_AT_ONCE):
        shown += [_show(call, vault, secret) for secret in found[begin : min(begin + _READ_AT_ONCE, limit)]]
        await asyncio.sleep(0)
    return continued(call, shown, found[limit - 1].stored.key if len(found) > limit else None)


# ---- steps ----------------------------------------------------------------------------------------------------------


def _charge(call: Call, vault: Vault) -> None:
    """
    Take of the vault's service limit what setting a secret costs on its own plane.

    Raises:
        Throttled: beyond the limit, where the operator has turned those on.
    """
    call.world.throttle.charge(vault.id, REQUESTS["create"], call.now)


async def _set(call: Call, tx: Transaction, vault: Vault, name: str, value: str, given: GivenProperties) -> Secret:
    made = await secrets.set_secret(
        tx, vault, _envelope(call, vault), name, value, given, now=call.now, entropy=call.world.entropy
    )
    _guard(call, vault, name, made.body)
    return made


async def _newest(tx: Transaction, vault: Vault, name: str, now: int) -> SecretVersionBody:
    """
    Read the newest version of an active secret.

    Raises:
        NotFound: there is none.
    """
    stored = require_active_object(await tx.object(vault.id, Collection.SECRETS, name), Collection.SECRETS, name, now)
    row = await tx.version(vault.id, Collection.SECRETS, name, stored.latest)
    if row is None:
        raise not_found(Collection.SECRETS, name)
    return secrets.secret_of(stored, row).body


def _taken_over(body: SecretVersionBody, given: GivenProperties, now: int) -> GivenProperties:
    """Say what a version is to have that is made out of another by a change."""
    whole = updated_version(body, given, now)
    own = whole.attributes
    return GivenProperties(whole.content_type, whole.tags, own.enabled, own.nbf, own.exp)


def _guard(call: Call, vault: Vault, name: str, body: SecretVersionBody) -> None:
    guard_secret_resource(call, vault, name, SecretFacts(body.attributes.created, body.attributes.exp))


def _envelope(call: Call, vault: Vault) -> Envelope:
    return call.world.keys.envelope(vault.id, vault.wrapped_key)


@contextmanager
def _as_resource(vault: Vault, name: str) -> Iterator[None]:
    """Say in this plane's words that a secret is not there."""
    try:
        yield
    except NotFound:
        raise resource_not_found(
            f"Microsoft.KeyVault/vaults/{vault.name}/secrets", vault.resource_group, name
        ) from None


def _describe(call: Call, vault: Vault) -> Callable[[Secret], dict[str, object]]:
    """Say in the audit which version came of a change, as the data plane does."""
    return lambda secret: {"id": _uri(call, vault, secret, versioned=True), "vaultIds": [vault.id]}


def _scope(vault: Vault, name: str) -> str:
    return f"{vault.scope}/secrets/{name}"


def _uri(call: Call, vault: Vault, secret: Secret, *, versioned: bool) -> str:
    uri = f"{vault_uri(call.the_site, vault.name)}secrets/{secret.stored.name}"
    return f"{uri}/{secret.version}" if versioned else uri


def _show(call: Call, vault: Vault, secret: Secret) -> Document:
    """Write a secret's newest version, without its value."""
    own = secret.body.attributes
    times = {name: moment for name, moment in (("nbf", own.nbf), ("exp", own.exp)) if moment is not None}
    content = {} if secret.body.content_type is None else {"contentType": secret.body.content_type}
    return {
        "id": _scope(vault, secret.stored.name),
        "name": secret.stored.name,
        "type": SECRET_TYPE,
        "location": vault.location,
        **({"tags": secret.body.tags} if secret.body.tags else {}),
        "properties": {
            **content,
            "attributes": {"enabled": own.enabled, **times, "created": own.created, "updated": own.updated},
            "secretUri": _uri(call, vault, secret, versioned=False),
            "secretUriWithVersion": _uri(call, vault, secret, versioned=True),
        },
    }
