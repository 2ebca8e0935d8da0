"""Every operation on a key with the synchronous client, and every algorithm there and here; arguments: a name."""

import hashlib
import os
import sys

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.keyvault.keys import JsonWebKey, KeyClient, KeyRotationPolicy, KeyType
from azure.keyvault.keys.crypto import CryptographyClient, EncryptionAlgorithm, KeyWrapAlgorithm, SignatureAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

name = sys.argv[1]
credential = DefaultAzureCredential()
client = KeyClient(os.environ["VAULT_URL"], credential)
message = b"what is signed and encrypted"
TEXT = bytes(range(32))


def digest(algorithm: str) -> bytes:
    """Hash the message as an algorithm wants it."""
    bits = {"ES256K": "256", "ES512": "512"}.get(algorithm, algorithm[-3:])
    return hashlib.new(f"sha{bits}", message).digest()


def remote(key_id: str) -> CryptographyClient:
    """Give a client that does nothing here, as one does whose caller may not read the key."""
    own_name, version = key_id.rsplit("/", 2)[-2:]
    crypto = client.get_cryptography_client(own_name, key_version=version)
    crypto._initialized = True
    return crypto


def both(key_id: str, signatures: list[str], encryptions: list[str], wraps: list[str]) -> None:
    """Do with a key there what is undone here, and the other way about."""
    own_name, version = key_id.rsplit("/", 2)[-2:]
    there, here = remote(key_id), client.get_cryptography_client(own_name, key_version=version)
    for one in signatures:
        algorithm = SignatureAlgorithm(one)
        signed = there.sign(algorithm, digest(one)).signature
        for crypto in (there, here):
            assert crypto.verify(algorithm, digest(one), signed).is_valid, one
            assert not crypto.verify(algorithm, digest(one), signed[:-1] + bytes([signed[-1] ^ 1])).is_valid, one
    for one in encryptions:
        cipher = EncryptionAlgorithm(one)
        for crypto in (there, here):
            assert there.decrypt(cipher, crypto.encrypt(cipher, TEXT).ciphertext).plaintext == TEXT, one
    for one in wraps:
        wrap = KeyWrapAlgorithm(one)
        for crypto in (there, here):
            assert there.unwrap_key(wrap, crypto.wrap_key(wrap, TEXT).encrypted_key).key == TEXT, one


# ---- asymmetric keys: made there, and brought there -----------------------------------------------------------------

SIGNATURES = [f"{family}{bits}" for family in ("RS", "PS") for bits in (256, 384, 512)]
ENCRYPTIONS = ["RSA1_5", "RSA-OAEP", "RSA-OAEP-256"]
made = client.create_rsa_key(f"{name}-rsa", size=2048)
assert (made.key_type, made.key_operations) == (
    KeyType.rsa,
    ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"],
)
both(made.id, SIGNATURES, ENCRYPTIONS, ENCRYPTIONS)
for curve, algorithm in (("P-256", "ES256"), ("P-384", "ES384"), ("P-521", "ES512"), ("P-256K", "ES256K")):
    made = client.create_ec_key(f"{name}-{curve.lower()}", curve=curve)
    assert (made.key.crv, made.key_operations) == (curve, ["sign", "verify"])
    both(made.id, [algorithm], [], [])

