"""Rotation of keys on request, and rotation policies (reference section 5.1)."""

from __future__ import annotations

import base64
import hashlib
from math import gcd
from typing import Any

import pytest

from strongroom.core.builtin_roles import KEY_VAULT_READER
from strongroom.core.network import Link
from strongroom.core.objects import Collection
from strongroom.core.vaults import AccessPolicy
from tests.assertions import rsa_key
from tests.flow.client import VERSION, Client
from tests.flow.journal import last
from tests.flow.key_cases import octets
from tests.plugins.canary import remember
from tests.world import Simulation

pytestmark = pytest.mark.usefixtures("restored")

DAY = 86_400
NOTIFY = {"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "Notify"}}


def create(vault: Client, name: str, **members: Any) -> Any:
    """Create a key, P-256 unless *members* say otherwise."""
    return vault.done("POST", f"/keys/{name}/create", body={"kty": "EC"} | members)


def rotate(vault: Client, name: str, **how: Any) -> Any:
    """Rotate a key."""
    return vault.done("POST", f"/keys/{name}/rotate", **how)


def action(kind: str = "Rotate", **trigger: str | None) -> dict[str, Any]:
    """Give a lifetime action."""
    return {"trigger": trigger, "action": {"type": kind}}


def set_policy(vault: Client, name: str, *actions: dict[str, Any], expiry: str | None = None) -> Any:
    """Set a key's rotation policy."""
    body = {"lifetimeActions": list(actions), "attributes": {"expiryTime": expiry}}
    return vault.done("PUT", f"/keys/{name}/rotationpolicy", body=body)


# ---- rotate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "members",
    [
        {"kty": "EC", "crv": "P-384", "key_ops": ["verify", "sign"]},
        {"kty": "EC", "crv": "P-256K"},
        {"kty": "RSA", "key_size": 2048, "key_ops": ["wrapKey", "unwrapKey"], "tags": {"a": "b"}},
        {"kty": "oct", "key_size": 192},
    ],
    ids=lambda members: f"{members['kty']}-{len(members)}",
)
def test_a_new_version_is_as_the_one_before(vault: Client, name: str, members: dict[str, Any]) -> None:
    """Type, size, curve, operations and tags stay; the key itself, its version and its times are new."""
    old = create(vault, name, **members)
    vault.world.advance(5)
    new = rotate(vault, name)
    own = {"kid", "n", "x", "y"}
    assert {k: v for k, v in new["key"].items() if k not in own} == {
        k: v for k, v in old["key"].items() if k not in own
    }
    assert new["key"]["kid"] != old["key"]["kid"]
    assert all(new["key"][part] != old["key"][part] for part in own & old["key"].keys())
    assert new.get("tags") == old.get("tags") == members.get("tags")
    now = int(vault.world.clock())
    assert new["attributes"] == old["attributes"] | {"created": now, "updated": now}
    assert vault.done("GET", f"/keys/{name}") == new


