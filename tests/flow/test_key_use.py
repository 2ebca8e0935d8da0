"""Using keys: encrypt, decrypt, sign, verify, wrap, unwrap, random bytes (reference sections 3.3, 4.2, 4.4 and 9)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from strongroom.core.limits import KEY_VALUE_BYTES, RANDOM_BYTES_MAX
from tests.flow.client import Client
from tests.flow.holding import ALL_OPERATIONS, hold, octets, read, result, use
from tests.plugins.canary import plant, remember
from tests.world import START, Answer, Simulation

pytestmark = pytest.mark.usefixtures("restored")

DIGEST = hashlib.sha256(b"what is signed").digest()
UNDECRYPTABLE = {
    "code": "BadParameter",
    "message": "The value cannot be decrypted with this key and these parameters.",
}
SIGNING = {
    "RS256": 32, "RS384": 48, "RS512": 64, "PS256": 32, "PS384": 48, "PS512": 64, "RSNULL": 36,
    "ES256": 32, "ES384": 48, "ES512": 64, "ES256K": 32, "HS256": 32, "HS384": 48, "HS512": 64,
}  # fmt: skip
CURVES = {
    "ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1(), "ES256K": ec.SECP256K1(),
}  # fmt: skip


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    """Make an RSA key for the module."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def private(rsa_key: rsa.RSAPrivateKey) -> Iterator[Callable[[str], Any]]:
    """Give what makes a private key for an algorithm."""

    def key_for(algorithm: str) -> Any:
        if algorithm in CURVES:
            return ec.generate_private_key(CURVES[algorithm])
        if algorithm.startswith(("RS", "PS")):
            return rsa_key
        return bytes(range(int(algorithm[1:4]) // 8 if algorithm[0] == "A" else 32))

    return key_for


def create(vault: Client, name: str, **members: Any) -> str:
    """Create a key, P-256 unless *members* say otherwise, and give its version."""
    kid: str = vault.done("POST", f"/keys/{name}/create", body={"kty": "EC", **members})["key"]["kid"]
    return kid.rpartition("/")[2]


def refused(answer: Answer, status: int, inner: str | None = None) -> str:
    """Check a refusal, and give its words."""
    assert answer.status == status, answer.body
    assert answer.error.get("innererror", {}).get("code") == inner
    message: str = answer.error["message"]
    return message


# ---- what is answered -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", SIGNING)
def test_what_is_signed_verifies(
    world: Simulation, vault: Client, name: str, private: Callable[[str], Any], algorithm: str
) -> None:
    """Each algorithm signs a digest of its length, and verifies that signature of that digest and no other."""
    version = hold(vault, name, private(algorithm))
    digest = bytes(range(SIGNING[algorithm]))
    answer = use(vault, name, "sign", algorithm, digest)
    signature = result(answer)
    assert answer.json == {"kid": f"{world.vault_url}/keys/{name}/{version}", "value": octets(signature)}
    for signed, given, right in (
        (digest, signature, True),
        (bytes(len(digest)), signature, False),
        (digest, bytes([signature[0] ^ 1]) + signature[1:], False),
        (digest, signature[:-1], False),
        (digest, signature + b"\0", False),
        (digest, b"", False),
        (digest, bytes(len(signature)), False),
        (digest, b"\xff" * len(signature), False),
    ):
        assert use(vault, name, "verify", algorithm, given, digest=signed).json == {"value": right}


@pytest.mark.parametrize(
    ("operations", "algorithm"),
    [
        *(
            (operations, algorithm)
            for operations in (("encrypt", "decrypt"), ("wrapkey", "unwrapkey"))
            for algorithm in ("RSA1_5", "RSA-OAEP", "RSA-OAEP-256", "A128GCM", "A192CBC", "A256CBCPAD")
        ),
        *((("wrapkey", "unwrapkey"), algorithm) for algorithm in ("A256KW", "CKM_AES_KEY_WRAP_PAD")),
    ],
)
def test_what_is_encrypted_decrypts(
    world: Simulation,
    vault: Client,
    name: str,
    rsa_key: rsa.RSAPrivateKey,
    operations: tuple[str, str],
    algorithm: str,
) -> None:
    """Each algorithm gives back what it encrypted or wrapped; the journal has nothing of that (SEC-AUDIT-7)."""
    size = int(algorithm[1:4]) // 8 if algorithm[1:4].isdigit() else 16
    version = hold(vault, name, rsa_key if algorithm.startswith("RSA") else bytes(range(size)))
    plaintext = plant().encode()
    plaintext += bytes(-len(plaintext) % 16)
    remember(octets(plaintext))
    there, back = operations
    made = use(vault, name, there, algorithm, plaintext)
    kid = f"{world.vault_url}/keys/{name}/{version}"
    assert made.json["kid"] == kid
    assert made.json.keys() - {"iv", "tag"} == {"kid", "value"}
    given = {member: read(made.json[member]) for member in ("iv", "tag") if member in made.json}
    assert sorted(given) == {"GCM": ["iv", "tag"], "CBC": ["iv"], "CBCPAD": ["iv"]}.get(algorithm[4:], [])
    answer = use(vault, name, back, algorithm, result(made), **given)
    assert answer.json == {"kid": kid, "value": octets(plaintext)}


def test_gcm_binds_what_is_beside_the_text(vault: Client, name: str) -> None:
    """GCM gives back the `aad` that it was given, wants the same to decrypt, and has a new `iv` every time."""
    hold(vault, name, bytes(16))
    first, second = (use(vault, name, "encrypt", "A128GCM", b"text", aad=b"context").json for _ in range(2))
    assert first["aad"] == octets(b"context")
    assert first["iv"] != second["iv"]
    iv, tag, value = (read(first[member]) for member in ("iv", "tag", "value"))
    assert result(use(vault, name, "decrypt", "A128GCM", value, iv=iv, tag=tag, aad=b"context")) == b"text"
    for aad in (None, b"", b"another"):
        assert use(vault, name, "decrypt", "A128GCM", value, iv=iv, tag=tag, aad=aad).error == UNDECRYPTABLE


@pytest.mark.parametrize("path", ["/keys/{}//sign", "/keys/{}/sign", "/keys/{}/{}/sign"])
def test_a_path_names_the_latest_version_or_one(vault: Client, name: str, path: str) -> None:
    """No version, and an empty one, mean the latest; a named one is used though it is not."""
    old, new = create(vault, name), create(vault, name)
    body = {"alg": "ES256", "value": octets(DIGEST)}
    expected = old if path.count("{}") == 2 else new
    answer = vault.done("POST", path.format(name, old), body=body)
    assert answer["kid"].rpartition("/")[2] == expected


@pytest.mark.parametrize("text", [octets(DIGEST) + "=", octets(DIGEST)])
def test_bytes_may_be_padded(vault: Client, name: str, text: str) -> None:
    """Base64url is read with its padding and without."""
    create(vault, name)
    assert vault.ask("POST", f"/keys/{name}//sign", body={"alg": "ES256", "value": text}).status == 200


@pytest.mark.parametrize("text", ["AAAA=", "AAAA==", "AAAA====", "AA=", "AAA==", "=", "AA== ", "A A", "AAA\n"])
def test_padding_that_does_not_belong_is_refused(vault: Client, name: str, text: str) -> None:
    """Bytes have one spelling with padding and one without; blanks are in neither."""
    create(vault, name, kty="oct")
    answer = vault.ask("POST", f"/keys/{name}//encrypt", body={"alg": "A256GCM", "value": text})
    assert refused(answer, 400) == "Property value is not base64url."


# ---- what is refused: the key ---------------------------------------------------------------------------------------

ALL = [
    ("encrypt", "encrypt", "A128GCM"),
    ("decrypt", "decrypt", "A128GCM"),
    ("sign", "sign", "HS256"),
    ("verify", "verify", "HS256"),
    ("wrapkey", "wrapKey", "A128KW"),
    ("unwrapkey", "unwrapKey", "A128KW"),
]
READER = "21090545-7ca7-4776-b22c-e363652d74d2"
CRYPTO_USER = "12338af0-0e69-4776-bea7-57ae8d297424"
"""The built-in roles Key Vault Reader and Key Vault Crypto User."""
OUT_OF_TIME = {"encrypt", "sign", "wrapkey"}


def ask_for(vault: Client, name: str, operation: str, algorithm: str) -> Answer:
    """Ask for an operation with what was made for it, as far as a key that refuses lets one."""
    given: dict[str, bytes] = {}
    value = DIGEST
    if operation == "decrypt":
        given = {"iv": bytes(12), "tag": bytes(16)}
    if operation == "verify":
        given = {"digest": DIGEST}
    return use(vault, name, operation, algorithm, value, **given)


@pytest.mark.parametrize(("operation", "word", "algorithm"), ALL)
def test_a_disabled_key_does_nothing(vault: Client, name: str, operation: str, word: str, algorithm: str) -> None:
    """Every use of a disabled key is refused (SEC-KEY-6)."""
    hold(vault, name, bytes(16), enabled=False)
    answer = ask_for(vault, name, operation, algorithm)
    assert refused(answer, 403, "KeyDisabled") == f"Operation {word} is not allowed on a disabled key."


@pytest.mark.parametrize(("operation", "word", "algorithm"), ALL)
@pytest.mark.parametrize(
    ("dates", "inner"), [({"nbf": int(START) + 10_000_000}, "KeyNotYetValid"), ({"exp": int(START)}, "KeyExpired")]
)
def test_out_of_its_time_a_key_only_undoes(
    vault: Client, name: str, operation: str, word: str, algorithm: str, dates: Any, inner: str
) -> None:
    """Before `nbf` and from `exp` on nothing is encrypted, wrapped or signed; the other halves go on (SEC-KEY-6)."""
    hold(vault, name, bytes(16), **dates)
    answer = ask_for(vault, name, operation, algorithm)
    if operation in OUT_OF_TIME:
        assert f"Operation {word} is not allowed on " in refused(answer, 403, inner)
    else:
        # What was sent is nothing that this key made, which is found out only once it is asked.
        assert answer.status == 200 or answer.error == UNDECRYPTABLE


@pytest.mark.parametrize(("operation", "word", "algorithm"), ALL)
def test_a_key_does_what_its_operations_say(
    vault: Client, name: str, operation: str, word: str, algorithm: str
) -> None:
    """What is not among a key's operations is refused, though it is all else (SEC-KEY-6)."""
    others = [one for one in ALL_OPERATIONS if one != word]
    hold(vault, name, bytes(16), others)
    answer = ask_for(vault, name, operation, algorithm)
    assert refused(answer, 403, "KeyOperationForbidden") == f"Operation {word} is not permitted on this key."


@pytest.mark.parametrize(("operation", "algorithm"), [(operation, algorithm) for operation, _, algorithm in ALL])
def test_a_key_that_is_not_there_is_not_found(vault: Client, name: str, operation: str, algorithm: str) -> None:
    """An unknown name and an unknown version are the same 404, whatever else is wrong."""
    version = create(vault, name)
    assert ask_for(vault, f"{name}x", operation, algorithm).error["code"] == "KeyNotFound"
    wrong = version[:-1] + ("0" if version[-1] != "0" else "1")
    body = {"alg": "none", "value": "", "digest": ""}
    assert vault.ask("POST", f"/keys/{name}/{wrong}/{operation}", body=body).error["code"] == "KeyNotFound"


def test_reading_a_key_does_not_use_it(world: Simulation, vault: Client, name: str) -> None:
    """Each use takes its own right, that of a public part as well, which a reader has anyway (SEC-FLOW-23)."""
    hold(vault, name, bytes(16))
    reader, user = world.principal(), world.principal()
    world.grant(reader.oid, READER, world.vault.scope)
    world.grant(user.oid, CRYPTO_USER, world.vault.scope)
    assert Client(world, reader).ask("GET", f"/keys/{name}").status == 200
    for operation, _, algorithm in ALL:
        assert refused(ask_for(Client(world, reader), name, operation, algorithm), 403, "ForbiddenByRbac")
        assert ask_for(Client(world, user), name, operation, algorithm).status in {200, 400}


# ---- what is refused: the request -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "operation", "algorithm"),
    [
        ("rsa", "sign", "ES256"),
        ("rsa", "sign", "HS256"),
        ("rsa", "sign", "RSA-OAEP"),
        ("rsa", "encrypt", "A128GCM"),
        ("rsa", "encrypt", "RS256"),
        ("ec", "sign", "ES384"),
        ("ec", "sign", "RS256"),
        ("ec", "verify", "ES256K"),
        ("oct", "encrypt", "A256GCM"),
        ("oct", "encrypt", "A128KW"),
        ("oct", "wrapkey", "RSA-OAEP"),
        ("oct", "sign", "RS256"),
        ("oct", "sign", "none"),
        ("oct", "decrypt", ""),
    ],
)
def test_an_algorithm_for_other_keys_is_refused(
    vault: Client, name: str, rsa_key: rsa.RSAPrivateKey, kind: str, operation: str, algorithm: str
) -> None:
    """An algorithm that is none, is for another use, or for another type, curve or size of key is bad input."""
    hold(vault, name, {"rsa": rsa_key, "ec": ec.generate_private_key(ec.SECP256R1()), "oct": bytes(16)}[kind])
    answer = use(vault, name, operation, algorithm, DIGEST, **({"digest": DIGEST} if operation == "verify" else {}))
    message = refused(answer, 400)
    assert answer.error["code"] == "BadParameter"
    assert message.startswith(("Key and algorithm are incompatible: ", "Property alg must be one of: "))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_digest_of_a_wrong_length_is_refused(vault: Client, name: str, length: int) -> None:
    """A digest that is not as long as the hash is refused to sign and to verify, in the service's words."""
    create(vault, name)
    rule = f"{length} bytes. ES256 requires 32 bytes, encoded with base64url."
    answer = use(vault, name, "sign", "ES256", bytes(length))
    assert refused(answer, 400) == f"Invalid length of 'value': {rule}"
    answer = use(vault, name, "verify", "ES256", bytes(64), digest=bytes(length))
    assert refused(answer, 400) == f"Invalid length of 'digest': {rule}"


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("sign", {"alg": "ES256"}),
        ("sign", {"alg": "ES256", "value": None}),
        ("sign", {"value": octets(DIGEST)}),
        ("sign", {"alg": "ES256", "value": "????"}),
        ("sign", {"alg": "ES256", "value": "+" + octets(DIGEST)[1:]}),
        ("sign", {"alg": "ES256", "value": "é" + octets(DIGEST)[1:]}),
        ("sign", {"alg": "ES256", "value": "A"}),
        ("sign", {"alg": "ES256", "value": 1}),
        ("sign", {"alg": ["ES256"], "value": octets(DIGEST)}),
        ("verify", {"alg": "ES256", "value": octets(bytes(64))}),
        ("verify", {"alg": "ES256", "digest": octets(DIGEST)}),
    ],
)
def test_a_malformed_request_is_refused(vault: Client, name: str, operation: str, body: Any) -> None:
    """A member that is missing, is no text or no base64url is bad input, and is not repeated."""
    create(vault, name)
    answer = vault.ask("POST", f"/keys/{name}//{operation}", body=body)
    refused(answer, 400)
    assert answer.error["code"] == "BadParameter"


