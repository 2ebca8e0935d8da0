import hashlib
import hmac
import os
import stat
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from strongroom.core import limits
from strongroom.crypto import private_files
from strongroom.crypto.protocol import RootKeyUnusable, Unsealable
from strongroom.crypto.software import SoftwareRootKey

ROOT = bytes(range(32))
VAULT = "11111111-2222-3333-4444-555555555555"

# What format 1 wrote when it was introduced. A release that cannot open these cannot open its users' data.
GOLDEN_TAG = "719f6f9a203e5c564762c06b733f62110cb330c627141295e22b8f36a3b0df4c"
GOLDEN_SEALED = (
    "01d8e55412bc66368cef610db0559e223e4152aff55c1111f8ad0e043add45bb455b22f917d8d09f7a53422d50ab0eb681f673e83bf6e6a6f5"
    "1753a9a5c038"
)
GOLDEN_VAULT_KEY = (
    "01b44ffbb9697ce54003b5bd56c1050c3c8aa6ff95f976eb6499ea28d7b0856df3afe7772fd4553cd1e45690e8666c15c6a21fadf657d468fc"
    "e46496ea08bd211bd9305a08125373cc2f071aa9"
)


@pytest.fixture
def protection() -> SoftwareRootKey:
    """Make a key protection with a known root key."""
    return SoftwareRootKey(ROOT)


def hkdf(key: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    """HKDF-SHA256 written from RFC 5869, to judge the one in use."""
    pseudorandom = hmac.digest(salt or bytes(32), key, "sha256")
    output, block, counter = b"", b"", 1
    while len(output) < size:
        block = hmac.digest(pseudorandom, block + info + bytes([counter]), "sha256")
        output, counter = output + block, counter + 1
    return output[:size]


class TestDerivation:
    """How keys come from the root key."""

    def test_the_judge_gives_rfc_5869_test_case_1(self) -> None:
        """The HKDF of this file gives the RFC's own answer, so what it says below is worth something."""
        okm = hkdf(b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA)), 42)
        assert okm.hex() == ("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")

    def test_the_judge_gives_rfc_5869_test_case_3(self) -> None:
        """Also without salt and info, which is how the root key is used."""
        okm = hkdf(b"\x0b" * 22, b"", b"", 42)
        assert okm.hex() == ("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")

    def test_a_tag_is_hmac_under_the_branch_of_its_purpose(self, protection: SoftwareRootKey) -> None:
        """A tag is HMAC-SHA-256 under HKDF(root, role and purpose), by an implementation of our own."""
        branch = hkdf(ROOT, b"", b"strongroom 1\0tag\0rows", 32)
        assert protection.tag("rows", b"message") == hmac.digest(branch, b"message", "sha256")

    def test_a_sealed_message_has_the_documented_layout(self, protection: SoftwareRootKey) -> None:
        """Format, salt, nonce and ciphertext stand where the module says, under the key it says."""
        salt, nonce = b"s" * 16, b"n" * 12
        key = hmac.digest(hkdf(ROOT, b"", b"strongroom 1\0seal\0skip", 32), salt, "sha256")
        sealed = b"\x01" + salt + nonce + AESGCM(key).encrypt(nonce, b"payload", b"\x01" + b"place")
        assert protection.open("skip", b"place", sealed) == b"payload"

    def test_a_tag_key_is_no_sealing_key(self, protection: SoftwareRootKey) -> None:
        """The same word as purpose of a tag and of a seal means two keys."""
        sealed = protection.seal("p", b"", b"x")
        key = protection.tag("p", sealed[1:17])
        nonce, ciphertext = sealed[17:29], sealed[29:]
        with pytest.raises(InvalidTag):
            AESGCM(key).decrypt(nonce, ciphertext, b"\x01")

    def test_tags_of_two_purposes_differ(self, protection: SoftwareRootKey) -> None:
        """A tag made for one purpose proves nothing for another."""
        assert protection.tag("a", b"m") != protection.tag("b", b"m")

    def test_a_purpose_is_no_prefix_of_another(self, protection: SoftwareRootKey) -> None:
        """Purpose and message do not run into each other."""
        assert protection.tag("ab", b"c") != protection.tag("a", b"bc")

    def test_another_root_key_makes_other_tags(self, protection: SoftwareRootKey) -> None:
        """Without the root key nobody makes the tag."""
        assert protection.tag("a", b"m") != SoftwareRootKey(bytes(32)).tag("a", b"m")


