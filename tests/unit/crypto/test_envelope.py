import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from strongroom.core import limits
from strongroom.crypto.context import context
from strongroom.crypto.envelope import OVERHEAD_BYTES, VaultEnvelope, _data_cipher
from strongroom.crypto.protocol import Unsealable
from strongroom.crypto.software import SoftwareRootKey

VAULT_KEY = bytes(range(32))
PLACE = {
    "purpose": "secret value",
    "tenant": "11111111-0000-0000-0000-000000000001",
    "vault": "22222222-0000-0000-0000-000000000002",
    "object_id": "33333333-0000-0000-0000-000000000003",
    "version": "0123456789abcdef0123456789abcdef",
    "value_format": "1",
}

# What format 1 wrote when it was introduced, under the golden vault key of test_software.
GOLDEN_VAULT_KEY = (
    "01b44ffbb9697ce54003b5bd56c1050c3c8aa6ff95f976eb6499ea28d7b0856df3afe7772fd4553cd1e45690e8666c15c6a21fadf657d468fc"
    "e46496ea08bd211bd9305a08125373cc2f071aa9"
)
GOLDEN_VALUE = (
    "0107dbb816fa3292a4d2787fdf326ac6c296717e48a7809c14d74cfa94d9a5ad4bf7b7e482af31a31f346f534b977032c25c9b9d4071f1a88c"
    "804bb518a3057001560200ba3418705d11d41af94fd3be7764006b837102c3907e3a8667544489"
)


@pytest.fixture
def envelope() -> VaultEnvelope:
    """Make an envelope under a known vault key."""
    return VaultEnvelope(VAULT_KEY)


def layout(place: bytes, value: bytes, *, data_key: bytes = b"d" * 32) -> bytes:
    """Seal a value by hand, as the module's docstring says it is laid out."""
    key_nonce, value_nonce = b"k" * 12, b"v" * 12
    wrapped = AESGCM(VAULT_KEY).encrypt(key_nonce, data_key, b"\x01data key\0" + place)
    return (
        b"\x01"
        + key_nonce
        + wrapped
        + value_nonce
        + AESGCM(data_key).encrypt(value_nonce, value, b"\x01value\0" + place)
    )


def test_the_first_value_still_opens() -> None:
    """A value sealed by the first release still opens."""
    protection = SoftwareRootKey(bytes(range(32)))
    envelope = protection.envelope("11111111-2222-3333-4444-555555555555", bytes.fromhex(GOLDEN_VAULT_KEY))
    assert envelope.open(context("secret value", "t", "v", "o", "1", "1"), bytes.fromhex(GOLDEN_VALUE)) == b"a value"


def test_a_value_laid_out_by_hand_opens(envelope: VaultEnvelope) -> None:
    """Format, nonces, wrapped data key and value stand where the module says, with the associated data it says."""
    assert envelope.open(b"place", layout(b"place", b"value")) == b"value"


@given(st.binary(max_size=300), st.binary(max_size=60))
def test_what_is_sealed_opens(value: bytes, place: bytes) -> None:
    """Opening gives back what was sealed, the empty value included, and the overhead is what it says."""
    envelope = VaultEnvelope(VAULT_KEY)
    sealed = envelope.seal(place, value)
    assert envelope.open(place, sealed) == value
    assert len(sealed) == len(value) + OVERHEAD_BYTES


def test_the_largest_secret_is_sealed(envelope: VaultEnvelope) -> None:
    """A value of the largest size opens again."""
    value = b"\xff" * limits.SECRET_VALUE_BYTES
    assert envelope.open(b"c", envelope.seal(b"c", value)) == value


@pytest.mark.parametrize("component", PLACE)
def test_a_value_opens_in_its_own_place_alone(envelope: VaultEnvelope, component: str) -> None:
    """SEC-BOOT-15: associated data binds purpose, tenant, vault GUID, object GUID, version and format."""
    sealed = envelope.seal(context(**PLACE), b"value")
    with pytest.raises(Unsealable):
        envelope.open(context(**(PLACE | {component: "another"})), sealed)


@pytest.mark.parametrize(("one", "other"), [("tenant", "vault"), ("vault", "object_id"), ("object_id", "version")])
def test_components_do_not_change_places(envelope: VaultEnvelope, one: str, other: str) -> None:
    """The same words in another order are another place."""
    sealed = envelope.seal(context(**PLACE), b"value")
    with pytest.raises(Unsealable):
        envelope.open(context(**(PLACE | {one: PLACE[other], other: PLACE[one]})), sealed)


def test_each_value_has_a_data_key_of_its_own(envelope: VaultEnvelope) -> None:
    """SEC-BOOT-14: every object version has its own data key; the same value twice shares no part with its double."""
    first, second = envelope.seal(b"c", b"same value"), envelope.seal(b"c", b"same value")
    keys = {AESGCM(VAULT_KEY).decrypt(s[1:13], s[13:61], b"\x01data key\0c") for s in (first, second)}
    assert len(keys) == 2
    assert first[1:] != second[1:]


