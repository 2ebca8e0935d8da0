"""What a key can be, what may be written into a version of one, and when it may be used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from strongroom.core.errors import Forbidden, Invalid
from strongroom.core.keys import (
    DEFAULT_OPERATIONS,
    POSSIBLE_OPERATIONS,
    Curve,
    GivenKeyProperties,
    KeyKind,
    KeyOperation,
    KeySpec,
    KeyType,
    KeyVersionBody,
    new_key_version,
    parse_curve,
    parse_key_type,
    parse_operations,
    require_key_usable,
    require_not_managed,
    spec_of_new,
    updated_key_version,
)

NOW = 1_800_000_000
OP = KeyOperation


def spec(kind: KeyKind, **given: Any) -> KeySpec:
    """Ask for a key."""
    asked = {"bits": None, "curve": None, "public_exponent": None} | given
    return spec_of_new(kind, **asked)


def made(key_type: KeyType = KeyType.RSA, **given: Any) -> KeyVersionBody:
    """Make a version's body."""
    return new_key_version(key_type, spec(key_type.kind), GivenKeyProperties(**given), platform="0", now=NOW)


def refuses(member: str, call: Any, *arguments: Any, **named: Any) -> None:
    """State that a call is refused with a sentence that names the member, and none of what was given."""
    with pytest.raises(Invalid) as refusal:
        call(*arguments, **named)
    assert refusal.value.code == "BadParameter"
    assert refusal.value.message.startswith(f"Property {member} ")
    assert refusal.value.reason == f"invalid {member}"
    assert "nonsense" not in refusal.value.message


# ---- what it can be -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["RSA", "RSA-HSM", "EC", "EC-HSM", "oct", "oct-HSM"])
def test_types_are_words_of_the_reference(word: str) -> None:
    """The six types are read as they are spelled."""
    assert parse_key_type(word) == word


@pytest.mark.parametrize("word", [None, "", "rsa", "RSA-hsm", "OCT", "EC ", "nonsense"])
def test_another_type_is_refused(word: str | None) -> None:
    """No type, an unknown one, and one in another case are refused."""
    refuses("kty", parse_key_type, word)


@pytest.mark.parametrize("word", [None, "", "p-256", "P-224", "secp256k1", "nonsense"])
def test_another_curve_is_refused(word: str | None) -> None:
    """No curve, an unknown one, and one in another case are refused."""
    refuses("crv", parse_curve, word)


def test_the_former_name_of_a_curve_is_read() -> None:
    """Azure CLI imports keys of P-256K under the name that 2016-10-01 had for it."""
    assert parse_curve("SECP256K1") is Curve.P256K


def test_what_is_not_said_has_its_default() -> None:
    """RSA has 2048 bits and the exponent 65537, EC is P-256, oct has 256 bits."""
    assert spec(KeyKind.RSA) == KeySpec(KeyKind.RSA, 2048, None, 65537)
    assert spec(KeyKind.EC) == KeySpec(KeyKind.EC, None, Curve.P256)
    assert spec(KeyKind.OCT) == KeySpec(KeyKind.OCT, 256)


@pytest.mark.parametrize(("kind", "sizes"), [(KeyKind.RSA, (2048, 3072, 4096)), (KeyKind.OCT, (128, 192, 256))])
def test_sizes_are_those_of_the_kind(kind: KeyKind, sizes: tuple[int, ...]) -> None:
    """Each size of its kind is taken; its neighbours, none, a negative and an enormous one are refused."""
    for size in sizes:
        assert spec(kind, bits=size).bits == size
        for wrong in (size - 1, size + 1, size * 8, -size):
            refuses("key_size", spec, kind, bits=wrong)
    refuses("key_size", spec, kind, bits=0)


@pytest.mark.parametrize(("curve", "bits"), [("P-256", 256), ("P-256K", 256), ("P-384", 384), ("P-521", 521)])
def test_a_size_of_an_ec_key_is_its_curves(curve: str, bits: int) -> None:
    """An EC key may be given its curve's size, which says nothing new; any other is refused."""
    assert spec(KeyKind.EC, curve=curve, bits=bits) == spec(KeyKind.EC, curve=curve)
    for wrong in (bits + 1, 2048, 0):
        refuses("key_size", spec, KeyKind.EC, curve=curve, bits=wrong)