def test_what_follows_a_key_with_an_exponent_of_its_own_has_the_usual_one(vault: Client, name: str) -> None:
    """An imported key can be rotated whatever its exponent is; the libraries make keys with few."""
    numbers = rsa_key().private_numbers()
    order = (numbers.p - 1) * (numbers.q - 1)
    exponent = next(one for one in (17, 257, 5, 7, 11) if gcd(one, order) == 1)
    members = {"n": numbers.public_numbers.n, "e": exponent, "d": pow(exponent, -1, order)}
    written = {member: octets(one.to_bytes((one.bit_length() + 7) // 8, "big")) for member, one in members.items()}
    remember(written["d"])
    old = vault.done("PUT", f"/keys/{name}", body={"key": {"kty": "RSA", **written}})
    assert old["key"]["e"] == written["e"]
    assert rotate(vault, name)["key"]["e"] == "AQAB"


def test_a_rotated_keys_dates_are_not_its_successors(vault: Client, name: str) -> None:
    """Without a policy the new version has no expiry, and it is good at once."""
    create(vault, name, attributes={"nbf": 1, "exp": int(vault.world.clock()) + 9 * DAY})
    assert not rotate(vault, name)["attributes"].keys() & {"nbf", "exp"}


def test_the_policys_expiry_is_set_on_what_rotation_makes(vault: Client, name: str) -> None:
    """Not on the present version, and not on one that somebody creates."""
    create(vault, name)
    set_policy(vault, name, expiry="P28D")
    assert "exp" not in vault.done("GET", f"/keys/{name}")["attributes"]
    assert rotate(vault, name)["attributes"]["exp"] == int(vault.world.clock()) + 28 * DAY
    assert "exp" not in create(vault, name)["attributes"]


def test_the_version_before_still_unwraps(vault: Client, name: str) -> None:
    """What was wrapped is unwrapped by the version that wrapped it; the name alone means the new one."""
    old = create(vault, name, kty="RSA")["key"]["kid"].removeprefix(vault.world.vault_url)
    value = base64.urlsafe_b64encode(hashlib.sha256(b"a key").digest()).rstrip(b"=").decode()
    wrapped = vault.done("POST", f"/keys/{name}/wrapkey", body={"alg": "RSA-OAEP", "value": value})["value"]
    new = rotate(vault, name)["key"]["kid"]
    body = {"alg": "RSA-OAEP", "value": wrapped}
    assert vault.done("POST", f"{old}/unwrapkey", body=body)["value"] == value
    assert vault.ask("POST", f"/keys/{name}/unwrapkey", body=body).status == 400
    digest = {"alg": "RS256", "value": value}
    assert vault.done("POST", f"/keys/{name}/sign", body=digest)["kid"] == new


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"unknown": 1}'])
def test_a_body_says_nothing(vault: Client, name: str, raw: bytes) -> None:
    """Clients send none, or an empty object."""
    create(vault, name)
    assert vault.ask("POST", f"/keys/{name}/rotate", raw=raw).status == 200


def test_rotation_is_recorded_with_the_new_version(vault: Client, name: str) -> None:
    """As KeyRotate, with what the key is."""
    create(vault, name)
    new = rotate(vault, name)
    entry = last(vault.world)
    assert entry["operationName"] == "KeyRotate"
    assert entry["properties"]["id"] == new["key"]["kid"]
    assert entry["properties"]["keyProperties"]["curve"] == "P-256"


def test_a_disabled_key_is_not_rotated(vault: Client, name: str) -> None:
    """Who may rotate could else bring back to life what somebody put out of use."""
    old = create(vault, name, attributes={"enabled": False})
    answer = vault.ask("POST", f"/keys/{name}/rotate")
    assert (answer.status, answer.error["innererror"]) == (403, {"code": "KeyDisabled"})
    assert answer.error["message"] == "Operation rotate is not allowed on a disabled key."
    assert [one["kid"] for one in vault.walk(f"/keys/{name}/versions")] == [old["key"]["kid"]]


@pytest.mark.parametrize(("method", "path"), [("POST", "rotate"), ("GET", "rotationpolicy"), ("PUT", "rotationpolicy")])
def test_a_key_that_is_not_there_or_deleted_is_not_found(vault: Client, name: str, method: str, path: str) -> None:
    """Deleted or never made is told alike."""
    missing = vault.ask(method, f"/keys/{name}/{path}", body={})
    create(vault, name)
    vault.done("DELETE", f"/keys/{name}")
    deleted = vault.ask(method, f"/keys/{name}/{path}", body={})
    for answer in (missing, deleted):
        assert (answer.status, answer.error["code"]) == (404, "KeyNotFound")


@pytest.mark.parametrize("version", ["7.2", "2016-10-01"])
def test_older_versions_of_the_api_know_no_rotation(vault: Client, name: str, version: str) -> None:
    """It came with 7.3."""
    create(vault, name)
    assert vault.ask("POST", f"/keys/{name}/rotate", version=version).status == 404
    assert vault.ask("POST", f"/keys/{name}/rotate", version="7.3").status == 200


def test_a_guardrail_holds_for_what_rotation_makes(world: Simulation, vault: Client, name: str) -> None:
    """A key that ends is not rotated into one that does not."""
    old = create(vault, name, attributes={"exp": int(world.clock()) + 9 * DAY})
    text = '[[guardrail]]\nname = "keys end"\nrule = "key-expiry"\neffect = "deny"\nmax_days = 90\n'
    world.ask("POST", "http://control/policy", body={"text": text}, link=Link.CONTROL)
    try:
        refused = vault.ask("POST", f"/keys/{name}/rotate")
        assert (refused.status, refused.error["innererror"]) == (403, {"code": "DisallowedByPolicy"})
        assert vault.done("GET", f"/keys/{name}") == old
        set_policy(vault, name, expiry="P90D")
        assert rotate(vault, name)["attributes"]["exp"] == int(world.clock()) + 90 * DAY
    finally:
        world.ask("DELETE", "http://control/policy", link=Link.CONTROL)


# ---- policies -------------------------------------------------------------------------------------------------------


def test_every_key_has_a_policy(vault: Client, name: str) -> None:
    """One that nobody set notifies thirty days before the expiry, has no id and no times (recorded 2022, 2024)."""
    create(vault, name)
    assert vault.done("GET", f"/keys/{name}/rotationpolicy") == {"lifetimeActions": [NOTIFY], "attributes": None}


def test_a_policy_is_answered_as_it_was_set(vault: Client, name: str) -> None:
    """With the notification that it lacked, and with its times: the first setting's and the last's."""
    create(vault, name)
    first = int(vault.world.clock())
    set_policy(vault, name)
    vault.world.advance(5)
    policy = set_policy(vault, name, action("rotate", timeAfterCreate="P18M", timeBeforeExpiry=None), expiry="P2Y")
    assert policy == {
        "id": f"{vault.world.vault_url}/keys/{name}/rotationpolicy",
        "lifetimeActions": [action(timeAfterCreate="P18M"), NOTIFY],
        "attributes": {"expiryTime": "P2Y", "created": first, "updated": first + 5},
    }
    assert vault.done("GET", f"/keys/{name.upper()}/rotationpolicy") == policy


def test_a_policy_is_replaced_as_a_whole(vault: Client, name: str) -> None:
    """What the new one leaves out is gone; the notification is then the default."""
    create(vault, name)
    set_policy(vault, name, action(timeBeforeExpiry="P60D"), action("Notify", timeBeforeExpiry="P9D"), expiry="P1Y")
    policy = vault.done("PUT", f"/keys/{name}/rotationpolicy", body={})
    assert policy["lifetimeActions"] == [NOTIFY]
    assert "expiryTime" not in policy["attributes"]


def test_a_policy_outlives_versions(vault: Client, name: str) -> None:
    """It belongs to the key: new versions, created or rotated, have it as well."""
    create(vault, name)
    policy = set_policy(vault, name, action(timeAfterCreate="P90D"))
    rotate(vault, name)
    create(vault, name)
    assert vault.done("GET", f"/keys/{name}/rotationpolicy") == policy


def test_a_policy_is_in_the_backup(vault: Client, name: str) -> None:
    """A key that was lost and restored rotates as it did."""
    create(vault, name)
    policy = set_policy(vault, name, action(timeAfterCreate="P90D"))
    backup = vault.done("POST", f"/keys/{name}/backup")
    vault.done("DELETE", f"/keys/{name}")
    vault.done("DELETE", f"/deletedkeys/{name}")
    vault.done("POST", "/keys/restore", body=backup)
    assert vault.done("GET", f"/keys/{name}/rotationpolicy") == policy
    stored = vault.world.run(vault.world.store.object(vault.world.vault.id, Collection.KEYS, name))
    assert stored is not None
    assert stored.due_at == int(vault.world.clock()) + 90 * DAY


def test_what_a_body_says_besides_is_passed_over(vault: Client, name: str) -> None:
    """An answer can be sent back as it is, whatever newer clients add to it."""
    create(vault, name)
    policy = set_policy(vault, name, action(timeAfterCreate="P90D", other="x"))
    assert vault.done("PUT", f"/keys/{name}/rotationpolicy", body=policy | {"more": 1}) == policy


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            {"lifetimeActions": [action(timeAfterCreate="P6D")]},
            "The key rotation policy is invalid: the action Rotate must be at least 7 days after creation.",
        ),
        (
            {"attributes": {"expiryTime": "P27D"}},
            "The key rotation policy is invalid: expiryTime must be at least 28 days.",
        ),
        (
            {"lifetimeActions": [{}]},
            "The key rotation policy is invalid: the type of a lifetime action must be Rotate or Notify.",
        ),
        (
            {"lifetimeActions": [{"action": {"type": "Notify"}, "trigger": {"timeAfterCreate": "P9D"}}]},
            "The key rotation policy is invalid: the action Notify can only have the trigger timeBeforeExpiry.",
        ),
    ],
)
def test_a_policy_that_breaks_a_rule_changes_nothing(
    vault: Client, name: str, body: dict[str, Any], sentence: str
) -> None:
    """400 in one sentence; every rule has its test in tests/unit/core/test_key_rotation.py."""
    create(vault, name)
    before = set_policy(vault, name, action(timeAfterCreate="P90D"))
    answer = vault.ask("PUT", f"/keys/{name}/rotationpolicy", body=body)
    assert (answer.status, answer.error["code"]) == (400, "BadParameter")
    assert answer.error["message"] == sentence
    assert vault.done("GET", f"/keys/{name}/rotationpolicy") == before


