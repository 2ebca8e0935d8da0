import hashlib
import math
import re
from collections.abc import Callable

import pytest

from strongroom.crypto.secret_texts import (
    HINT_CHARS,
    WrongSecret,
    make_verifier,
    match_secret,
    new_client_secret,
    new_header_secret,
    new_password,
)
from strongroom.crypto.software import SoftwareRootKey

PROTECTION = SoftwareRootKey(bytes(range(32)))
SECRET = "abc8Q~an-invented-client-secret.of_no_value~"
ONE, OTHER = "11111111-0000-0000-0000-000000000001", "22222222-0000-0000-0000-000000000002"


def seeded(seed: int) -> Callable[[int], bytes]:
    """Make chance that is the same in every run: SHAKE-256 of a seed and a counter."""
    counter = iter(range(1_000_000))
    return lambda size: hashlib.shake_256(f"{seed}/{next(counter)}".encode()).digest(size)


class TestMaking:
    """How secrets look and how much chance is in them."""

    def test_a_client_secret_looks_like_entras(self) -> None:
        """Three characters that are the hint, a digit, `Q~`, and unreserved characters."""
        for seed in range(200):
            secret = new_client_secret(seeded(seed))
            assert re.fullmatch(r"[A-Za-z0-9]{3}[0-9]Q~[A-Za-z0-9._~-]{43}", secret), secret

    def test_a_client_secret_has_256_bits_beside_its_hint(self) -> None:
        """SEC: client secrets have at least 256 bits; the published hint is not counted."""
        secrets = [new_client_secret(seeded(seed)) for seed in range(500)]
        bits = 0.0
        for position in range(HINT_CHARS, len(secrets[0])):
            bits += math.log2(len({secret[position] for secret in secrets}))
        assert bits >= 256

    def test_a_header_secret_has_256_bits(self) -> None:
        """SEC: header secrets have 256 bits, in lower case: the JavaScript library writes URLs so."""
        secrets = [new_header_secret(seeded(seed)) for seed in range(2000)]
        bits = sum(math.log2(len({secret[position] for secret in secrets})) for position in range(len(secrets[0])))
        assert bits >= 256
        assert secrets == [secret.lower() for secret in secrets]

    def test_every_password_satisfies_entra(self) -> None:
        """Lower and upper case and a digit are in each, and nothing that is mistaken for another character."""
        for seed in range(500):
            password = new_password(seeded(seed))
            assert re.fullmatch(r"[A-Za-z0-9]{5}(-[A-Za-z0-9]{5}){4}", password), password
            assert re.search("[a-z]", password)
            assert re.search("[A-Z]", password)
            assert re.search("[0-9]", password)
            assert not set(password) & set("0O1lI")

    def test_all_characters_are_equally_likely(self) -> None:
        """Bytes above the last whole multiple of the alphabet are thrown away, so none is favoured."""
        # 252 to 255 would wrap around to the first four of 36 characters; 35 is the last of them.
        answers = iter([bytes(range(36 * 7, 256)).ljust(50, b"\x23"), b"\x23" * 4])
        assert set(new_header_secret(lambda _: next(answers))) == {"9"}

    @pytest.mark.parametrize("make", [new_client_secret, new_header_secret, new_password])
    def test_chance_alone_decides(self, make: Callable[[Callable[[int], bytes]], str]) -> None:
        """The same chance gives the same secret, other chance another."""
        assert make(seeded(1)) == make(seeded(1))
        assert make(seeded(1)) != make(seeded(2))


class TestMatching:
    """How a secret is recognised."""

    def test_the_right_secret_names_its_credential(self) -> None:
        """A token maps to the credential that made it, so the match says which one it was."""
        credentials = [
            (ONE, make_verifier(PROTECTION, ONE, "first")),
            (OTHER, make_verifier(PROTECTION, OTHER, SECRET)),
        ]
        assert match_secret(PROTECTION, SECRET, credentials) == OTHER
        assert match_secret(PROTECTION, "first", credentials) == ONE

    @pytest.mark.parametrize(
        "wrong", ["", SECRET[:-1], SECRET + "x", SECRET.upper(), SECRET[:3], "\ud800", "x" * 100_000]
    )
    def test_a_wrong_secret_is_refused(self, wrong: str) -> None:
        """Empty, cut, lengthened, another case, the hint alone, no text at all, enormous: refused alike."""
        with pytest.raises(WrongSecret):
            match_secret(PROTECTION, wrong, [(ONE, make_verifier(PROTECTION, ONE, SECRET))])

    def test_no_credential_matches_nothing(self) -> None:
        """An application without secrets refuses every secret, the empty one included."""
        for presented in ("", SECRET):
            with pytest.raises(WrongSecret):
                match_secret(PROTECTION, presented, [])

    def test_a_verifier_is_of_no_use_under_another_credential(self) -> None:
        """SEC: a verifier copied into another credential's row lets nobody in."""
        with pytest.raises(WrongSecret):
            match_secret(PROTECTION, SECRET, [(OTHER, make_verifier(PROTECTION, ONE, SECRET))])

    def test_an_empty_verifier_matches_nothing(self) -> None:
        """A row that lost its verifier does not accept everything."""
        with pytest.raises(WrongSecret):
            match_secret(PROTECTION, "", [(ONE, b"")])

    def test_a_verifier_is_keyed(self) -> None:
        """SEC: kept as keyed hashes; the hash cannot be checked without the root key."""
        verifier = make_verifier(PROTECTION, ONE, SECRET)
        assert len(verifier) == 32
        assert verifier != make_verifier(SoftwareRootKey(bytes(32)), ONE, SECRET)
        assert SECRET.encode() not in verifier

    @pytest.mark.parametrize("count", [0, 1, 5])
    def test_every_verifier_is_compared_whatever_the_outcome(self, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
        """SEC (pitfalls, "Timing"): a match does not end the comparison early, and no credential still costs one."""
        credentials = [(str(number), make_verifier(PROTECTION, str(number), SECRET)) for number in range(count)]
        calls = 0
        real = SoftwareRootKey.tag

        def counted(self: SoftwareRootKey, purpose: str, message: bytes) -> bytes:
            nonlocal calls
            calls += 1
            return real(self, purpose, message)

        monkeypatch.setattr(SoftwareRootKey, "tag", counted)
        for presented in (SECRET, "wrong"):
            calls = 0
            try:
                match_secret(PROTECTION, presented, credentials)
            except WrongSecret:
                assert presented == "wrong" or count == 0
            assert calls == max(count, 1)