class TestFormats:
    """What was written once is read for ever."""

    def test_the_first_tag_is_still_made(self, protection: SoftwareRootKey) -> None:
        """A tag written by the first release still fits."""
        assert protection.tag("golden", b"message").hex() == GOLDEN_TAG

    def test_the_first_seal_still_opens(self, protection: SoftwareRootKey) -> None:
        """A message sealed by the first release still opens."""
        assert protection.open("golden", b"place", bytes.fromhex(GOLDEN_SEALED)) == b"sealed by format 1"

    def test_the_first_vault_key_still_opens(self, protection: SoftwareRootKey) -> None:
        """A vault key wrapped by the first release still opens."""
        envelope = protection.envelope(VAULT, bytes.fromhex(GOLDEN_VAULT_KEY))
        assert envelope.open(b"c", envelope.seal(b"c", b"v")) == b"v"


class TestSeal:
    """Sealing under the root key."""

    @given(st.binary(max_size=200), st.binary(max_size=50))
    def test_what_is_sealed_opens(self, plaintext: bytes, context: bytes) -> None:
        """Opening gives back what was sealed, the empty message included."""
        protection = SoftwareRootKey(ROOT)
        assert protection.open("p", context, protection.seal("p", context, plaintext)) == plaintext

    def test_the_same_message_is_sealed_differently_each_time(self, protection: SoftwareRootKey) -> None:
        """Salt and nonce are new each time: equal messages do not look equal."""
        assert len({protection.seal("p", b"", b"same") for _ in range(100)}) == 100

    def test_the_message_is_not_in_the_clear(self, protection: SoftwareRootKey) -> None:
        """A sealed message does not contain the message."""
        assert b"canary" not in protection.seal("p", b"", b"canary")

    def test_one_flipped_bit_anywhere_does_not_open(self, protection: SoftwareRootKey) -> None:
        """Format, salt, nonce, ciphertext and tag are all authenticated."""
        sealed = protection.seal("p", b"c", b"message")
        for at in range(len(sealed)):
            altered = bytearray(sealed)
            altered[at] ^= 1
            with pytest.raises(Unsealable):
                protection.open("p", b"c", bytes(altered))

    def test_a_cut_or_lengthened_message_does_not_open(self, protection: SoftwareRootKey) -> None:
        """Every shorter length and one longer are refused, the empty one included."""
        sealed = protection.seal("p", b"c", b"message")
        for wrong in [*(sealed[:size] for size in range(len(sealed))), sealed + b"\0"]:
            with pytest.raises(Unsealable):
                protection.open("p", b"c", wrong)

    @pytest.mark.parametrize(
        ("purpose", "context"), [("q", b"c"), ("p", b"d"), ("p", b""), ("", b"c"), ("p", b"c\0"), ("P", b"c")]
    )
    def test_another_purpose_or_context_does_not_open(
        self, protection: SoftwareRootKey, purpose: str, context: bytes
    ) -> None:
        """What was sealed for one purpose in one place opens for no other and nowhere else."""
        sealed = protection.seal("p", b"c", b"message")
        with pytest.raises(Unsealable):
            protection.open(purpose, context, sealed)

    def test_another_root_key_does_not_open(self, protection: SoftwareRootKey) -> None:
        """Sealed data without its root key stays sealed."""
        with pytest.raises(Unsealable):
            SoftwareRootKey(bytes(32)).open("p", b"c", protection.seal("p", b"c", b"message"))

    def test_the_refusal_says_nothing(self, protection: SoftwareRootKey) -> None:
        """No word, no cause: whoever tries learns only that it did not open."""
        with pytest.raises(Unsealable) as refusal:
            protection.open("p", b"c", protection.seal("p", b"d", b"message"))
        assert str(refusal.value) == ""
        assert refusal.value.__cause__ is None


