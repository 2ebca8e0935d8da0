"""Secrets: the twelve operations' handlers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from strongroom.core.api_versions import CERTIFICATE_LINKS_SINCE, SOFT_DELETE_SINCE, at_least
from strongroom.core.certificates import CONTENT_TYPES, PEM
from strongroom.core.errors import Invalid
from strongroom.core.guardrails import SecretFacts
from strongroom.core.lifecycle import (
    recovery,
    require_deleted,
    require_usable,
)
from strongroom.core.names import parse_object_name
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.core.secrets import SecretVersionBody, check_value, is_to_be_converted
from strongroom.core.vaults import Vault
from strongroom.crypto.protocol import Envelope
from strongroom.flow import authorization
from strongroom.flow.call import Call
from strongroom.flow.facts import data_facts
from strongroom.flow.guardrails import guard_secrets
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects import secrets
from strongroom.objects.lifecycle import latest_version
from strongroom.objects.lookup import find_kept, find_version
from strongroom.objects.secrets import Secret
from strongroom.store import ObjectState, Transaction
from strongroom.vault import wire
from strongroom.vault.backup_blobs import opened, read_blob
from strongroom.vault.listing import list_page, list_versions
from strongroom.view.sealed import Key


async def set_secret(call: Call) -> Response:
    """Set a secret: a new one, or a new version."""
    name = parse_object_name(call.target.params["name"])
    body = await call.body(wire.SecretSetParameters)
    check_value(body.value)
    value, given, vault = body.value or "", wire.given_properties(body), call.the_vault

    async def change(tx: Transaction) -> Secret:
        secret = await secrets.set_secret(
            tx, vault, _envelope(call), name, value, given, now=call.now, entropy=call.world.entropy
        )
        _guard(call, secret.body)
        return secret

    return _answer(call, await call.commit(change, _describe(call)), value)


async def get_secret(call: Call) -> Response:
    """Get a secret's value, of the latest version or of a given one."""
    vault, world = call.the_vault, call.world
    asked: _Asked = call.kept.get(_ASKED) or _read_asked(call)
    stored, row = find_kept(world.view.sealed, asked.key) or await find_version(
        world.store, world.view.sealed, vault.id, Collection.SECRETS, asked.name, asked.version, call.now
    )
    answer: _Answer | None = call.kept.get(_ANSWER)
    if answer is None or answer.row is not row:
        answer = _prepared_answer(call, vault, stored, row)
    if not answer.is_plain:
        _require_readable(call, answer.body)
    call.properties["id"] = answer.identifier
    if asked.form is not None and is_to_be_converted(answer.body, asked.form):
        return await _in_pem(call, stored, row)
    value = json.encode(world.keys.envelope(vault.id, vault.wrapped_key).open(answer.context, row.sealed).decode())
    return Response(200, b"".join((answer.before_value, value, answer.after_value)))


async def update_secret(call: Call) -> Response:
    """Change a version's attributes, tags or content type."""
    name, version = parse_object_name(call.target.params["name"]), call.target.params.get("version", "")
    given, vault = wire.given_properties(await call.body(wire.SecretUpdateParameters)), call.the_vault

    async def change(tx: Transaction) -> Secret:
        secret = await secrets.update_secret(tx, vault, name, version, given, now=call.now)
        _guard(call, secret.body)
        return secret

    return _answer(call, await call.commit(change, _describe(call)))


async def delete_secret(call: Call) -> Response:
    """Delete a secret with all its versions."""
    name, vault = parse_object_name(call.target.params["name"]), call.the_vault
    secret = await call.commit(lambda tx: secrets.delete_secret(tx, vault, name, now=call.now), _describe(call))
    return _answer(call, secret)


async def list_secrets(call: Call) -> Response:
    """List the active secrets' latest versions, without values."""
    return await _list_objects(call, ObjectState.ACTIVE)


async def list_deleted_secrets(call: Call) -> Response:
    """List the deleted secrets, without values."""
    return await _list_objects(call, ObjectState.DELETED)


async def list_secret_versions(call: Call) -> Response:
    """List a secret's versions, without values."""
    rows, link = await list_versions(call, Collection.SECRETS, parse_object_name(call.target.params["name"]))
    items = [_bundle(call, secrets.secret_of(*row), versioned=True) for row in rows]
    return json.response(wire.SecretListResult(items, link))


