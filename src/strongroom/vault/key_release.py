"""
Secure key release: a key leaves the vault for what an authority attests, wrapped for it and signed.

    key found, enabled, exportable --> attestation verified by its authority --> key found again --> policy --> release

Fetching an authority's keys takes its time, so what the key and its policy say is asked before and after. A refusal
says nothing of the policy: which authorities it names, and what it wants of them, is for those who may read the key.
"""

from __future__ import annotations

import json as stdlib_json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from strongroom.core import release_limits as limits
from strongroom.core.errors import Forbidden, Invalid
from strongroom.core.key_release import parse_method, policy_in_force
from strongroom.core.lifecycle import require_usable
from strongroom.core.names import parse_object_name
from strongroom.core.objects import Collection, StoredVersion
from strongroom.core.records import tenant_partition
from strongroom.core.release_authorities import ReleaseAuthority, ReleaseSigningKey, authority_id, signs_now
from strongroom.core.release_policies import AuthorityRule, holds, rules_of
from strongroom.core.service_limits import key_creation
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects import release_authorities
from strongroom.objects.key_rows import Key, body_of, held_key, key_of
from strongroom.objects.lookup import LATEST, find_version
from strongroom.objects.release_authorities import KeysNotFound
from strongroom.vault import key_wire as wire
from strongroom.vault.keys import bundle_of, envelope_of, get_key, key_properties

if TYPE_CHECKING:
    from strongroom.crypto.attestation import Recipient

_SCHEMA_VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class _Releasable:
    """A version that may be released to what satisfies one of the rules."""

    row: StoredVersion
    key: Key
    rules: tuple[AuthorityRule, ...]


async def release_key(call: Call) -> Response:
    """Release a key to an attested environment."""
    # The libraries take a tenth of a second to import, which a start-up must not wait for.
    from strongroom.crypto.attestation import AttestationRefused, parse_attestation, recipient_of  # noqa: PLC0415

    body = await call.body(wire.KeyReleaseParameters)
    method = parse_method(body.enc)
    if len(body.nonce or "") > limits.RELEASE_NONCE_CHARS:
        raise Invalid(f"Property nonce has at most {limits.RELEASE_NONCE_CHARS} characters.", code="BadParameter")
    call.charge(key_creation((await _find(call, "")).key.body.type))
    if not body.target:
        raise Invalid("Property target must be the attestation token of the target environment.", code="BadParameter")
    try:
        attestation = parse_attestation(body.target)
    except AttestationRefused as refused:
        raise Invalid(
            "The attestation of the target environment is not a JSON Web Token that names its key.",
            code="BadParameter",
            reason=f"attestation: {refused}",
        ) from None
    tenant = tenant_partition(call.the_vault.tenant)
    authority = call.world.view.get(ReleaseAuthority, tenant, authority_id(attestation.authority))
    if authority is None:
        raise Forbidden(
            "The attestation is not from an authority that the operator of this service has configured.",
            code="Forbidden",
            reason="attestation: authority not configured",
        )
    if not (await _find(call, authority.id)).rules:
        raise _unverified("authority not in the policy")
    call.properties["issuer"] = authority.id
    claims = await _verified(call, authority, attestation)
    found = await _find(call, authority.id)
    if not any(holds(rule.condition, claims) for rule in found.rules):
        raise Forbidden(
            "The attestation of the target environment does not satisfy the key release policy.",
            code="Forbidden",
            reason="attestation: policy not satisfied",
        )
    try:
        recipient = recipient_of(claims)
    except AttestationRefused as refused:
        raise Forbidden(
            "The attestation of the target environment has no RSA key for encryption in x-ms-runtime.",
            code="Forbidden",
            reason=f"attestation: {refused}",
        ) from None
    return await _release(call, found, recipient, method, body.nonce)


async def get_key_attestation(call: Call) -> Response:
    """
    Get a key as KeyGet does, without an `attestation`.

    One is made by the HSM that holds a key, out of what its maker gave it. No place that this service has makes any,
    and nobody else may say so in its stead.
    """
    return await get_key(call)