def test_a_value_does_not_open_with_the_data_key_of_another(envelope: VaultEnvelope) -> None:
    """Halves of two sealed values, both of the same place, do not make a third."""
    first, second = envelope.seal(b"c", b"first"), envelope.seal(b"c", b"other")
    with pytest.raises(Unsealable):
        envelope.open(b"c", first[:61] + second[61:])


def test_a_data_key_is_not_taken_for_a_value(envelope: VaultEnvelope) -> None:
    """The two layers say what they are: what was sealed as a value is not accepted as a data key."""
    as_value = AESGCM(VAULT_KEY).encrypt(b"k" * 12, b"d" * 32, b"\x01value\0c")
    forged = b"\x01" + b"k" * 12 + as_value + b"v" * 12 + AESGCM(b"d" * 32).encrypt(b"v" * 12, b"x", b"\x01value\0c")
    with pytest.raises(Unsealable):
        envelope.open(b"c", forged)


def test_one_flipped_bit_anywhere_does_not_open(envelope: VaultEnvelope) -> None:
    """Every byte of a sealed value is authenticated, its format included."""
    sealed = envelope.seal(b"c", b"value")
    for at in range(len(sealed)):
        altered = bytearray(sealed)
        altered[at] ^= 0x80
        with pytest.raises(Unsealable):
            envelope.open(b"c", bytes(altered))


def test_a_cut_or_lengthened_value_does_not_open(envelope: VaultEnvelope) -> None:
    """Every shorter length and one longer are refused: no short tag, no missing nonce passes."""
    sealed = envelope.seal(b"c", b"value")
    for wrong in [*(sealed[:size] for size in range(len(sealed))), sealed + b"\0"]:
        with pytest.raises(Unsealable):
            envelope.open(b"c", wrong)


@pytest.mark.parametrize("tag", [bytes(16), b"\xff" * 16])
def test_a_made_up_tag_does_not_open(envelope: VaultEnvelope, tag: bytes) -> None:
    """All-zero and all-one tags, which broken implementations have accepted, are refused."""
    sealed = envelope.seal(b"c", b"value")
    with pytest.raises(Unsealable):
        envelope.open(b"c", sealed[:-16] + tag)


@pytest.mark.parametrize("value_format", [0, 2, 0x7F, 0xFF])
def test_an_unknown_format_does_not_open(envelope: VaultEnvelope, value_format: int) -> None:
    """A format we do not know is refused before anything is tried."""
    with pytest.raises(Unsealable):
        envelope.open(b"c", bytes([value_format]) + layout(b"c", b"value")[1:])


def test_another_vault_key_does_not_open(envelope: VaultEnvelope) -> None:
    """A value without its vault's key stays sealed."""
    with pytest.raises(Unsealable):
        VaultEnvelope(bytes(32)).open(b"c", envelope.seal(b"c", b"value"))


@pytest.mark.parametrize("size", [16, 24, 31, 33])
def test_a_vault_key_of_another_size_is_refused(size: int) -> None:
    """A 128-bit key would work and be weaker than promised."""
    with pytest.raises(ValueError, match="32 bytes"):
        VaultEnvelope(bytes(size))


def test_data_keys_used_most_recently_are_kept(envelope: VaultEnvelope) -> None:
    """`DATA_KEYS_KEPT` of them; with one more, the one used longest ago is unwrapped anew."""
    _data_cipher.cache_clear()
    sealed = [envelope.seal(b"place", b"value") for _ in range(limits.DATA_KEYS_KEPT + 1)]
    for one in (*sealed[:-1], sealed[0]):
        assert envelope.open(b"place", one) == b"value"
    assert _data_cipher.cache_info()[:2] == (1, limits.DATA_KEYS_KEPT)

    for one in (sealed[-1], sealed[0], sealed[1]):
        assert envelope.open(b"place", one) == b"value"
    assert _data_cipher.cache_info()[:2] == (2, limits.DATA_KEYS_KEPT + 2)
    assert _data_cipher.cache_info().currsize == limits.DATA_KEYS_KEPT


def test_a_kept_data_key_opens_nothing_elsewhere(envelope: VaultEnvelope) -> None:
    """SEC-BOOT-15: what was just opened in its place does not open in another, nor under another vault's key."""
    sealed = envelope.seal(b"place", b"value")
    assert envelope.open(b"place", sealed) == b"value"
    with pytest.raises(Unsealable):
        envelope.open(b"elsewhere", sealed)
    with pytest.raises(Unsealable):
        VaultEnvelope(b"o" * 32).open(b"place", sealed)
    with pytest.raises(Unsealable):
        envelope.open(b"place", sealed[:-1] + bytes([sealed[-1] ^ 1]))