async def get_deleted_secret(call: Call) -> Response:
    """Get a deleted secret's attributes."""
    name, vault, store = parse_object_name(call.target.params["name"]), call.the_vault, call.world.store
    stored = require_deleted(await store.object(vault.id, Collection.SECRETS, name), Collection.SECRETS, name, call.now)
    secret = secrets.secret_of(stored, await latest_version(store, stored))
    # The real service refuses this for a disabled secret as well (reference section 4.6).
    _require_readable(call, secret.body)
    return _answer(call, secret)


async def recover_deleted_secret(call: Call) -> Response:
    """Make a deleted secret active again."""
    name, vault = parse_object_name(call.target.params["name"]), call.the_vault
    secret = await call.commit(lambda tx: secrets.recover_secret(tx, vault, name, now=call.now), _describe(call))
    return _answer(call, secret)


async def purge_deleted_secret(call: Call) -> Response:
    """Remove a deleted secret for ever."""
    name, vault = parse_object_name(call.target.params["name"]), call.the_vault
    call.properties["id"] = f"{call.base}/deletedsecrets/{name}"
    await call.commit(lambda tx: secrets.purge_secret(tx, vault, name, now=call.now))
    return Response(204)


async def back_up_secret(call: Call) -> Response:
    """Give a sealed backup of a secret with all its versions."""
    name, vault, world = parse_object_name(call.target.params["name"]), call.the_vault, call.world
    blob = await secrets.back_up_secret(world.store, world.keys, _envelope(call), vault, name, now=call.now)
    # Others were served meanwhile.
    call.judge_again()
    call.properties["id"] = f"{call.base}/secrets/{name}"
    return json.response(wire.BackupSecretResult(base64.urlsafe_b64encode(blob).rstrip(b"=").decode()))


async def restore_secret(call: Call) -> Response:
    """Make a secret out of a backup."""
    blob, vault, world = await read_blob(call, wire.SecretRestoreParameters, _decode_blob), call.the_vault, call.world
    backup = await opened(partial(secrets.read_backup, world.keys, vault), blob)

    async def restore(tx: Transaction) -> Secret:
        # Which secret it is, a condition can ask only now: the row let in whoever might restore any.
        scope = f"{vault.scope}/secrets/{backup.name}"
        facts = data_facts(world, vault, scope, call.verdict)
        call.settle(authorization.require_data(world, call.identity, call.op.requires, call.the_vault, scope, facts))
        _guard(call, *(saved.body for saved in backup.versions))
        return await secrets.restore_secret(
            tx, vault, _envelope(call), backup, call.base, now=call.now, entropy=world.entropy
        )

    return _answer(call, await call.commit(restore, _describe(call)))


# ---- shared ---------------------------------------------------------------------------------------------------------


def _guard(call: Call, *bodies: SecretVersionBody) -> None:
    """Ask the guardrails about versions as a change makes them."""
    made = [SecretFacts(body.attributes.created, body.attributes.exp) for body in bodies]
    guard_secrets(call, call.the_vault, made)


def _envelope(call: Call) -> Envelope:
    vault = call.the_vault
    return call.world.keys.envelope(vault.id, vault.wrapped_key)


_ASKED, _ANSWER = "asked", "answer"
"""What is kept with the question: `Call.kept`."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the path and the query of a read come to."""

    name: str
    version: str
    key: Key
    form: str | None
    """The content type that a certificate is asked for in."""


def _read_asked(call: Call) -> _Asked:
    name, version = parse_object_name(call.target.params["name"]), call.target.params.get("version", "")
    key = (call.the_vault.id, Collection.SECRETS, name.lower(), version.lower())
    asked = call.kept[_ASKED] = _Asked(name, version, key, _out_content_type(call))
    return asked


@dataclass(frozen=True, slots=True)
class _Answer:
    """
    An answer without its value, which is nowhere kept in the clear.

    It is kept with its question, so it ends with any change of a record, the vault among them. The row is not a record.
    """

    row: StoredVersion
    body: SecretVersionBody
    is_plain: bool
    """Whether it can always be read, and as it is: it is enabled, has no times, and is no certificate's."""
    context: bytes
    """What the value is sealed for: see `secrets.value_context`."""
    identifier: str
    before_value: bytes
    after_value: bytes


_ANSWER_BYTES = 2048
"""The longest answer that is kept, with its sealed row: as many as `decisions.ENTRIES` take eight megabytes."""