@pytest.mark.parametrize(
    ("operation", "algorithm", "value", "members"),
    [
        ("encrypt", "A128GCM", b"", {"iv": bytes(12)}),
        ("encrypt", "A128GCM", b"", {"tag": bytes(16)}),
        ("encrypt", "A128GCM", bytes(KEY_VALUE_BYTES + 1), {}),
        ("encrypt", "A128CBC", bytes(15), {}),
        ("encrypt", "A128CBC", bytes(16), {"iv": bytes(15)}),
        ("encrypt", "A128CBC", bytes(16), {"aad": b"a"}),
        ("wrapkey", "A128KW", bytes(15), {}),
        ("wrapkey", "A128KW", bytes(16), {"iv": bytes(8)}),
        ("decrypt", "A128GCM", b"", {"tag": bytes(16)}),
        ("decrypt", "A128GCM", b"", {"iv": bytes(12)}),
        ("decrypt", "A128GCM", b"", {"iv": bytes(12), "tag": bytes(12)}),
        ("decrypt", "A128CBC", bytes(16), {}),
        ("decrypt", "A128CBCPAD", bytes(17), {"iv": bytes(16)}),
        ("unwrapkey", "A128KW", bytes(16), {}),
    ],
)
def test_what_does_not_fit_is_refused(
    vault: Client, name: str, operation: str, algorithm: str, value: bytes, members: dict[str, bytes]
) -> None:
    """A value, an `iv`, a tag or an `aad` that the algorithm cannot take is bad input, and says which it is."""
    hold(vault, name, bytes(16))
    answer = use(vault, name, operation, algorithm, value, **members)
    refused(answer, 400)
    assert answer.error["code"] == "BadParameter"
    assert answer.error != UNDECRYPTABLE


