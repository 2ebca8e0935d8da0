"""Setting, getting and updating secrets (reference sections 4.1 to 4.3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flow.client import Client, dump, not_found, version_of
from tests.plugins.canary import plant, search
from tests.world import START, Simulation

pytestmark = pytest.mark.usefixtures("restored")

INVALID_PROPERTY = {"code": "BadParameter", "message": "Property  has invalid value\r\n"}

# ---- set and get ----------------------------------------------------------------------------------------------------


def test_set_answers_the_whole_bundle(world: Simulation, vault: Client, name: str, canary: str) -> None:
    """A set secret is answered with its id, value, attributes, and what was given; nothing else is in the bundle."""
    now = int(world.clock())
    body = {
        "value": canary,
        "contentType": "text/plain",
        "tags": {"a": "b"},
        "attributes": {"enabled": True, "nbf": 1, "exp": 2},
    }
    bundle = vault.done("PUT", f"/secrets/{name}", body=body)
    version = version_of(bundle)
    assert len(version) == 32
    assert int(version, 16) >= 0
    assert version == version.lower()
    assert bundle == {
        "id": f"{world.vault_url}/secrets/{name}/{version}",
        "value": canary,
        "contentType": "text/plain",
        "tags": {"a": "b"},
        "attributes": {
            "enabled": True,
            "nbf": 1,
            "exp": 2,
            "created": now,
            "updated": now,
            "recoveryLevel": "Recoverable+Purgeable",
            "recoverableDays": 90,
        },
    }


def test_what_was_not_given_is_not_answered(vault: Client, name: str) -> None:
    """A bundle has no member for what the caller never gave; `enabled` is true unless it said otherwise."""
    bundle = vault.put(name)
    assert bundle.keys() == {"id", "value", "attributes"}
    assert bundle["attributes"].keys() == {"enabled", "created", "updated", "recoveryLevel", "recoverableDays"}
    assert bundle["attributes"]["enabled"] is True


@pytest.mark.parametrize("path", ["/secrets/{}", "/secrets/{}/", "/secrets/{}/{version}", "/secrets/{}/{version}/"])
def test_get_answers_what_set_did(vault: Client, name: str, path: str) -> None:
    """The bundle of a get is the bundle of the set, with and without the version, with and without a slash."""
    bundle = vault.put(name, tags={"a": "b"}, contentType="x")
    assert vault.done("GET", path.format(name, version=version_of(bundle))) == bundle


@pytest.mark.parametrize("value", ["", " ", "\0", "é€😀", '"\\\r\n\t', "a" * 25_600])
def test_a_value_comes_back_as_it_was(vault: Client, name: str, value: str) -> None:
    """Any Unicode text of the allowed size is a value, the empty one too, and comes back character by character."""
    vault.done("PUT", f"/secrets/{name}", body={"value": value})
    assert vault.done("GET", f"/secrets/{name}")["value"] == value


def test_setting_again_makes_a_new_version(vault: Client, name: str) -> None:
    """Setting an existing name makes a new version, which is the latest; the old one stays as it was."""
    first, second = vault.put(name), vault.put(name)
    assert version_of(first) != version_of(second)
    assert vault.done("GET", f"/secrets/{name}") == second
    assert vault.done("GET", f"/secrets/{name}/{version_of(first)}") == first


def test_a_new_version_takes_nothing_over(vault: Client, name: str) -> None:
    """Tags, content type and dates of the version before are not the new one's."""
    vault.put(name, tags={"a": "b"}, contentType="x", attributes={"enabled": False, "exp": 5})
    bundle = vault.put(name)
    assert bundle.keys() == {"id", "value", "attributes"}
    assert bundle["attributes"]["enabled"] is True
    assert "exp" not in bundle["attributes"]


def test_read_only_attributes_are_not_read(world: Simulation, vault: Client, name: str) -> None:
    """A request cannot say when a secret was created, what it is called, or how it can be recovered."""
    given = {"created": 1, "updated": 1, "recoveryLevel": "Purgeable", "recoverableDays": 1}
    bundle = vault.put(name, attributes=given, id="https://elsewhere/secrets/x/y", managed=True, kid="k")
    assert bundle["attributes"]["created"] == int(world.clock())
    assert bundle["attributes"]["recoverableDays"] == 90
    assert bundle["id"].startswith(f"{world.vault_url}/secrets/{name}/")
    assert "managed" not in bundle
    assert "kid" not in bundle


@pytest.mark.parametrize("member", ["contentType", "tags", "attributes"])
def test_null_is_the_same_as_absent(vault: Client, name: str, member: str) -> None:
    """A member that is null counts as not given."""
    assert member not in vault.put(name, **{member: None}).keys() - {"attributes"}


def test_an_unknown_secret_is_not_found(vault: Client, name: str) -> None:
    """An unknown name is 404 `SecretNotFound`, in the reference's words."""
    answer = vault.ask("GET", f"/secrets/{name}")
    assert answer.status == 404
    assert answer.error == not_found(name)