def _prepared_answer(call: Call, vault: Vault, stored: StoredObject, row: StoredVersion) -> _Answer:
    """Prepare the answer to a read, and keep it with its question."""
    secret = secrets.secret_of(stored, row)
    bundle = _bundle(call, secret, versioned=True, value="")
    # The first member of this name is the bundle's own: inside a text a quotation mark is escaped, and tags come later.
    before, _, after = json.encode(bundle).partition(b'"value":""')
    own = secret.body.attributes
    is_plain = own.enabled and own.nbf is None and own.exp is None and not secret.body.managed
    answer = _Answer(
        row,
        secret.body,
        is_plain,
        secrets.value_context(vault, row),
        bundle.id,
        before + b'"value":',
        after,
    )
    if len(before) + len(after) + len(row.body) + len(row.sealed) <= _ANSWER_BYTES:
        call.kept[_ANSWER] = answer
    return answer


def _require_readable(call: Call, body: SecretVersionBody) -> None:
    attributes = body.attributes
    require_usable(
        Collection.SECRETS,
        "get",
        enabled=attributes.enabled,
        nbf=attributes.nbf,
        exp=attributes.exp,
        now=call.now,
    )


def _out_content_type(call: Call) -> str | None:
    """Read `outContentType`, which asks for a certificate's secret in another form."""
    wanted = call.query.get("outContentType")
    if wanted is None or not at_least(call.api_version, CERTIFICATE_LINKS_SINCE):
        return None
    if wanted not in CONTENT_TYPES:
        raise Invalid(f"outContentType must be one of: {', '.join(sorted(CONTENT_TYPES))}.")
    return wanted


async def _in_pem(call: Call, stored: StoredObject, row: StoredVersion) -> Response:
    """Answer with a certificate's secret, which is PKCS#12, as PEM."""
    from strongroom.crypto.certificates.bundles import in_pem  # noqa: PLC0415  costly to import

    secret = secrets.secret_of(stored, row)
    value = secrets.open_value(_envelope(call), call.the_vault, row)
    value = await call.world.incoming_certificates.run(partial(in_pem, call.world.forks, value))
    # It may have waited for its turn.
    call.judge_again()
    return _answer(call, replace(secret, body=replace(secret.body, content_type=PEM)), value)


def _decode_blob(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("The backup blob is not base64url.", code="BadParameter") from None


async def _list_objects(call: Call, state: ObjectState) -> Response:
    rows, link = await list_page(call, Collection.SECRETS, state)
    items = [_bundle(call, secrets.secret_of(stored, row), versioned=False) for stored, row in rows]
    return json.response(wire.SecretListResult(items, link))


def _describe(call: Call) -> Callable[[Secret], dict[str, object]]:
    """Say in the audit entry which version came of a change."""
    return lambda secret: {"id": f"{call.base}/secrets/{secret.stored.name}/{secret.version}"}


def _answer(call: Call, secret: Secret, value: str | None = None) -> Response:
    bundle = _bundle(call, secret, versioned=True, value=value)
    call.properties["id"] = bundle.id
    return json.response(bundle)


def _bundle(call: Call, secret: Secret, *, versioned: bool, value: str | None = None) -> wire.SecretBundle:
    stored, body, vault = secret.stored, secret.body, call.the_vault
    own = body.attributes
    level = recovery(
        retention_days=vault.retention_days, purge_protection=vault.purge_protection, version=call.api_version
    )
    attributes = wire.SecretAttributes(own.enabled, own.created, own.updated, own.nbf, own.exp, level.level, level.days)
    identifier = f"{call.base}/secrets/{stored.name}"
    bundle = wire.SecretBundle(
        f"{identifier}/{secret.version}" if versioned else identifier, attributes, value, body.content_type, body.tags
    )
    if body.managed:
        bundle.managed = True
        bundle.kid = f"{call.base}/keys/{stored.name}/{secret.version}"
        if at_least(call.api_version, CERTIFICATE_LINKS_SINCE):
            bundle.previousVersion = body.previous_version
    if stored.deleted is not None and at_least(call.api_version, SOFT_DELETE_SINCE):
        bundle.recoveryId = f"{call.base}/deletedsecrets/{stored.name}"
        bundle.deletedDate = stored.deleted
        bundle.scheduledPurgeDate = stored.purge_at
    return bundle