def test_a_value_as_long_as_the_limit_is_encrypted(vault: Client, name: str) -> None:
    """The longest value, with the longest `aad`, is within the limit of a body, there and back."""
    hold(vault, name, bytes(16))
    longest = bytes(KEY_VALUE_BYTES)
    made = use(vault, name, "encrypt", "A128GCM", longest, aad=longest)
    iv, tag = read(made.json["iv"]), read(made.json["tag"])
    assert result(use(vault, name, "decrypt", "A128GCM", result(made), iv=iv, tag=tag, aad=longest)) == longest


# ---- what is tampered with ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "back", "algorithm"),
    [
        ("encrypt", "decrypt", "RSA-OAEP"),
        ("encrypt", "decrypt", "RSA-OAEP-256"),
        ("encrypt", "decrypt", "A128GCM"),
        ("wrapkey", "unwrapkey", "A128GCM"),
        ("wrapkey", "unwrapkey", "A128KW"),
        ("wrapkey", "unwrapkey", "CKM_AES_KEY_WRAP_PAD"),
    ],
)
def test_what_was_tampered_with_has_one_refusal(
    world: Simulation, vault: Client, name: str, private: Callable[[str], Any], there: str, back: str, algorithm: str
) -> None:
    """A changed ciphertext, tag, `iv` or key is refused in one sentence, for every algorithm (SEC-BOOT-21)."""
    for place in (name, f"{name}-other"):
        key = private(algorithm) if algorithm.startswith("RSA") else world.world.entropy(16)
        hold(vault, place, key)
    made = use(vault, name, there, algorithm, bytes(16)).json
    whole = {member: read(made[member]) for member in ("value", "iv", "tag") if member in made}
    for member, right in whole.items():
        for changed in (bytes([right[0] ^ 1]) + right[1:], right[:-1] + bytes([right[-1] ^ 1])):
            parts = whole | {member: changed}
            answer = use(vault, name, back, algorithm, parts.pop("value"), **parts)
            assert (answer.status, answer.error) == (400, UNDECRYPTABLE)
    if not algorithm.startswith("RSA"):
        value = whole.pop("value")
        answer = use(vault, f"{name}-other", back, algorithm, value, **whole)
        assert (answer.status, answer.error) == (400, UNDECRYPTABLE)


