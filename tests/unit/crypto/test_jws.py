import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key
from joserfc.jwk import RSAKey

from strongroom.core import limits
from strongroom.crypto.jws import (
    TokenFault,
    TokenRefused,
    TokenSigner,
    VerificationKey,
    verification_key,
    verify_signature,
)
from strongroom.crypto.signing_keys import NewSigningKey, new_signing_key

NOW = 1_800_000_000
CLAIMS = {"aud": "https://vault.azure.net", "exp": NOW + 3600, "roles": ["a", "b"], "name": "J\u00fcrgen"}

# RFC 7520 section 4.1, "RSA v1.5 Signature".
RFC_7520_KID = "bilbo.baggins@hobbiton.example"
RFC_7520_N = (
    "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_Ns"
    "YOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCu"
    "EHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw"
)
RFC_7520_TOKEN = (
    "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9"
    ".SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlm"
    "IHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4"
    ".MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA7818"
    "5hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_"
    "de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg"
)


def encode(content: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decode(segment: str) -> bytes:
    """Decode base64url without padding."""
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


class Published:
    """One signing key, and tokens made with it by hand, so that any header and payload can be signed."""

    def __init__(self, made: NewSigningKey) -> None:
        self.made = made
        self.kid = made.kid
        private_key = load_der_private_key(made.private_key, password=None)
        assert isinstance(private_key, RSAPrivateKey)
        self.private_key = private_key
        self.keys: Mapping[str, VerificationKey] = {made.kid: verification_key(made.certificate)}
        self.header = {"typ": "JWT", "alg": "RS256", "x5t": made.kid, "kid": made.kid}

    def sign_segments(self, header: str, payload: str) -> str:
        """Sign two segments as they are."""
        signature = self.private_key.sign(f"{header}.{payload}".encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{header}.{payload}.{encode(signature)}"

    def sign(self, header: object, payload: object = CLAIMS) -> str:
        """Sign a header and a payload, given as JSON values or as the bytes themselves."""
        parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
        return self.sign_segments(encode(parts[0]), encode(parts[1]))


@pytest.fixture(scope="module")
def published() -> Published:
    """Make one published key for the facts of this module."""
    return Published(new_signing_key("11111111-2222-3333-4444-555555555555", NOW))


def refusal(token: str, keys: Mapping[str, VerificationKey]) -> TokenRefused:
    """Have a token refused, and return how."""
    with pytest.raises(TokenRefused) as refused:
        verify_signature(token, keys)
    return refused.value


class TestSigning:
    """Tokens we make."""

    def test_the_header_is_exactly_entras(self, published: Published) -> None:
        """Of v1 tokens typ, alg, x5t, kid, in this order and nothing else; x5t is not in others (clients.md 7)."""
        token = TokenSigner(published.made.private_key, published.kid).sign(CLAIMS)
        kid = published.kid
        assert decode(token.split(".")[0]).decode() == f'{{"typ":"JWT","alg":"RS256","x5t":"{kid}","kid":"{kid}"}}'
        token = TokenSigner(published.made.private_key, published.kid).sign(CLAIMS, x5t=False)
        assert decode(token.split(".")[0]).decode() == f'{{"typ":"JWT","alg":"RS256","kid":"{kid}"}}'
        assert verify_signature(token, published.keys) == CLAIMS

    def test_the_claims_come_back(self, published: Published) -> None:
        """What was signed is what verification returns, types and non-ASCII text included."""
        token = TokenSigner(published.made.private_key, published.kid).sign(CLAIMS)
        assert verify_signature(token, published.keys) == CLAIMS

    def test_a_second_implementation_accepts_the_token(self, published: Published) -> None:
        """PyJWT, which clients use, verifies what we sign."""
        token = TokenSigner(published.made.private_key, published.kid).sign(CLAIMS)
        public_key = published.private_key.public_key()
        options = {"verify_exp": False, "verify_aud": False}
        assert jwt.decode(token, public_key, algorithms=["RS256"], options=options) == CLAIMS

    def test_the_signature_is_the_only_one_rs256_allows(self, published: Published) -> None:
        """RSASSA-PKCS1-v1_5 is deterministic: the signature is the one the primitive gives."""
        token = TokenSigner(published.made.private_key, published.kid).sign(CLAIMS)
        header, payload, _ = token.split(".")
        assert token == published.sign_segments(header, payload)

    def test_signing_twice_gives_the_same_header(self, published: Published) -> None:
        """Nothing of one token stays behind in the next."""
        signer = TokenSigner(published.made.private_key, published.kid)
        assert signer.sign({"a": 1}).split(".")[0] == signer.sign({"b": 2}).split(".")[0]

    def test_a_key_that_is_not_rsa_is_refused(self) -> None:
        """A signer is for RSA keys; another kind is a mistake of ours and is named as one."""
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415  used by this one test
        from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat  # noqa: PLC0415  as above

        key = ec.generate_private_key(ec.SECP256R1())
        with pytest.raises(TypeError, match="RSA"):
            TokenSigner(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), "kid")

    def test_the_signer_shows_no_key(self, published: Published) -> None:
        """Printing a signer prints the key's name alone."""
        assert repr(TokenSigner(published.made.private_key, "the-kid")) == "<TokenSigner the-kid>"


class TestVerifying:
    """Tokens that verify."""

    def test_a_token_of_a_second_implementation_verifies(self, published: Published) -> None:
        """PyJWT's token of the same form verifies here."""
        token = jwt.encode(CLAIMS, published.private_key, "RS256", headers={"kid": published.kid})
        assert verify_signature(token, published.keys) == CLAIMS

    def test_the_rfcs_own_signature_is_right(self) -> None:
        """RFC 7520 section 4.1: the signature passes, and only then is the payload found to be no JSON."""
        numbers = RSAPublicNumbers(65537, int.from_bytes(decode(RFC_7520_N)))
        keys = {RFC_7520_KID: RSAKey.import_key(numbers.public_key())}
        found = refusal(RFC_7520_TOKEN, keys)
        assert (found.fault, found.reason) == (TokenFault.MALFORMED, "payload_json")
        altered = RFC_7520_TOKEN.replace(".SXT", ".SXU")
        assert refusal(altered, keys).fault is TokenFault.BAD_SIGNATURE

    def test_the_key_is_chosen_among_several(self, published: Published) -> None:
        """During a roll-over each token verifies with the key it names, and with no other."""
        other = Published(new_signing_key("t", NOW))
        keys = {**published.keys, **other.keys}
        assert verify_signature(published.sign(published.header), keys) == CLAIMS
        assert verify_signature(other.sign(other.header), keys) == CLAIMS
        swapped = {published.kid: other.keys[other.kid], other.kid: published.keys[published.kid]}
        assert refusal(published.sign(published.header), swapped).fault is TokenFault.BAD_SIGNATURE

    def test_the_longest_token_verifies_and_one_more_character_does_not(self, published: Published) -> None:
        """At the limit a token is read; one past it, it is refused unread."""

        def sized(kid: str, claims_bytes: int) -> tuple[str, Mapping[str, VerificationKey]]:
            claims = json.dumps({"pad": "x" * (claims_bytes - len('{"pad": ""}'))}).encode()
            return published.sign({"alg": "RS256", "kid": kid}, claims), {kid: published.keys[published.kid]}

        # Three lengths of kid shift the header's segment, so that every length of token can be met.
        sizes = [(f"k{'k' * extra}", 12_000 + size) for extra in range(3) for size in range(400)]
        by_length = {}
        for kid, size in sizes:
            length = len(encode(bytes(len(json.dumps({"alg": "RS256", "kid": kid}))))) + len(encode(bytes(size)))
            by_length[length + 2 + len(encode(bytes(256)))] = (kid, size)
        token, keys = sized(*by_length[limits.TOKEN_CHARS])
        assert len(token) == limits.TOKEN_CHARS
        assert "pad" in verify_signature(token, keys)
        token, keys = sized(*by_length[limits.TOKEN_CHARS + 1])
        assert len(token) == limits.TOKEN_CHARS + 1
        assert refusal(token, keys).reason == "too_long"


def without(header: dict[str, str], name: str) -> dict[str, str]:
    """Leave one parameter out of a header."""
    return {key: value for key, value in header.items() if key != name}


def unsigned(p: Published) -> str:
    """Make a token with algorithm `none`."""
    return f"{encode(json.dumps(p.header | {'alg': 'none'}).encode())}.{encode(json.dumps(CLAIMS).encode())}."


def confused(p: Published) -> str:
    """Make a token whose HMAC key is the published public key."""
    pem = p.private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{encode(json.dumps(p.header | {'alg': 'HS256'}).encode())}.{encode(json.dumps(CLAIMS).encode())}"
    return f"{signed}.{encode(hmac.digest(pem, signed.encode(), hashlib.sha256))}"


def resigned(p: Published, hash_algorithm: hashes.HashAlgorithm, alg: str) -> str:
    """Make a token with the right key and another algorithm of the same family."""
    signed = f"{encode(json.dumps(p.header | {'alg': alg}).encode())}.{encode(json.dumps(CLAIMS).encode())}"
    return f"{signed}.{encode(p.private_key.sign(signed.encode(), padding.PKCS1v15(), hash_algorithm))}"


def jwk_of(p: Published) -> dict[str, str]:
    """Describe the published key, as a token that brings its key along would."""
    numbers = p.private_key.public_key().public_numbers()
    return {"kty": "RSA", "e": "AQAB", "n": encode(numbers.n.to_bytes(256, "big"))}


def edited(p: Published, segment: int, change: Callable[[str], str]) -> str:
    """Change one segment of a good token."""
    segments = p.sign(p.header).split(".")
    segments[segment] = change(segments[segment])
    return ".".join(segments)


def stray_bits(segment: str) -> str:
    """Spell the same bytes another way, by the unused bits of the last character."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(segment) % 4 in {2, 3}
    twin = segment[:-1] + alphabet[alphabet.index(segment[-1]) + 1]
    assert decode(twin) == decode(segment)
    return twin


M, U, B = TokenFault.MALFORMED, TokenFault.UNKNOWN_KEY, TokenFault.BAD_SIGNATURE
REFUSALS: dict[str, tuple[Callable[[Published], str], TokenFault, str]] = {
    # The algorithm. Everything here but `none` carries a signature that is right for what it says.
    "algorithm none": (unsigned, M, "algorithm"),
    "algorithm None": (lambda p: p.sign(p.header | {"alg": "None"}), M, "algorithm"),
    "HS256 with the public key": (confused, M, "algorithm"),
    "RS512": (lambda p: resigned(p, hashes.SHA512(), "RS512"), M, "algorithm"),
    "RS256 said, SHA-512 signed": (lambda p: resigned(p, hashes.SHA512(), "RS256"), B, "signature"),
    "rs256": (lambda p: p.sign(p.header | {"alg": "rs256"}), M, "algorithm"),
    "no algorithm": (lambda p: p.sign(without(p.header, "alg")), M, "algorithm"),
    "algorithm no string": (lambda p: p.sign(p.header | {"alg": ["RS256"]}), M, "algorithm"),
    # The key.
    "no kid": (lambda p: p.sign(without(without(p.header, "kid"), "x5t")), U, "kid_missing"),
    "x5t alone": (lambda p: p.sign(without(p.header, "kid")), U, "kid_missing"),
    "unknown kid": (lambda p: p.sign(p.header | {"kid": "x", "x5t": "x"}), U, "kid_not_published"),
    "kid in another case": (
        lambda p: p.sign(p.header | {"kid": p.kid.swapcase(), "x5t": p.kid.swapcase()}),
        U,
        "kid_not_published",
    ),
    "empty kid": (lambda p: p.sign({"alg": "RS256", "kid": ""}), U, "kid_not_published"),
    "kid no string": (lambda p: p.sign(p.header | {"kid": 7, "x5t": 7}), M, "kid"),
    "kid a list": (lambda p: p.sign(p.header | {"kid": [p.kid]}), M, "kid"),
    "kid null": (lambda p: p.sign(p.header | {"kid": None}), M, "kid"),
    "kid and x5t disagree": (lambda p: p.sign(p.header | {"x5t": "another"}), M, "x5t"),
    # Headers that bring a key, or change what is signed, and any other that ours do not have.
    "embedded jwk": (lambda p: p.sign(p.header | {"jwk": jwk_of(p)}), M, "header_jwk"),
    "jku": (lambda p: p.sign(p.header | {"jku": "https://evil.example/keys"}), M, "header_jku"),
    "x5u": (lambda p: p.sign(p.header | {"x5u": "https://evil.example/cert"}), M, "header_x5u"),
    "x5c": (lambda p: p.sign(p.header | {"x5c": [encode(p.made.certificate)]}), M, "header_x5c"),
    "crit": (lambda p: p.sign(p.header | {"crit": ["exp"], "exp": 1}), M, "header_crit"),
    "empty crit": (lambda p: p.sign(p.header | {"crit": []}), M, "header_crit"),
    "b64 false": (lambda p: p.sign(p.header | {"b64": False}), M, "header_b64"),
    "zip": (lambda p: p.sign(p.header | {"zip": "DEF"}), M, "header_zip"),
    "unheard-of parameter": (lambda p: p.sign(p.header | {"canary": "x"}), M, "header_parameter"),
    "another type": (lambda p: p.sign(p.header | {"typ": "at+jwt"}), M, "type"),
    # Segments.
    "empty": (lambda _: "", M, "segments"),
    "one segment": (lambda _: "abcd", M, "segments"),
    "two segments": (lambda p: p.sign(p.header).rpartition(".")[0], M, "segments"),
    "four segments": (lambda p: p.sign(p.header) + ".AAAA", M, "segments"),
    "five segments, as an encrypted token": (lambda p: p.sign(p.header) + ".AAAA.AAAA", M, "segments"),
    "only dots": (lambda _: "..", M, "base64url"),
    "no header": (lambda p: edited(p, 0, lambda _: ""), M, "base64url"),
    "no payload": (lambda p: edited(p, 1, lambda _: ""), M, "base64url"),
    "no signature": (lambda p: edited(p, 2, lambda _: ""), M, "base64url"),
    "padded header": (
        lambda p: p.sign_segments(encode(json.dumps(p.header).encode()) + "==", encode(b"{}")),
        M,
        "base64url",
    ),
    "padded payload": (lambda p: edited(p, 1, lambda s: s + "=" * (-len(s) % 4 or 1)), M, "base64url"),
    "padded signature": (lambda p: edited(p, 2, lambda s: s + "=="), M, "base64url"),
    "payload with a line break": (lambda p: edited(p, 1, lambda s: s[:4] + "\n" + s[4:]), M, "base64url"),
    "trailing line break": (lambda p: p.sign(p.header) + "\n", M, "base64url"),
    "leading blank": (lambda p: " " + p.sign(p.header), M, "base64url"),
    "the other alphabet": (lambda p: edited(p, 2, lambda s: "+/" + s[2:]), M, "base64url"),
    "signature of impossible length": (lambda p: edited(p, 2, lambda s: s[:-1]), M, "base64url"),
    "signature with stray bits": (lambda p: edited(p, 2, stray_bits), M, "base64url"),
    "signed payload with stray bits": (
        lambda p: p.sign_segments(encode(json.dumps(p.header).encode()), stray_bits(encode(b'{"a": 1}'))),
        M,
        "base64url",
    ),
    "not ASCII": (lambda p: edited(p, 1, lambda s: s + "\u00e9"), M, "not_ascii"),
    "letters that only look alike": (lambda p: edited(p, 1, lambda s: "\uff45" + s[1:]), M, "not_ascii"),
    # Header that is no object.
    "header no JSON": (lambda p: p.sign(b"{"), M, "header_json"),
    "header a list": (lambda p: p.sign([p.header]), M, "header_not_object"),
    "header not UTF-8": (lambda p: p.sign(b'{"alg": "RS256", "kid": "\xff"}'), M, "header_json"),
    "header in UTF-16": (lambda p: p.sign(json.dumps(p.header).encode("utf-16")), M, "header_json"),
    "header with a byte order mark": (
        lambda p: p.sign(b"\xef\xbb\xbf" + json.dumps(p.header).encode()),
        M,
        "header_json",
    ),
    "header nested beyond reason": (lambda p: p.sign(b'{"alg":' + b"[" * 9000), M, "header_json"),
    "kid twice": (
        lambda p: p.sign(f'{{"alg": "RS256", "kid": "x", "kid": "{p.kid}"}}'.encode()),
        M,
        "header_json",
    ),
    "alg twice": (
        lambda p: p.sign(f'{{"alg": "none", "alg": "RS256", "kid": "{p.kid}"}}'.encode()),
        M,
        "header_json",
    ),
    # Payload, under a signature that is right: only a fault of ours could sign these.
    "payload a list": (lambda p: p.sign(p.header, [CLAIMS]), M, "payload_not_object"),
    "payload a string": (lambda p: p.sign(p.header, "claims"), M, "payload_not_object"),
    "payload null": (lambda p: p.sign(p.header, None), M, "payload_not_object"),
    "payload no JSON": (lambda p: p.sign(p.header, b"claims"), M, "payload_json"),
    "payload not UTF-8": (lambda p: p.sign(p.header, b'{"a": "\xff"}'), M, "payload_json"),
    "claim twice": (lambda p: p.sign(p.header, b'{"exp": 1, "exp": 9999999999}'), M, "payload_json"),
    "inner member twice": (lambda p: p.sign(p.header, b'{"a": {"b": 1, "b": 2}}'), M, "payload_json"),
    "claim twice, escaped differently": (lambda p: p.sign(p.header, b'{"exp": 1, "\\u0065xp": 2}'), M, "payload_json"),
    "NaN": (lambda p: p.sign(p.header, b'{"exp": NaN}'), M, "payload_json"),
    "Infinity": (lambda p: p.sign(p.header, b'{"exp": Infinity}'), M, "payload_json"),
    "a number beyond all bounds": (lambda p: p.sign(p.header, b'{"exp": 1e999}'), M, "payload_json"),
    "an integer of 5000 digits": (lambda p: p.sign(p.header, b'{"exp": ' + b"9" * 5000 + b"}"), M, "payload_json"),
    "payload nested beyond reason": (lambda p: p.sign(p.header, b'{"a":' + b"[" * 9000), M, "payload_json"),
    "something after the payload": (lambda p: p.sign(p.header, b"{} {}"), M, "payload_json"),
    # The signature.
    "another payload": (lambda p: edited(p, 1, lambda _: encode(b'{"oid": "admin"}')), B, "signature"),
    "another header": (
        lambda p: edited(p, 0, lambda _: encode(json.dumps({"kid": p.kid, "alg": "RS256"}).encode())),
        B,
        "signature",
    ),
    "signature of zeros": (lambda p: edited(p, 2, lambda _: encode(bytes(256))), B, "signature"),
    "signature of one byte": (lambda p: edited(p, 2, lambda _: encode(b"\0")), B, "signature"),
    "signature too long": (lambda p: edited(p, 2, lambda s: encode(decode(s) + b"\0")), B, "signature"),
    "signature with a leading zero": (lambda p: edited(p, 2, lambda s: encode(b"\0" + decode(s))), B, "signature"),
    "flipped bit": (
        lambda p: edited(p, 2, lambda s: encode(decode(s)[:-1] + bytes([decode(s)[-1] ^ 1]))),
        B,
        "signature",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_every_other_token_is_refused_for_its_own_fault(published: Published, name: str) -> None:
    """SEC (pitfalls, "alg: none; HS256 with a public key"): each forgery or malformation, and its fault."""
    make, fault, reason = REFUSALS[name]
    found = refusal(make(published), published.keys)
    assert (found.fault, found.reason) == (fault, reason)


def test_every_key_is_unknown_when_none_is_published(published: Published) -> None:
    """SEC (pitfalls, "fails open until configuration is first loaded"): no keys, no token."""
    assert refusal(published.sign(published.header), {}).fault is TokenFault.UNKNOWN_KEY


def test_a_refusal_repeats_nothing_of_the_token(published: Published) -> None:
    """SEC: no claim of an unverified token is ever echoed, nor a header parameter."""
    token = published.sign(published.header | {"canary-parameter": "canary-value"}, {"canary-claim": "x"})
    found = refusal(token, published.keys)
    assert "canary" not in f"{found} {found!r} {found.reason}"
    assert found.__cause__ is None


def test_the_payload_is_not_read_before_the_signature_is_right(published: Published) -> None:
    """A payload that is no JSON, with a signature that is wrong, is a bad signature."""
    token = edited(published, 1, lambda _: encode(b"[" * 9000))
    assert refusal(token, published.keys).fault is TokenFault.BAD_SIGNATURE


def test_a_parsed_certificate_is_kept(published: Published) -> None:
    """The second token of a key does not parse its certificate again."""
    assert verification_key(published.made.certificate) is verification_key(bytes(published.made.certificate))


def test_a_verification_key_is_public(published: Published) -> None:
    """What tokens are verified with can sign none."""
    assert published.keys[published.kid].is_private is False