@pytest.mark.parametrize("exponent", [3, 65537])
def test_an_exponent_is_one_that_keys_are_made_with(exponent: int) -> None:
    """An RSA key is made with the exponent 3 or 65537."""
    assert spec(KeyKind.RSA, public_exponent=exponent).public_exponent == exponent


@pytest.mark.parametrize("exponent", [-3, 1, 2, 4, 5, 17, 65536, 65539, 2**64 + 1])
def test_any_other_exponent_is_refused(exponent: int) -> None:
    """One, even ones, and others that no key is made with are refused."""
    refuses("public_exponent", spec, KeyKind.RSA, public_exponent=exponent)


@pytest.mark.parametrize("kind", KeyKind)
def test_an_exponent_of_zero_is_none(kind: KeyKind) -> None:
    """Java's clients write 0 where the program says nothing of it."""
    assert spec(kind, public_exponent=0) == spec(kind)


def test_what_belongs_to_another_kind_is_refused() -> None:
    """A curve belongs to EC, an exponent to RSA."""
    refuses("crv", spec, KeyKind.RSA, curve="P-256")
    refuses("crv", spec, KeyKind.OCT, curve="P-256")
    refuses("public_exponent", spec, KeyKind.EC, public_exponent=65537)
    refuses("public_exponent", spec, KeyKind.OCT, public_exponent=65537)


# ---- operations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KeyKind)
def test_operations_are_those_that_the_kind_can_do(kind: KeyKind) -> None:
    """Each operation that a kind can do is taken by itself, each other one is refused."""
    for operation in KeyOperation:
        if operation in POSSIBLE_OPERATIONS[kind]:
            assert parse_operations([operation.value], kind) == (operation,)
        else:
            refuses("key_ops", parse_operations, [operation.value], kind)


def test_defaults_are_possible() -> None:
    """What a key may do if nobody said is what it can do, in the reference's order."""
    assert [*DEFAULT_OPERATIONS[KeyKind.RSA]] == ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"]
    for kind, operations in DEFAULT_OPERATIONS.items():
        assert POSSIBLE_OPERATIONS[kind].issuperset(operations)


@pytest.mark.parametrize(
    "given",
    [
        ["nonsense"],
        ["sign", "nonsense"],
        ["nonsense", "sign"],
        ["Sign"],
        ["wrapkey"],
        ["sign", "sign"],
        ["import", "decrypt"],
        ["sign", "import"],
    ],
)
def test_unknown_doubled_and_contradicting_operations_are_refused(given: list[str]) -> None:
    """A word in another case is unknown; `import` stands alone."""
    refuses("key_ops", parse_operations, given, KeyKind.RSA)


@pytest.mark.parametrize("given", [None, ()])
def test_no_new_key_is_without_operations(given: tuple[str, ...] | None) -> None:
    """An empty list counts as none: a new key has its kind's defaults."""
    assert made(KeyType.EC, operations=given).operations == (OP.SIGN, OP.VERIFY)


@pytest.mark.parametrize(("given", "left"), [(None, (OP.SIGN,)), ((), ())])
def test_an_update_can_take_every_operation_away(given: tuple[str, ...] | None, left: tuple[OP, ...]) -> None:
    """An old key keeps what it has where nothing is said, and has none left where an empty list is."""
    changed = updated_key_version(made(operations=("sign",)), GivenKeyProperties(operations=given), NOW)
    assert changed.operations == left


def test_the_order_of_operations_is_kept() -> None:
    """Operations are answered in the order in which they were given."""
    assert made(operations=("verify", "encrypt", "sign")).operations == (OP.VERIFY, OP.ENCRYPT, OP.SIGN)


def test_export_is_for_exportable_keys() -> None:
    """A key that is not exportable has no `export`, neither from the beginning nor by an update."""
    refuses("key_ops", made, operations=("sign", "export"))
    refuses("key_ops", updated_key_version, made(), GivenKeyProperties(operations=("export",)), NOW)
    assert OP.EXPORT in made(operations=("sign", "export"), exportable=True).operations