own = rsa.generate_private_key(65537, 2048)
numbers = own.private_numbers()
members = {"n": numbers.public_numbers.n, "e": numbers.public_numbers.e, "d": numbers.d, "p": numbers.p, "q": numbers.q}
members |= {"dp": numbers.dmp1, "dq": numbers.dmq1, "qi": numbers.iqmp}
web_key = JsonWebKey(
    kty="RSA",
    key_ops=["sign", "verify", "encrypt", "decrypt"],
    **{member: number.to_bytes((number.bit_length() + 7) // 8, "big") for member, number in members.items()},
)
brought = client.import_key(f"{name}-mine", web_key)
assert not any(getattr(brought.key, member) for member in ("d", "p", "q", "dp", "dq", "qi", "k"))
signed = remote(brought.id).sign(SignatureAlgorithm.ps256, digest("PS256")).signature
own.public_key().verify(
    signed, message, padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH), hashes.SHA256()
)
local = CryptographyClient.from_jwk(web_key)
assert (
    remote(brought.id)
    .verify(SignatureAlgorithm.rs256, digest("RS256"), local.sign(SignatureAlgorithm.rs256, digest("RS256")).signature)
    .is_valid
)
as_private_key = client.get_cryptography_client(f"{name}-mine").create_rsa_private_key()
own.public_key().verify(
    as_private_key.sign(message, padding.PKCS1v15(), hashes.SHA256()), message, padding.PKCS1v15(), hashes.SHA256()
)
point = ec.generate_private_key(ec.SECP256R1()).private_numbers()
brought = client.import_key(
    f"{name}-point",
    JsonWebKey(
        kty="EC",
        crv="P-256",
        x=point.public_numbers.x.to_bytes(32, "big"),
        y=point.public_numbers.y.to_bytes(32, "big"),
        d=point.private_value.to_bytes(32, "big"),
    ),
)
both(brought.id, ["ES256"], [], [])

# ---- symmetric keys -------------------------------------------------------------------------------------------------

for bits in (128, 192, 256):
    octets = os.urandom(bits // 8)
    web_key = JsonWebKey(kty="oct", k=octets, key_ops=["encrypt", "decrypt", "wrapKey", "unwrapKey", "sign", "verify"])
    there = remote(client.import_key(f"{name}-oct-{bits}", web_key).id)
    here = CryptographyClient.from_jwk(web_key)
    iv = os.urandom(16)
    cipher = EncryptionAlgorithm(f"A{bits}GCM")
    sealed = there.encrypt(cipher, TEXT, additional_authenticated_data=b"with it")
    opened = there.decrypt(
        cipher,
        sealed.ciphertext,
        iv=sealed.iv,
        authentication_tag=sealed.tag,
        additional_authenticated_data=b"with it",
    )
    assert opened.plaintext == TEXT
    cipher, wrap = EncryptionAlgorithm(f"A{bits}CBCPAD"), KeyWrapAlgorithm(f"A{bits}KW")
    for one, other in ((there, here), (here, there)):
        assert other.decrypt(cipher, one.encrypt(cipher, TEXT, iv=iv).ciphertext, iv=iv).plaintext == TEXT
        assert other.unwrap_key(wrap, one.wrap_key(wrap, TEXT).encrypted_key).key == TEXT
    cipher = EncryptionAlgorithm(f"A{bits}CBC")
    assert there.decrypt(cipher, there.encrypt(cipher, TEXT, iv=iv).ciphertext, iv=iv).plaintext == TEXT
    tag = there.sign("HS256", digest("HS256")).signature
    assert there.verify("HS256", digest("HS256"), tag).is_valid
made = client.create_oct_key(f"{name}-oct", size=256)
assert made.key.k is None
assert remote(made.id).unwrap_key("A256KW", remote(made.id).wrap_key("A256KW", TEXT).encrypted_key).key == TEXT
assert len(client.get_random_bytes(count=33)) == 33

# ---- what it may not do ---------------------------------------------------------------------------------------------

verifying = client.create_ec_key(f"{name}-verifying", key_operations=["verify"])
try:
    remote(verifying.id).sign(SignatureAlgorithm.es256, digest("ES256"))
except HttpResponseError as error:
    assert (error.status_code, error.error.innererror["code"]) == (403, "KeyOperationForbidden"), error
else:
    raise AssertionError("a key signed that only verifies")

# ---- a key's life ---------------------------------------------------------------------------------------------------

key = f"{name}-life"
first = client.create_ec_key(key, tags={"a": "b"})
second = client.rotate_key(key)
assert first.properties.version != second.properties.version
assert client.get_key(key).id == second.id
assert client.get_key(key, first.properties.version).key.x == first.key.x
assert client.update_key_properties(key, first.properties.version, tags={"c": "d"}).properties.tags == {"c": "d"}
client.update_key_properties(key, first.properties.version, enabled=False)
try:
    remote(first.id).sign(SignatureAlgorithm.es256, digest("ES256"))
except HttpResponseError as error:
    assert (error.status_code, error.error.innererror["code"]) == (403, "KeyDisabled"), error
else:
    raise AssertionError("a disabled version signed")
client.update_key_properties(key, first.properties.version, enabled=True)
versions = {one.version for one in client.list_properties_of_key_versions(key)}
assert versions == {first.properties.version, second.properties.version}
assert key in [one.name for one in client.list_properties_of_keys()]

policy = client.update_key_rotation_policy(key, KeyRotationPolicy(expires_in="P90D"))
assert policy.expires_in == client.get_key_rotation_policy(key).expires_in == "P90D"
assert client.rotate_key(key).properties.expires_on

signed = remote(f"{client.vault_url}/keys/{key}/{first.properties.version}").sign("ES256", digest("ES256")).signature
backup = client.backup_key(key)
deleted = client.begin_delete_key(key).result()
assert deleted.recovery_id
assert client.get_deleted_key(key).name == key
assert key in [one.name for one in client.list_deleted_keys()]
try:
    client.get_key(key)
except ResourceNotFoundError as error:
    assert error.error.code == "KeyNotFound", error.error.code
else:
    raise AssertionError("a deleted key was given out")
client.begin_recover_deleted_key(key).wait()
client.begin_delete_key(key).wait()
client.purge_deleted_key(key)
restored = client.restore_key_backup(backup)
assert restored.properties.version not in versions
assert remote(first.id).verify(SignatureAlgorithm.es256, digest("ES256"), signed).is_valid
client.begin_delete_key(key).wait()
client.purge_deleted_key(key)
print("done")