def test_no_padding_can_be_asked_about(vault: Client, name: str) -> None:
    """Of CBC with padding, every last byte that is no padding has the same refusal (SEC-BOOT-21)."""
    hold(vault, name, bytes(16))
    made = use(vault, name, "encrypt", "A128CBCPAD", bytes(16)).json
    value, iv = read(made["value"]), read(made["iv"])
    faults = set()
    for change in range(1, 256, 5):
        block = bytearray(value)
        block[15] ^= change
        answer = use(vault, name, "decrypt", "A128CBCPAD", bytes(block), iv=iv)
        if answer.status != 200:
            faults.add(answer.body)
    assert len(faults) == 1


# ---- random bytes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, RANDOM_BYTES_MAX])
def test_random_bytes(vault: Client, count: int) -> None:
    """As many random bytes come as were asked for, and others the next time."""
    first, second = (read(vault.done("POST", "/rng", body={"count": count})["value"]) for _ in range(2))
    assert len(first) == len(second) == count
    assert count == 1 or first != second


@pytest.mark.parametrize("body", [{}, {"count": None}, {"count": 0}, {"count": -1}, {"count": RANDOM_BYTES_MAX + 1}])
def test_random_bytes_have_a_number(vault: Client, body: Any) -> None:
    """No number, none, and more than the limit are bad input."""
    answer = vault.ask("POST", "/rng", body=body)
    assert refused(answer, 400) == f"Property count must be from 1 to {RANDOM_BYTES_MAX}."