class TestVaultKeys:
    """Each vault has a key of its own."""

    def test_a_vault_key_opens_for_its_vault_alone(self, protection: SoftwareRootKey) -> None:
        """SEC-BOOT-15: associated data binds the vault's GUID; a wrapped key in another vault's row is refused."""
        wrapped = protection.new_vault_key(VAULT)
        with pytest.raises(Unsealable):
            protection.envelope("99999999-2222-3333-4444-555555555555", wrapped)

    def test_values_of_one_vault_do_not_open_in_another(self, protection: SoftwareRootKey) -> None:
        """Two vaults have two keys: a value copied over does not open even with the same context."""
        one = protection.envelope("a", protection.new_vault_key("a"))
        other = protection.envelope("b", protection.new_vault_key("b"))
        with pytest.raises(Unsealable):
            other.open(b"c", one.seal(b"c", b"v"))

    def test_a_vault_key_is_no_message(self, protection: SoftwareRootKey) -> None:
        """A wrapped vault key does not open as what another purpose sealed, nor the reverse."""
        with pytest.raises(Unsealable):
            protection.open("skip token", b"", protection.new_vault_key(VAULT))
        with pytest.raises(Unsealable):
            protection.envelope(VAULT, protection.seal("skip token", b"", bytes(32)))

    def test_an_envelope_is_kept(self, protection: SoftwareRootKey) -> None:
        """The second use of a vault's key does not unwrap it again."""
        wrapped = protection.new_vault_key(VAULT)
        assert protection.envelope(VAULT, wrapped) is protection.envelope(VAULT, wrapped)

    def test_a_replaced_key_is_not_answered_from_the_kept_one(self, protection: SoftwareRootKey) -> None:
        """A vault whose wrapped key changed gets the new key, not the cached old one."""
        old = protection.envelope(VAULT, protection.new_vault_key(VAULT))
        new = protection.envelope(VAULT, protection.new_vault_key(VAULT))
        with pytest.raises(Unsealable):
            new.open(b"c", old.seal(b"c", b"v"))

    def test_the_number_of_kept_envelopes_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """At the limit all are kept; one past it, the one used longest ago is unwrapped anew."""
        monkeypatch.setattr(limits, "ENVELOPE_CACHE_ENTRIES", 3)
        protection = SoftwareRootKey(ROOT)
        wrapped = {vault: protection.new_vault_key(vault) for vault in "abcd"}
        kept = {vault: protection.envelope(vault, wrapped[vault]) for vault in "abc"}
        assert protection.envelope("a", wrapped["a"]) is kept["a"]
        protection.envelope("d", wrapped["d"])
        assert protection.envelope("a", wrapped["a"]) is kept["a"]
        assert protection.envelope("b", wrapped["b"]) is not kept["b"]


