"""Keys of a token with the synchronous client; arguments: an attestation, and where to put what is released for it."""

import hashlib
import json
import os
import sys
from pathlib import Path

from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.keyvault.keys import JsonWebKey, KeyClient, KeyReleasePolicy
from azure.keyvault.keys.crypto import EncryptionAlgorithm, KeyWrapAlgorithm, SignatureAlgorithm
from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

attestation, statement = sys.argv[1], Path(sys.argv[2])
client = KeyClient(os.environ["VAULT_URL"], DefaultAzureCredential())
DIGEST = hashlib.sha256(b"what is signed").digest()
TEXT = bytes(range(32))


def crypto(name: str, version: str | None = None, *, local: bool = False):  # noqa: ANN201  the client's own
    """Give a client that does nothing here, or what it can."""
    made = client.get_cryptography_client(name, key_version=version)
    made._initialized = not local
    return made


# ---- every type, by each of the workers in turn ---------------------------------------------------------------------

policy = KeyReleasePolicy(
    json.dumps(
        {
            "version": "1.0.0",
            "anyOf": [{"authority": "https://attest.example", "allOf": [{"claim": "tee.type", "equals": "sevsnpvm"}]}],
        }
    ).encode()
)
first = client.create_rsa_key("rsa", size=2048, hardware_protected=True)
point = client.create_ec_key("ec", curve="P-256", hardware_protected=True, exportable=True, release_policy=policy)
client.create_oct_key("oct", size=256, hardware_protected=True)
client.rotate_key("rsa")
assert (first.key_type, point.key_type, point.properties.exportable) == ("RSA-HSM", "EC-HSM", True)
for version in (first.properties.version, None):
    for _ in range(2):
        there, here = crypto("rsa", version), crypto("rsa", version, local=True)
        signed = there.sign(SignatureAlgorithm.ps256, DIGEST).signature
        assert here.verify(SignatureAlgorithm.ps256, DIGEST, signed).is_valid
        for name in ("RSA1_5", "RSA-OAEP", "RSA-OAEP-256"):
            sealed = here.encrypt(EncryptionAlgorithm(name), TEXT).ciphertext
            assert there.decrypt(EncryptionAlgorithm(name), sealed).plaintext == TEXT, name
for _ in range(2):
    signed = crypto("ec").sign(SignatureAlgorithm.es256, DIGEST).signature
    assert crypto("ec", local=True).verify(SignatureAlgorithm.es256, DIGEST, signed).is_valid
    sealed = crypto("oct").encrypt(EncryptionAlgorithm.a256_gcm, TEXT)
    opened = crypto("oct").decrypt(
        EncryptionAlgorithm.a256_gcm, sealed.ciphertext, iv=sealed.iv, authentication_tag=sealed.tag
    )
    assert opened.plaintext == TEXT
    wrapped = crypto("oct").wrap_key(KeyWrapAlgorithm.aes_256, TEXT).encrypted_key
    assert crypto("oct").unwrap_key(KeyWrapAlgorithm.aes_256, wrapped).key == TEXT

# ---- in, out and back -----------------------------------------------------------------------------------------------

numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
members = {"x": numbers.public_numbers.x, "y": numbers.public_numbers.y, "d": numbers.private_value}
web_key = JsonWebKey(kty="EC", crv="P-256", **{name: one.to_bytes(32, "big") for name, one in members.items()})
brought = client.import_key("brought", web_key, hardware_protected=True)
assert (brought.key_type, brought.key.d) == ("EC-HSM", None)

kek = client.create_rsa_key("kek", hardware_protected=True, key_operations=["import"])
own, once = rsa.generate_private_key(65537, 2048), os.urandom(32)
outer = rsa.RSAPublicNumbers(int.from_bytes(kek.key.e, "big"), int.from_bytes(kek.key.n, "big")).public_key()
material = own.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
ciphertext = outer.encrypt(once, padding.OAEP(padding.MGF1(SHA1()), SHA1(), None))  # noqa: S303  the mechanism's
ciphertext += keywrap.aes_key_wrap_with_padding(once, material)
blob = {
    "schema_version": "1.0.0",
    "header": {"kid": kek.id, "alg": "dir", "enc": "CKM_RSA_AES_KEY_WRAP"},
    "ciphertext": JsonWebKey(k=ciphertext)._to_generated_model().as_dict()["k"],
    "generator": "a test",
}
transferred = client.import_key("transferred", JsonWebKey(kty="RSA-HSM", t=json.dumps(blob).encode()))
assert transferred.key.n == own.public_key().public_numbers().n.to_bytes(256, "big")

backup = client.backup_key("rsa")
client.begin_delete_key("rsa").wait()
client.purge_deleted_key("rsa")
client.restore_key_backup(backup)
sealed = crypto("rsa", first.properties.version, local=True).encrypt(EncryptionAlgorithm.rsa_oaep, TEXT).ciphertext
assert crypto("rsa", first.properties.version).decrypt(EncryptionAlgorithm.rsa_oaep, sealed).plaintext == TEXT

assert client.get_key_attestation("ec").id == point.id
statement.write_text(client.release_key("ec", attestation, nonce="of this test").value)
try:
    client.release_key("oct", attestation)
except HttpResponseError as error:
    assert (error.status_code, error.error.innererror["code"]) == (403, "KeyOperationForbidden"), error
else:
    raise AssertionError("a key was released that is not exportable")
print("done")