def test_an_unknown_version_is_not_found(vault: Client, name: str) -> None:
    """An unknown version is 404 and names both."""
    vault.put(name)
    answer = vault.ask("GET", f"/secrets/{name}/{'0' * 32}")
    assert answer.status == 404
    assert answer.error == not_found(f"{name}/{'0' * 32}")


@pytest.mark.parametrize("version", ["1", "0" * 31, "0" * 33, "g" * 32])
def test_a_version_has_32_hexadecimal_digits(vault: Client, name: str, version: str) -> None:
    """What cannot be a version is 400, whether or not the secret is there."""
    answer = vault.ask("GET", f"/secrets/{name}/{version}")
    assert answer.status == 400
    assert answer.error["code"] == "BadParameter"


def test_names_are_compared_without_case(vault: Client, name: str) -> None:
    """A name in another case is the same secret, whose id keeps the spelling it was made with."""
    bundle = vault.put(f"{name}-Abc")
    assert vault.done("GET", f"/secrets/{name.upper()}-aBC") == bundle
    again = vault.put(f"{name}-ABC")
    assert again["id"].rpartition("/")[0] == bundle["id"].rpartition("/")[0]
    assert len(vault.walk(f"/secrets/{name}-abc/versions")) == 2


def test_versions_are_compared_without_case(vault: Client, name: str) -> None:
    """A version in capitals is the same version."""
    bundle = vault.put(name)
    assert vault.done("GET", f"/secrets/{name}/{version_of(bundle).upper()}") == bundle


def test_the_store_holds_no_secret_in_the_clear(world: Simulation, vault: Client, name: str, canary: str) -> None:
    """Whoever reads the database finds no value, client secret or token in it (SEC-BOOT-14, SEC-BOOT-19)."""
    vault.put(name, canary)
    vault.put(name, canary)
    vault.done("GET", f"/secrets/{name}")
    world.principal()
    stored = dump(world)
    assert name.encode() in stored
    assert search(stored) == []


# ---- attributes -----------------------------------------------------------------------------------------------------


def test_a_disabled_secret_is_not_given_out(vault: Client, name: str) -> None:
    """The value of a disabled secret is 403 `SecretDisabled`, by its version too (section 4.2)."""
    version = version_of(vault.put(name, attributes={"enabled": False}))
    for path in (f"/secrets/{name}/", f"/secrets/{name}/{version}"):
        answer = vault.ask("GET", path)
        assert answer.status == 403
        assert answer.error == {
            "code": "Forbidden",
            "message": "Operation get is not allowed on a disabled secret.",
            "innererror": {"code": "SecretDisabled"},
        }


def test_only_the_version_is_disabled(vault: Client, name: str) -> None:
    """`enabled` belongs to a version: an older one that is enabled can still be read."""
    first = vault.put(name)
    vault.put(name, attributes={"enabled": False})
    assert vault.ask("GET", f"/secrets/{name}").status == 403
    assert vault.done("GET", f"/secrets/{name}/{version_of(first)}") == first


def test_a_disabled_secret_can_be_enabled(vault: Client, name: str) -> None:
    """Updating, listing, and setting anew are allowed while a secret is disabled."""
    bundle = vault.put(name, attributes={"enabled": False})
    listed = [item for item in vault.walk("/secrets") if item["id"].endswith(name)]
    assert listed[0]["attributes"]["enabled"] is False
    vault.done("PATCH", f"/secrets/{name}/", body={"attributes": {"enabled": True}})
    assert vault.done("GET", f"/secrets/{name}")["value"] == bundle["value"]


@pytest.mark.parametrize(
    "dates", [{"nbf": int(START) + 10**6}, {"exp": 1}, {"nbf": 1, "exp": 1}], ids=["not yet", "expired", "a moment"]
)
def test_dates_are_information(vault: Client, name: str, dates: dict[str, int]) -> None:
    """A secret that is not yet valid or has expired is given out: the real service answers 200 (section 4.2)."""
    bundle = vault.put(name, attributes=dates)
    assert vault.done("GET", f"/secrets/{name}")["value"] == bundle["value"]
    assert {key: bundle["attributes"][key] for key in dates} == dates


# ---- update ---------------------------------------------------------------------------------------------------------


def test_an_update_keeps_what_it_leaves_out(world: Simulation, vault: Client, name: str) -> None:
    """An update changes what it names and `updated`; the rest stays, and the value is not answered."""
    bundle = vault.put(name, tags={"a": "b"}, contentType="x", attributes={"nbf": 1, "exp": 9})
    world.advance(60)
    updated = vault.done("PATCH", f"/secrets/{name}/", body={"attributes": {"exp": 10}})
    assert "value" not in updated
    assert updated["id"] == bundle["id"]
    assert updated["tags"] == {"a": "b"}
    assert updated["contentType"] == "x"
    assert updated["attributes"] == bundle["attributes"] | {"exp": 10, "updated": int(world.clock())}
    assert vault.done("GET", f"/secrets/{name}") == updated | {"value": bundle["value"]}