async def _find(call: Call, authority: str) -> _Releasable:
    """
    Find the version asked for, with the rules for an authority that the key's latest version has.

    Raises:
        NotFound: there is no such version.
        Forbidden: it is disabled, or not exportable.
    """
    name, version = parse_object_name(call.target.params["name"]), call.target.params.get("version", LATEST)
    world, vault = call.world, call.the_vault
    cache = world.view.sealed
    stored, row = await find_version(world.store, cache, vault.id, Collection.KEYS, name, version, call.now)
    _, newest = await find_version(world.store, cache, vault.id, Collection.KEYS, name, LATEST, call.now)
    key, latest = key_of(stored, row), body_of(newest)
    own = key.body.attributes
    call.properties.update(
        {"id": f"{call.base}/keys/{stored.name}/{row.version}", "keyProperties": key_properties(key.body)}
    )
    require_usable(Collection.KEYS, "release", enabled=own.enabled, nbf=own.nbf, exp=own.exp, now=call.now)
    policy = policy_in_force(latest)
    shown = Key(stored, row.version, replace(key.body, release_policy=latest.release_policy))
    return _Releasable(row, shown, rules_of(policy, authority))


async def _verified(call: Call, authority: ReleaseAuthority, attestation: Any) -> dict[str, object]:
    """
    Verify an attestation by its authority's key, and judge again whatever may have changed meanwhile.

    Raises:
        Forbidden: it does not verify.
        Invalid: AKV.SKR.1012, the authority's keys cannot be had.
    """
    from strongroom.crypto.attestation import AttestationRefused, verify_attestation  # noqa: PLC0415  see above

    try:
        key = await release_authorities.find_authority_key(call.world.documents, authority, attestation.kid)
    except KeysNotFound as fault:
        raise Invalid(
            f"AKV.SKR.1012: The specified attestation service {authority.id} cannot be reached.",
            code="BadParameter",
            reason=f"attestation: {fault}",
        ) from None
    call.now = call.world.now()
    call.judge_again()
    if call.world.view.get(ReleaseAuthority, authority.partition, authority.id) != authority:
        raise _unverified("authority changed meanwhile")
    if key is None:
        raise _unverified("unknown key")
    try:
        return verify_attestation(attestation, key, call.now)
    except AttestationRefused as refused:
        raise _unverified(str(refused)) from None


async def _release(call: Call, found: _Releasable, recipient: Recipient, method: str, nonce: str | None) -> Response:
    """Wrap a key for its recipient, and sign what was asked and what is answered, in the real service's form."""
    world, vault = call.world, call.the_vault
    held = held_key(envelope_of(call), vault, found.row)
    wrapped = await world.protections.of(found.key.body.type).release(held, recipient.parts, method)
    blob = {
        "schema_version": _SCHEMA_VERSION,
        "header": {"kid": recipient.kid, "alg": "dir", "enc": method},
        "ciphertext": wire.octets(wrapped),
    }
    bundle = msgspec.to_builtins(bundle_of(call, found.key))
    bundle["key"]["key_hsm"] = wire.octets(stdlib_json.dumps(blob, separators=(",", ":")).encode("ascii"))
    version = call.target.params.get("version", LATEST)
    asked = f"{call.base}/keys/{call.target.params['name']}" + (f"/{version}" if version else "")
    request = {"api-version": call.api_version, "enc": method, "kid": asked}
    if nonce is not None:
        request["nonce"] = nonce
    statement = msgspec.json.encode({"request": request, "response": {"key": bundle}})
    # Whoever added an authority gave the tenant this key.
    signing = signs_now(world.view.all(ReleaseSigningKey, tenant_partition(vault.tenant)), call.now)
    if signing is None:
        msg = "a tenant with an authority has no key to sign with"
        raise RuntimeError(msg)
    value = await world.signers.sign_statement(
        signing.id,
        lambda: release_authorities.open_release_signing_key(world.keys, signing),
        signing.certificate,
        statement,
    )
    # The token and the signature took their time: whoever lost the right meanwhile gets no key.
    call.judge_again()
    return json.response(wire.KeyReleaseResult(value))


def _unverified(reason: str) -> Forbidden:
    return Forbidden(
        "The attestation of the target environment could not be verified, or is not from an authority that may attest"
        " for this key.",
        code="Forbidden",
        reason=f"attestation: {reason}",
    )