def test_old_versions_have_no_random_bytes(vault: Client) -> None:
    """Random bytes came with 7.3."""
    assert vault.ask("POST", "/rng", body={"count": 1}, version="7.2").status == 404
    assert vault.ask("POST", "/rng", body={"count": 1}, version="7.3").status == 200


# ---- the record -----------------------------------------------------------------------------------------------------


def test_the_record_says_which_key_and_nothing_of_the_value(world: Simulation, vault: Client, name: str) -> None:
    """The journal has the key's id and properties for a use, allowed or not, and neither digest nor signature."""
    version = create(vault, name)
    signature = result(use(vault, name, "sign", "ES256", DIGEST))
    use(vault, name, "sign", "ES256", DIGEST[:-1])
    signed, not_signed = world.entries()[-2:]
    kid = f"{world.vault_url}/keys/{name}/{version}"
    assert (signed["operationName"], not_signed["operationName"]) == ("KeySign", "KeySign")
    for entry in (signed, not_signed):
        assert entry["properties"]["id"] == kid
        assert entry["properties"]["keyProperties"]["curve"] == "P-256"
        assert octets(signature) not in str(entry)
        assert octets(DIGEST)[:40] not in str(entry)
    assert not_signed["properties"]["httpStatusCode"] == 400


def test_the_record_of_a_use_is_of_the_key_as_it_was_then(world: Simulation, vault: Client, name: str) -> None:
    """A key that was changed between two uses alike is recorded as it was at each; nothing of the first stays."""
    create(vault, name)
    recorded = []
    for exp in (None, int(START) + 10**7, int(START) + 10**7):
        vault.done("PATCH", f"/keys/{name}", body={"attributes": {"exp": exp}})
        for _ in range(2):
            result(use(vault, name, "sign", "ES256", DIGEST))
            recorded.append(world.entries()[-1]["properties"]["keyProperties"]["attributes"].get("exp"))
    assert recorded == [None, None, *[int(START) + 10**7] * 4]
