"""What ACME clients sign, read by another implementation, and known answers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from strongroom.core import acme_limits as limits
from strongroom.crypto.acme_requests import AccountKey, BadChain, new_account_key, read_chain, read_external_key
from tests.flow.acme_ordering import request
from tests.flow.imported import self_signed
from tests.plugins import canary

_DER = new_account_key()
KEY = AccountKey(_DER)


def decoded(text: str) -> bytes:
    """Decode what has no padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def public() -> ec.EllipticCurvePublicKey:
    """Give the public part of the account's key."""
    loaded = load_der_private_key(_DER, None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    return loaded.public_key()


@pytest.mark.parametrize("account", ["", "https://ca.example/acct/1"])
def test_a_request(account: str) -> None:
    """RFC 8555 section 6.2: ES256, the nonce, the URL, and the key or the account; the signature is right."""
    message = json.loads(KEY.sign("https://ca.example/x", "n1", b'{"a":1}', account=account))
    header = json.loads(decoded(message["protected"]))
    by = {"kid": account} if account else {"jwk": header.get("jwk")}
    assert header == {"alg": "ES256", "nonce": "n1", "url": "https://ca.example/x", **by}
    assert set(header.get("jwk", {"kty": 0, "crv": 0, "x": 0, "y": 0})) == {"kty", "crv", "x", "y"}
    assert decoded(message["payload"]) == b'{"a":1}'
    raw = decoded(message["signature"])
    signature = utils.encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public().verify(signature, f"{message['protected']}.{message['payload']}".encode(), ec.ECDSA(hashes.SHA256()))


def test_reading_has_no_payload() -> None:
    """RFC 8555 section 6.3: POST-as-GET signs the empty text, not an empty object."""
    assert json.loads(KEY.sign("https://ca.example/x", "n", b"", account="https://ca.example/a"))["payload"] == ""


def test_long_places() -> None:
    """Two URLs of the longest kind fit into a header."""
    place = "https://ca.example/" + "x" * 2029
    header = json.loads(decoded(json.loads(KEY.sign(place, "n" * 200, b"", account=place))["protected"]))
    assert (header["url"], header["kid"]) == (place, place)


def test_a_thumbprint_and_what_is_made_of_it() -> None:
    """RFC 7638, RFC 8555 sections 8.1 and 8.4, computed by hand."""
    numbers = public().public_numbers()
    x, y = (base64.urlsafe_b64encode(one.to_bytes(32)).rstrip(b"=").decode() for one in (numbers.x, numbers.y))
    text = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    assert KEY.thumbprint == thumbprint
    assert KEY.authorize("token") == f"token.{thumbprint}"
    assert decoded(KEY.dns_value("token")) == hashlib.sha256(f"token.{thumbprint}".encode()).digest()
    assert "=" not in KEY.dns_value("token")


def test_a_binding() -> None:
    """RFC 8555 section 7.3.4: the account's public key under the external key, for the URL that it is sent to."""
    key = canary.plant().encode()
    bound: Any = KEY.bind("https://ca.example/new", "kid-1", key)
    assert json.loads(decoded(bound["protected"])) == {"alg": "HS256", "kid": "kid-1", "url": "https://ca.example/new"}
    assert set(json.loads(decoded(bound["payload"]))) == {"kty", "crv", "x", "y"}
    mac = hmac.digest(key, f"{bound['protected']}.{bound['payload']}".encode(), "sha256")
    assert decoded(bound["signature"]) == mac


def test_keys_of_external_accounts() -> None:
    """As authorities hand them out: either alphabet, padded or not, on a line; long enough for a MAC."""
    key = b"\xfb\xff" * (limits.ACME_EXTERNAL_KEY_BYTES // 2)
    for text in (base64.urlsafe_b64encode(key), base64.b64encode(key), base64.urlsafe_b64encode(key).rstrip(b"=")):
        assert read_external_key(f" {text.decode()}\n") == key
    short = base64.urlsafe_b64encode(key[:-1]).decode()
    for text in (short, "", "?" * 40, "a" * 25):
        with pytest.raises(ValueError, match=r"short|base64"):
            read_external_key(text)


def test_a_key_of_another_kind() -> None:
    """An account's key is one that was made for it."""
    other = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(TypeError):
        AccountKey(other)


@pytest.mark.parametrize("text", [b"", b"x", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_chain(text: bytes) -> None:
    """Nothing of it is repeated."""
    with pytest.raises(BadChain, match="no certificates"):
        read_chain(text, request("a.example"))


@pytest.mark.parametrize(
    ("there", "instead", "said"),
    [
        (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x14", "no certificates"),
        (bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d030105"), "another key"),
        (bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d0205"), "another key"),
    ],
    ids=["version", "curve", "kind of key"],
)
def test_a_chain_that_the_library_would_rather_not_read(there: bytes, instead: bytes, said: str) -> None:
    """A version, a curve or a kind of key that it does not know: refused, and no fault that comes again each time."""
    _, certificate = self_signed(1_790_000_000)
    octets = certificate.public_bytes(Encoding.DER).replace(there, instead)
    text = b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(octets) + b"\n-----END CERTIFICATE-----\n"
    with pytest.raises(BadChain, match=said):
        read_chain(text, request("a.example"))