def test_setting_a_policy_is_recorded_with_what_it_says(vault: Client, name: str) -> None:
    """Durations are no secrets, and who made a key rotate rarely should be found."""
    create(vault, name)
    set_policy(vault, name, action(timeAfterCreate="P90D"), expiry="P1Y")
    entry = last(vault.world)
    assert entry["operationName"] == "KeyRotationPolicySet"
    assert entry["properties"]["id"] == f"{vault.world.vault_url}/keys/{name}/rotationpolicy"
    assert entry["properties"]["rotationPolicy"] == {
        "expiryTime": "P1Y",
        "rotateAfterCreate": "P90D",
        "notifyBeforeExpiry": "P30D",
    }


# ---- rights ---------------------------------------------------------------------------------------------------------


def test_a_reader_reads_the_policy_and_neither_sets_it_nor_rotates(world: Simulation, vault: Client, name: str) -> None:
    """`keyrotationpolicies` is a type of its own: read and write, beside `keys/rotate`."""
    create(vault, name)
    who = world.principal()
    world.grant(who.oid, KEY_VAULT_READER, world.vault.scope)
    reader = Client(world, who)
    assert reader.ask("GET", f"/keys/{name}/rotationpolicy").status == 200
    assert reader.ask("PUT", f"/keys/{name}/rotationpolicy", body={}).status == 403
    assert reader.ask("POST", f"/keys/{name}/rotate").status == 403


@pytest.mark.parametrize(
    ("word", "method", "path"),
    [
        ("rotate", "POST", "rotate"),
        ("getrotationpolicy", "GET", "rotationpolicy"),
        ("setrotationpolicy", "PUT", "rotationpolicy"),
    ],
)
def test_an_access_policy_has_a_word_for_each(
    world: Simulation, vault: Client, name: str, word: str, method: str, path: str
) -> None:
    """And none of them does for another."""
    create(vault, name)
    who = world.principal()
    world.set_vault(rbac=False, access_policies=(AccessPolicy(world.first.tenant_id, who.oid, keys=(word,)),))
    asked = {
        (verb, end): world.ask(
            verb,
            f"{world.vault_url}/keys/{name}/{end}?api-version={VERSION}",
            token=world.token(who),
            body={} if verb == "PUT" else None,
        ).status
        for verb, end in (("POST", "rotate"), ("GET", "rotationpolicy"), ("PUT", "rotationpolicy"))
    }
    assert asked.pop((method, path)) == 200
    assert set(asked.values()) == {403}
