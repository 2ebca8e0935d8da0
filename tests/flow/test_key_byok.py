"""Bringing your own key: transfer blobs for a key exchange key (reference azure-key-vault.md section 5.3)."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from strongroom.core import limits
from tests.assertions import PrivateKey, b64url, ec_key, rsa_key
from tests.flow.attesting import Authority, opened
from tests.flow.client import Client
from tests.flow.releasing import world
from tests.world import Simulation

__all__ = ["world"]
REFUSED = "The transfer blob is not one for a key exchange key of this vault, or was altered."
IMPORTED = {"key_ops": ["import"]}


@pytest.fixture(scope="module")
def kek(vault: Client) -> dict[str, Any]:
    """Make a key exchange key in the token."""
    made: dict[str, Any] = vault.done("POST", "/keys/kek/create", body={"kty": "RSA-HSM", **IMPORTED})["key"]
    return made


@pytest.fixture(scope="module")
def soft_kek(vault: Client) -> dict[str, Any]:
    """Make a key exchange key in software."""
    made: dict[str, Any] = vault.done("POST", "/keys/soft-kek/create", body={"kty": "RSA", **IMPORTED})["key"]
    return made


def public_key(jwk: dict[str, Any]) -> rsa.RSAPublicKey:
    """Load the public part that the vault shows."""
    n, e = (int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "=="), "big") for name in ("n", "e"))
    return rsa.RSAPublicNumbers(e, n).public_key()


def pkcs8(key: PrivateKey) -> bytes:
    """Write a private key as a blob has it."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def wrapped(kek: dict[str, Any], material: bytes, once: bytes | None = None) -> bytes:
    """Wrap for a key exchange key, by the primitives alone."""
    once = once or os.urandom(32)
    oaep = padding.OAEP(padding.MGF1(SHA1()), SHA1(), None)  # noqa: S303  the mechanism's own
    return public_key(kek).encrypt(once, oaep) + keywrap.aes_key_wrap_with_padding(once, material)


def blob(kek: dict[str, Any], ciphertext: bytes, header: dict[str, Any] | None = None, **members: Any) -> str:
    """Write a transfer blob."""
    said = {"kid": kek["kid"], "alg": "dir", "enc": "CKM_RSA_AES_KEY_WRAP", **(header or {})}
    document = {"schema_version": "1.0.0", "header": said, "ciphertext": b64url(ciphertext), "generator": "test"}
    return b64url(json.dumps(document | members).encode())


def bring(vault: Client, name: str, text: str, kty: str = "EC-HSM", **members: Any) -> Any:
    """Import a transfer blob, of a P-256 key unless *kty* says otherwise."""
    key = {"kty": kty, "key_hsm": text, **({"crv": "P-256"} if kty.startswith("EC") else {}), **members}
    return vault.ask("PUT", f"/keys/{name}", body={"key": key})


def check(answer: Any, words: str = REFUSED) -> None:
    """Check a refusal."""
    assert (answer.status, answer.error["code"]) == (400, "BadParameter"), answer.body
    assert words in answer.error["message"]


def shows(jwk: dict[str, Any], key: PrivateKey) -> bool:
    """Tell whether the vault shows the public part of a key."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return public_key(jwk).public_numbers() == public.public_numbers()
    point = public.public_numbers()
    return (jwk["x"], jwk["y"]) == (b64url(point.x.to_bytes(32, "big")), b64url(point.y.to_bytes(32, "big")))


# ---- brought in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["-HSM", ""])
def test_each_kind_in_each_place(vault: Client, kek: Any, soft_kek: Any, name: str, place: str) -> None:
    """RSA and EC keys come to live where their key exchange key does; size and public part are the key's own."""
    holder = kek if place else soft_kek
    rsa_bundle = bring(vault, name, blob(holder, wrapped(holder, pkcs8(rsa_key()))), f"RSA{place}").json
    assert shows(rsa_bundle["key"], rsa_key())
    assert rsa_bundle["key"]["kty"] == f"RSA{place}"
    assert rsa_bundle["attributes"]["hsmPlatform"] == ("1" if place else "0")
    ec_bundle = bring(vault, name, blob(holder, wrapped(holder, pkcs8(ec_key()))), f"EC{place}").json
    assert shows(ec_bundle["key"], ec_key())


def test_it_signs(vault: Client, kek: Any, name: str) -> None:
    """What was brought in is the private part: a signature of the vault verifies with the key that was wrapped."""
    bring(vault, name, blob(kek, wrapped(kek, pkcs8(rsa_key()))), "RSA-HSM", key_ops=["sign"])
    digest = b"\x07" * 32
    answer = vault.done("POST", f"/keys/{name}/sign", body={"alg": "RS256", "value": b64url(digest)})
    signature = base64.urlsafe_b64decode(answer["value"] + "==")
    rsa_key().public_key().verify(signature, digest, padding.PKCS1v15(), Prehashed(SHA256()))