def test_tags_of_an_update_replace_all_tags(vault: Client, name: str) -> None:
    """Tags are not merged: those that an update gives are all there are, and none at all is a choice too."""
    vault.put(name, tags={"a": "1", "b": "2"})
    assert vault.done("PATCH", f"/secrets/{name}", body={"tags": {"b": "3"}})["tags"] == {"b": "3"}
    assert vault.done("PATCH", f"/secrets/{name}", body={"tags": {}}).get("tags", {}) == {}
    assert vault.done("GET", f"/secrets/{name}").get("tags", {}) == {}


def test_an_update_changes_one_version(vault: Client, name: str) -> None:
    """An update with a version in its path changes that version alone."""
    first, second = vault.put(name), vault.put(name)
    vault.done("PATCH", f"/secrets/{name}/{version_of(first)}", body={"contentType": "old"})
    assert vault.done("GET", f"/secrets/{name}/{version_of(first)}")["contentType"] == "old"
    assert vault.done("GET", f"/secrets/{name}") == second


def test_an_update_cannot_change_the_value(vault: Client, name: str) -> None:
    """A `value` in an update is not read."""
    bundle = vault.put(name)
    vault.done("PATCH", f"/secrets/{name}", body={"value": plant(), "contentType": "x"})
    assert vault.done("GET", f"/secrets/{name}")["value"] == bundle["value"]


@pytest.mark.parametrize("version", ["", "0" * 32])
def test_an_update_of_nothing_is_not_found(vault: Client, name: str, version: str) -> None:
    """Updating a secret or a version that is not there is 404."""
    if version:
        vault.put(name)
    answer = vault.ask("PATCH", f"/secrets/{name}/{version}", body={"contentType": "x"})
    assert answer.status == 404
    assert answer.error == not_found(f"{name}/{version}" if version else name)


def test_an_update_is_judged_with_what_stays(vault: Client, name: str) -> None:
    """An end before the beginning that stays is refused, and nothing changes."""
    bundle = vault.put(name, attributes={"nbf": 100})
    answer = vault.ask("PATCH", f"/secrets/{name}", body={"attributes": {"exp": 99}, "contentType": "x"})
    assert answer.status == 400
    assert answer.error == INVALID_PROPERTY
    assert vault.done("GET", f"/secrets/{name}") == bundle


# ---- limits ---------------------------------------------------------------------------------------------------------

FITS: dict[str, dict[str, Any]] = {
    "value in bytes": {"value": "a" * 25_600},
    "value in two-byte letters": {"value": "é" * 12_800},
    "value in four-byte letters": {"value": "😀" * 6400},
    "content type": {"contentType": "c" * 255},
    "tags": {"tags": {str(number): "" for number in range(15)}},
    "name of a tag": {"tags": {"t" * 512: ""}},
    "value of a tag": {"tags": {"": "t" * 512}},
    "nbf": {"attributes": {"nbf": 0}},
    "exp": {"attributes": {"exp": 253_402_300_799}},
    "exp at nbf": {"attributes": {"nbf": 7, "exp": 7}},
}
EXCEEDS: dict[str, dict[str, Any]] = {
    "value in bytes": {"value": "a" * 25_601},
    "value in two-byte letters": {"value": "é" * 12_800 + "a"},
    "value in four-byte letters": {"value": "😀" * 6400 + "a"},
    "content type": {"contentType": "c" * 256},
    "tags": {"tags": {str(number): "" for number in range(16)}},
    "name of a tag": {"tags": {"t" * 513: ""}},
    "value of a tag": {"tags": {"": "t" * 513}},
    "nbf": {"attributes": {"nbf": -1}},
    "exp": {"attributes": {"exp": 253_402_300_800}},
    "exp before nbf": {"attributes": {"nbf": 7, "exp": 6}},
    "no value": {"value": None},
}


@pytest.mark.parametrize("what", FITS)
def test_at_a_limit(vault: Client, name: str, what: str) -> None:
    """What is exactly as large as a limit allows is taken and given back."""
    bundle = vault.done("PUT", f"/secrets/{name}", body={"value": plant()} | FITS[what])
    read = vault.done("GET", f"/secrets/{name}")
    assert read == bundle
    for member, value in FITS[what].items():
        assert read[member] == (read[member] | value if member == "attributes" else value)


@pytest.mark.parametrize("what", EXCEEDS)
def test_one_past_a_limit(vault: Client, name: str, what: str) -> None:
    """One more is refused with the reference's words, which name nothing, and there is no secret afterwards."""
    answer = vault.ask("PUT", f"/secrets/{name}", body={"value": plant()} | EXCEEDS[what])
    assert answer.status == 400
    assert answer.error == INVALID_PROPERTY
    assert vault.ask("GET", f"/secrets/{name}").status == 404


def test_a_name_has_127_characters_at_most(vault: Client, name: str) -> None:
    """A name of 127 characters is one, of 128 is none."""
    longest = name + "n" * (127 - len(name))
    assert vault.put(longest)["id"].rpartition("/")[0].endswith(longest)
    answer = vault.ask("PUT", f"/secrets/{longest}n", body={"value": plant()})
    assert answer.status == 400
    assert answer.error == {
        "code": "BadParameter",
        "message": "The request URI contains an invalid name: REDACTED",
    }
