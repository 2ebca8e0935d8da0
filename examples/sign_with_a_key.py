import hashlib
import os

from azure.identity import DefaultAzureCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import SignatureAlgorithm

vault_name = os.environ["KEY_VAULT_NAME"]
vault_url = f"https://{vault_name}.vault.azure.net"

credential = DefaultAzureCredential()
client = KeyClient(vault_url=vault_url, credential=credential)

print(f"Creating a key in {vault_url} ...")
key = client.create_ec_key("quickstart-signing", curve="P-256")
print(f"  {key.name}, version {key.properties.version}, on {key.key.crv}")

print("Signing a document with it, in the vault ...")
digest = hashlib.sha256(b"a document").digest()
crypto = client.get_cryptography_client("quickstart-signing")
result = crypto.sign(SignatureAlgorithm.es256, digest)
print(f"  a signature of {len(result.signature)} bytes by {result.key_id}")

print("Verifying it here, with the public key that the client has fetched ...")
print(f"  the document: {crypto.verify(SignatureAlgorithm.es256, digest, result.signature).is_valid}")
forged = hashlib.sha256(b"another document").digest()
print(f"  another document: {crypto.verify(SignatureAlgorithm.es256, forged, result.signature).is_valid}")

print("Deleting and purging the key ...")
client.begin_delete_key("quickstart-signing").result()
client.purge_deleted_key("quickstart-signing")
print("  gone")