def test_an_oct_key(vault: Client, kek: Any, name: str) -> None:
    """Of an oct key its own bytes are wrapped; they are of a size that such keys have."""
    assert bring(vault, name, blob(kek, wrapped(kek, bytes(32))), "oct-HSM").status == 200
    check(bring(vault, name, blob(kek, wrapped(kek, bytes(31))), "oct-HSM"))


@pytest.mark.toolchain("openssl")
def test_made_by_openssl(vault: Client, kek: Any, name: str, tmp_path: Path) -> None:
    """A blob whose two steps openssl's command line made opens here."""
    (tmp_path / "once").write_bytes(once := os.urandom(32))
    (tmp_path / "key").write_bytes(pkcs8(ec_key(3)))
    pem = public_key(kek).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "kek").write_bytes(pem)
    run = lambda *words: subprocess.run(["openssl", *words], cwd=tmp_path, check=True, capture_output=True)  # noqa: E731
    run("pkeyutl", "-encrypt", "-pubin", "-inkey", "kek", "-in", "once", "-out", "first",
        "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1")  # fmt: skip
    run("enc", "-id-aes256-wrap-pad", "-iv", "A65959A6", "-K", once.hex(), "-in", "key", "-out", "second")
    ciphertext = (tmp_path / "first").read_bytes() + (tmp_path / "second").read_bytes()
    assert shows(bring(vault, name, blob(kek, ciphertext)).json["key"], ec_key(3))


def test_how_it_may_be_spelt(vault: Client, kek: Any, name: str) -> None:
    """Base64 with padding is read as base64url is, an id without regard to case, and the older schema version."""
    text = blob(kek, wrapped(kek, pkcs8(ec_key())), {"kid": kek["kid"].replace("/kek/", "/KEK/")}, schema_version="1.0")
    spelt = base64.b64encode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))).decode()
    assert bring(vault, name, spelt).status == 200


def test_the_whole_way(world: Simulation, vault: Client, kek: Any, name: str) -> None:
    """A key that was brought in with a release policy is released, the same as it was."""
    authority = Authority(world, "https://attest.example")
    authority.configure()
    body = {
        "key": {"kty": "EC-HSM", "crv": "P-256", "key_hsm": blob(kek, wrapped(kek, pkcs8(ec_key())))},
        "attributes": {"exportable": True},
        "release_policy": authority.policy(),
    }
    assert vault.ask("PUT", f"/keys/{name}", body=body).status == 200
    value = vault.done("POST", f"/keys/{name}/release", body={"target": authority.token()})["value"]
    assert opened(value).private_numbers() == ec_key().private_numbers()


# ---- refused --------------------------------------------------------------------------------------------------------


def test_what_is_altered(vault: Client, kek: Any, name: str) -> None:
    """SEC-TENANT-17: any byte of it, cut off, or two blobs put together: one refusal, and nothing is made."""
    good = wrapped(kek, pkcs8(ec_key()))
    other = wrapped(kek, pkcs8(ec_key(1)))
    size = len(good)
    for place in (0, 100, 255, 256, 300, size - 1):
        check(bring(vault, name, blob(kek, good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])))
    for ciphertext in (b"x", good[:255], good[:256], good[:-8], good + bytes(8), other[:256] + good[256:], good[256:]):
        check(bring(vault, name, blob(kek, ciphertext)))
    assert vault.ask("GET", f"/keys/{name}").status == 404


def test_what_is_in_it(vault: Client, kek: Any, name: str) -> None:
    """Another kind, curve or size than such keys have, no key at all, a short AES key: refused in the same words."""
    p384 = pkcs8(ec.generate_private_key(ec.SECP384R1()))
    small = pkcs8(rsa.generate_private_key(65537, 1024))  # noqa: S505  which is what is refused
    for material, kty in ((pkcs8(rsa_key()), "EC-HSM"), (p384, "EC-HSM"), (pkcs8(ec_key()), "RSA-HSM"),
                          (small, "RSA-HSM"), (b"no key at all....", "RSA-HSM")):  # fmt: skip
        check(bring(vault, name, blob(kek, wrapped(kek, material)), kty))
    oaep = padding.OAEP(padding.MGF1(SHA1()), SHA1(), None)  # noqa: S303  the mechanism's own
    check(bring(vault, name, blob(kek, public_key(kek).encrypt(bytes(8), oaep) + bytes(64))))


def test_whose_it_is(world: Simulation, vault: Client, kek: Any, soft_kek: Any, name: str) -> None:
    """SEC-TENANT-17: for another key, one elsewhere, without a version, or not there: the same refusal."""
    good = wrapped(kek, pkcs8(ec_key()))
    check(bring(vault, name, blob(kek, wrapped(soft_kek, pkcs8(ec_key())))))
    base, _, version = kek["kid"].rpartition("/")
    for kid in (
        base,
        f"{base}/",
        f"{base}/{'0' * 32}",
        f"{base}/{version}/x",
        kek["kid"].replace("/kek/", "/nobody/"),
        kek["kid"].replace("/kek/", "/a_b/"),
        kek["kid"].replace("/keys/", "/secrets/"),
        kek["kid"].replace(world.vault.name, "another"),
        kek["kid"].replace("https", "http"),
        "TpmEphemeralEncryptionKey",
        "",
    ):
        check(bring(vault, name, blob(kek, good, {"kid": kid})))


