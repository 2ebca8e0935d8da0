"""
Cryptography: everything that touches a key goes through here, and every primitive is the `cryptography` library's.

Owns the protection of the root key, the envelope (root key, vault key, data key), keyed tags and hashes, password
hashing, token signatures, key sets, and the instance's certificates. Owns no policy: who may use what is the flow's.

    root key --HKDF--> tag keys, hash keys, sealing keys by purpose
    root key --wraps--> vault key --wraps--> data key, one for each version --AES-256-GCM--> value
"""