class TestFile:
    """The root key's file."""

    def test_a_created_key_is_loaded_again(self, tmp_path: Path) -> None:
        """What one process sealed, the next opens."""
        path = tmp_path / "root.key"
        sealed = SoftwareRootKey.create(path).seal("p", b"c", b"message")
        assert SoftwareRootKey.load(path).open("p", b"c", sealed) == b"message"

    def test_the_file_is_its_owners_alone(self, tmp_path: Path) -> None:
        """SEC: root key 0600, whatever the umask was."""
        before = os.umask(0)
        try:
            SoftwareRootKey.create(tmp_path / "open.key")
            os.umask(0o777)
            SoftwareRootKey.create(tmp_path / "closed.key")
        finally:
            os.umask(before)
        for name in ("open.key", "closed.key"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600

    def test_the_file_holds_32_bytes_of_chance(self, tmp_path: Path) -> None:
        """Two keys differ and have the size of an AES-256 key."""
        SoftwareRootKey.create(tmp_path / "a")
        SoftwareRootKey.create(tmp_path / "b")
        one, other = (tmp_path / "a").read_bytes(), (tmp_path / "b").read_bytes()
        assert len(one) == len(other) == 32
        assert one != other

    def test_an_existing_key_is_never_overwritten(self, tmp_path: Path) -> None:
        """Making a key where one is raises, and leaves it as it was."""
        path = tmp_path / "root.key"
        SoftwareRootKey.create(path)
        before = path.read_bytes()
        with pytest.raises(RootKeyUnusable, match="never overwritten"):
            SoftwareRootKey.create(path)
        assert path.read_bytes() == before

    def test_a_dangling_link_is_not_followed_on_creation(self, tmp_path: Path) -> None:
        """Nobody chooses by a link where the key is written."""
        (tmp_path / "root.key").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(RootKeyUnusable):
            SoftwareRootKey.create(tmp_path / "root.key")
        assert not (tmp_path / "elsewhere").exists()

    def test_an_interrupted_creation_leaves_no_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """If the disk does not confirm the key, there is no key, so nothing is ever sealed under half of one."""

        def fail(_: int) -> None:
            raise OSError(28, "no space left")

        monkeypatch.setattr(private_files.os, "fsync", fail)
        with pytest.raises(OSError, match="no space left"):
            SoftwareRootKey.create(tmp_path / "root.key")
        assert list(tmp_path.iterdir()) == []

    def test_file_and_directory_are_made_durable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Both the content and the name are synced before the key can be used."""
        synced: list[int] = []
        real = os.fsync

        def record(descriptor: int) -> None:
            synced.append(os.fstat(descriptor).st_ino)
            real(descriptor)

        monkeypatch.setattr(private_files.os, "fsync", record)
        SoftwareRootKey.create(tmp_path / "root.key")
        assert synced == [(tmp_path / "root.key").stat().st_ino, tmp_path.stat().st_ino]

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o777])
    def test_a_file_open_to_others_is_refused(self, tmp_path: Path, mode: int) -> None:
        """A root key that others may read, write or run is refused, and the message says what to do."""
        path = tmp_path / "root.key"
        SoftwareRootKey.create(path)
        path.chmod(mode)
        with pytest.raises(RootKeyUnusable, match=f"mode {mode:04o}.*chmod 600"):
            SoftwareRootKey.load(path)

    @pytest.mark.parametrize("size", [0, 1, 31, 33, 64, 10_000])
    def test_a_file_of_another_size_is_refused(self, tmp_path: Path, size: int) -> None:
        """Only 32 bytes are a root key; a cut or lengthened file is not used in part."""
        path = tmp_path / "root.key"
        path.touch(mode=0o600)
        path.write_bytes(bytes(size))
        with pytest.raises(RootKeyUnusable, match=f"{size} bytes where 32"):
            SoftwareRootKey.load(path)

    def test_a_link_is_refused(self, tmp_path: Path) -> None:
        """The key itself must be there: a link could be turned elsewhere by whoever owns its directory."""
        SoftwareRootKey.create(tmp_path / "real.key")
        (tmp_path / "root.key").symlink_to(tmp_path / "real.key")
        with pytest.raises(RootKeyUnusable, match="symbolic link"):
            SoftwareRootKey.load(tmp_path / "root.key")

    def test_a_foreign_file_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A key that another user put there may be known to that user."""
        path = tmp_path / "root.key"
        SoftwareRootKey.create(path)
        reader = os.geteuid() + 1
        monkeypatch.setattr(private_files.os, "geteuid", lambda: reader)
        with pytest.raises(RootKeyUnusable, match=f"belongs to user {os.getuid()}, not to user {reader}"):
            SoftwareRootKey.load(path)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        """The message names the path, so that the operator knows what to restore."""
        with pytest.raises(RootKeyUnusable, match=r"there is no root key at .*root\.key"):
            SoftwareRootKey.load(tmp_path / "root.key")

    def test_a_directory_is_refused(self, tmp_path: Path) -> None:
        """A directory of that name is no key."""
        (tmp_path / "root.key").mkdir(mode=0o700)
        with pytest.raises(RootKeyUnusable, match="not a plain file"):
            SoftwareRootKey.load(tmp_path / "root.key")

    def test_a_pipe_is_refused_without_waiting(self, tmp_path: Path) -> None:
        """A pipe nobody writes to does not hang the start."""
        os.mkfifo(tmp_path / "root.key", 0o600)
        with pytest.raises(RootKeyUnusable, match="not a plain file"):
            SoftwareRootKey.load(tmp_path / "root.key")


class TestReplacing:
    """Private files that are replaced."""

    def test_a_replaced_file_is_private_and_whole(self, tmp_path: Path) -> None:
        """Replacing leaves the new content under the old name with mode 0600, and no other file."""
        path = tmp_path / "server.key"
        path.write_bytes(b"old")
        path.chmod(0o644)
        private_files.replace_private_file(path, b"new")
        assert path.read_bytes() == b"new"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(tmp_path.iterdir()) == [path]

    def test_a_failed_replacement_keeps_the_old_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """When the new content cannot be put in place, the old is still there and nothing is left beside it."""
        path = tmp_path / "server.key"
        private_files.create_private_file(path, b"old")

        def fail(self: Path, target: Path) -> None:
            raise OSError(5, "input/output error")

        monkeypatch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="input/output"):
            private_files.replace_private_file(path, b"new")
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]


def test_the_description_says_that_it_is_for_development(protection: SoftwareRootKey) -> None:
    """SEC-BOOT-9: a root key file beside the data is development protection, and health says so."""
    assert protection.description == "file (development)"


def test_the_key_does_not_show(protection: SoftwareRootKey) -> None:
    """No way of printing a key protection shows the root key."""
    shown = f"{protection!r} {protection!s}"
    assert ROOT.hex() not in shown
    assert repr(ROOT) not in shown
    assert hashlib.sha256(ROOT).hexdigest() not in shown


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_root_key_of_another_size_is_refused(size: int) -> None:
    """A short root key would be a weak one; a long one is a mistake."""
    with pytest.raises(RootKeyUnusable, match="32 bytes"):
        SoftwareRootKey(bytes(size))