def test_keys_that_bring_in_nothing(vault: Client, name: str) -> None:
    """A key that may do anything but import, and a key exchange key that is disabled, open no blob."""
    holder = vault.done("POST", f"/keys/{name}-a/create", body={"kty": "RSA"})["key"]
    check(bring(vault, name, blob(holder, wrapped(holder, pkcs8(ec_key()))), "EC"))
    holder = vault.done("POST", f"/keys/{name}-b/create", body={"kty": "RSA", **IMPORTED})["key"]
    vault.done("PATCH", f"/keys/{name}-b", body={"attributes": {"enabled": False}})
    check(bring(vault, name, blob(holder, wrapped(holder, pkcs8(ec_key()))), "EC"))


def test_keys_in_the_other_place(vault: Client, kek: Any, soft_kek: Any, name: str) -> None:
    """A key is never moved by it: out of a token, or from software into one."""
    check(bring(vault, name, blob(kek, wrapped(kek, pkcs8(ec_key()))), "EC"), "lives in a token")
    check(bring(vault, name, blob(soft_kek, wrapped(soft_kek, pkcs8(ec_key()))), "EC-HSM"), "lives in software")


def test_what_a_key_exchange_key_does(vault: Client, kek: Any) -> None:
    """SEC-TENANT-17: nothing but import: else whoever may use it could open what is wrapped for it."""
    for operation in ("decrypt", "unwrapkey", "encrypt"):
        answer = vault.ask("POST", f"/keys/kek/{operation}", body={"alg": "RSA-OAEP", "value": b64url(bytes(256))})
        assert answer.error["innererror"] == {"code": "KeyOperationForbidden"}
    check(vault.ask("PATCH", "/keys/kek", body={"key_ops": ["decrypt"]}), "import")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "base64url|JSON"),
        ("*", "base64url"),
        (b64url(b"{"), "JSON object"),
        (b64url(b"[]"), "JSON object"),
        (b64url(b'{"header":{},"header":{}}'), "JSON object"),
        (b64url(b"{}"), "schema_version"),
        (b64url(b'{"schema_version":"2.0","header":{}}'), "schema_version"),
        (b64url(b'{"schema_version":[],"header":{}}'), "schema_version"),
        (b64url(b'{"schema_version":"1.0.0","header":1}'), "header"),
        (b64url(b'{"schema_version":"1.0.0","header":{"alg":"dir"}}'), "enc"),
        (b64url(b'{"schema_version":"1.0.0","header":{"alg":"RSA","enc":"CKM_RSA_AES_KEY_WRAP"}}'), "alg"),
        (b64url(b'{"schema_version":"1.0.0","header":{"alg":"dir","enc":"CKM_RSA_AES_KEY_WRAP"}}'), "id of a key"),
        (b64url(b'{"schema_version":"1.0.0","header":{"alg":"dir","enc":"CKM_RSA_AES_KEY_WRAP","kid":"k"}}'), "cipher"),
    ],
)  # fmt: skip
def test_what_is_no_blob(vault: Client, name: str, text: str, words: str) -> None:
    """It is refused in a sentence that says what a blob has."""
    answer = bring(vault, name, text)
    assert any(word in answer.error["message"] for word in words.split("|")), answer.body
    assert answer.status == 400


def test_how_large_a_blob_may_be(vault: Client, kek: Any, name: str) -> None:
    """At the limit it is read, and one byte more is not."""
    text = blob(kek, wrapped(kek, pkcs8(ec_key())))
    document = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert bring(vault, name, b64url(document.ljust(limits.TRANSFER_BLOB_BYTES))).status == 200
    check(bring(vault, name, b64url(document.ljust(limits.TRANSFER_BLOB_BYTES + 1))), "at most")


def test_a_blob_and_a_key(vault: Client, kek: Any, name: str) -> None:
    """Which of the two is meant is not guessed."""
    check(bring(vault, name, blob(kek, wrapped(kek, pkcs8(ec_key()))), x=b64url(bytes(32))), "key_hsm")


def test_the_right_to_import(world: Simulation, vault: Client, kek: Any, name: str) -> None:
    """It is all that is asked for: nothing on the key exchange key, which can do nothing else."""
    importer = world.principal("importer")
    text = blob(kek, wrapped(kek, pkcs8(ec_key())))
    assert bring(Client(world, importer), name, text).status == 403
    world.grant(importer.oid, "14b46e9e-c2b7-41b4-b07b-48a6ebf60603", f"{world.vault.scope}/keys/{name}")
    assert bring(Client(world, importer), name, text).status == 200
