"""A key's life and use with the asynchronous client; arguments: a name."""

import asyncio
import hashlib
import os
import sys

from azure.core.exceptions import ResourceNotFoundError
from azure.identity.aio import DefaultAzureCredential
from azure.keyvault.keys import JsonWebKey, KeyRotationPolicy
from azure.keyvault.keys.aio import KeyClient
from azure.keyvault.keys.crypto import EncryptionAlgorithm, KeyWrapAlgorithm, SignatureAlgorithm
from azure.keyvault.keys.crypto.aio import CryptographyClient

DIGEST = hashlib.sha256(b"what is signed").digest()


async def main() -> None:
    """Do it."""
    name, credential = sys.argv[1], DefaultAzureCredential()
    async with credential, KeyClient(os.environ["VAULT_URL"], credential) as client:
        first = await client.create_ec_key(name, tags={"a": "b"})
        await asyncio.gather(*(client.create_ec_key(name) for _ in range(5)))
        assert (await client.get_key(name, first.properties.version)).key.x == first.key.x
        versions = [one.version async for one in client.list_properties_of_key_versions(name)]
        assert len(set(versions)) == 6
        assert name in [one.name async for one in client.list_properties_of_keys()]
        changed = await client.update_key_properties(name, first.properties.version, tags={"c": "d"})
        assert changed.properties.tags == {"c": "d"}
        policy = await client.update_key_rotation_policy(name, KeyRotationPolicy(expires_in="P90D"))
        assert policy.expires_in == (await client.get_key_rotation_policy(name)).expires_in
        assert (await client.rotate_key(name)).properties.expires_on

        # It shares the other client's connections, so whoever closes one of them closes both.
        signing = client.get_cryptography_client(name, key_version=first.properties.version)
        signed = await asyncio.gather(*(signing.sign(SignatureAlgorithm.es256, DIGEST) for _ in range(4)))
        assert len({one.signature for one in signed}) == 4
        for one in signed:
            assert (await signing.verify(SignatureAlgorithm.es256, DIGEST, one.signature)).is_valid

        encrypting = await client.create_rsa_key(f"{name}-rsa", size=2048)
        async with CryptographyClient(encrypting, credential) as crypto:
            sealed = await crypto.encrypt(EncryptionAlgorithm.rsa_oaep_256, b"a text")
            assert (await crypto.decrypt(EncryptionAlgorithm.rsa_oaep_256, sealed.ciphertext)).plaintext == b"a text"
            wrapped = await crypto.wrap_key(KeyWrapAlgorithm.rsa_oaep, bytes(32))
            assert (await crypto.unwrap_key(KeyWrapAlgorithm.rsa_oaep, wrapped.encrypted_key)).key == bytes(32)
        octets = JsonWebKey(kty="oct", k=os.urandom(32), key_ops=["encrypt", "decrypt"])
        brought = await client.import_key(f"{name}-oct", octets)
        async with CryptographyClient(brought.id, credential) as crypto:
            sealed = await crypto.encrypt(EncryptionAlgorithm.a256_gcm, b"a text")
            opened = await crypto.decrypt(
                EncryptionAlgorithm.a256_gcm, sealed.ciphertext, iv=sealed.iv, authentication_tag=sealed.tag
            )
            assert opened.plaintext == b"a text"
        assert len(await client.get_random_bytes(count=16)) == 16

        backup = await client.backup_key(name)
        await client.delete_key(name)
        try:
            await client.get_key(name)
        except ResourceNotFoundError as error:
            assert error.error.code == "KeyNotFound", error.error.code
        else:
            raise AssertionError("a deleted key was given out")
        assert name in [one.name async for one in client.list_deleted_keys()]
        await client.recover_deleted_key(name)
        await client.delete_key(name)
        await client.purge_deleted_key(name)
        await client.restore_key_backup(backup)
        async with CryptographyClient(first.id, credential) as crypto:
            assert (await crypto.verify(SignatureAlgorithm.es256, DIGEST, signed[0].signature)).is_valid
        await client.delete_key(name)
        await client.purge_deleted_key(name)
    print("done")


asyncio.run(main())