def test_an_update_neither_makes_nor_unmakes_a_key_that_brings_in_others() -> None:
    """`import` comes with a key and goes with it: else an update would let its holder decrypt transfer blobs."""
    kek = made(operations=("import",))
    refuses("key_ops", updated_key_version, kek, GivenKeyProperties(operations=("decrypt",)), NOW)
    refuses("key_ops", updated_key_version, made(), GivenKeyProperties(operations=("import",)), NOW)
    assert updated_key_version(kek, GivenKeyProperties(operations=("import",)), NOW).operations == (OP.IMPORT,)


# ---- versions -------------------------------------------------------------------------------------------------------


def test_an_update_keeps_what_it_leaves_out() -> None:
    """Attributes, tags and operations that an update does not name stay as they were."""
    body = made(tags={"a": "b"}, enabled=False, nbf=5, exp=9, operations=("sign",))
    updated = updated_key_version(body, GivenKeyProperties(exp=10), NOW + 1)
    assert updated == replace(body, attributes=replace(body.attributes, exp=10, updated=NOW + 1))


def test_tags_and_operations_of_an_update_replace_all() -> None:
    """They are not merged."""
    body = made(tags={"a": "b"}, operations=("sign", "verify"))
    updated = updated_key_version(body, GivenKeyProperties(tags={}, operations=("encrypt",)), NOW)
    assert updated.tags == {}
    assert updated.operations == (OP.ENCRYPT,)


def test_an_update_is_judged_with_what_stays() -> None:
    """An end before a beginning that stays is refused."""
    with pytest.raises(Invalid, match=r"^Property  has invalid value"):
        updated_key_version(made(nbf=100), GivenKeyProperties(exp=99), NOW)


def test_a_managed_key_is_its_certificates() -> None:
    """What a certificate owns is changed by nobody else, in the reference's words."""
    managed = replace(made(), managed=True)
    with pytest.raises(Forbidden) as refusal:
        updated_key_version(managed, GivenKeyProperties(tags={}), NOW)
    assert refusal.value.inner == "KeyManagedByKeyVault"
    with pytest.raises(Forbidden) as refusal:
        require_not_managed(managed, "delete")
    assert refusal.value.message == (
        'Operation "delete" is not allowed as this object\'s lifetime is managed by Key Vault.'
    )


# ---- use ------------------------------------------------------------------------------------------------------------

USES = tuple(DEFAULT_OPERATIONS[KeyKind.RSA])


def permits(body: KeyVersionBody, now: int = NOW) -> set[str]:
    """Give the operations that a key may be used for."""
    found = set()
    for operation in USES:
        try:
            require_key_usable(body, operation, now)
        except Forbidden:
            continue
        found.add(operation.value)
    return found


def test_a_key_is_used_within_its_operations_dates_and_switch() -> None:
    """The table of section 4.2: disabled nothing, outside the dates only what undoes, else what `key_ops` says."""
    undo = {"decrypt", "unwrapKey", "verify"}
    assert permits(made()) == set(USES)
    assert permits(made(enabled=False)) == set()
    assert permits(made(nbf=NOW + 1)) == undo
    assert permits(made(nbf=NOW, exp=NOW + 1)) == set(USES)
    assert permits(made(exp=NOW)) == undo
    assert permits(made(operations=("sign", "decrypt"))) == {"sign", "decrypt"}
    assert permits(made(operations=("import",))) == set()


def test_a_use_that_is_not_an_operation_is_refused_in_the_references_words() -> None:
    """`KeyOperationForbidden` names the operation; a disabled key says so first."""
    with pytest.raises(Forbidden) as refusal:
        require_key_usable(made(operations=("sign",)), OP.DECRYPT, NOW)
    assert refusal.value.message == "Operation decrypt is not permitted on this key."
    assert refusal.value.inner == "KeyOperationForbidden"
    with pytest.raises(Forbidden) as refusal:
        require_key_usable(made(operations=("sign",), enabled=False), OP.DECRYPT, NOW)
    assert refusal.value.inner == "KeyDisabled"
