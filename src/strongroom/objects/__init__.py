"""
What vaults contain: secrets, keys and certificates.

Owns the life of objects: versions, deletion, recovery, purge, backup, and the sealing of their values; of keys also
their rotation, which of them may be used now, and who may attest for a release. What keys do is `crypto.keys`. Owns no
HTTP and no permission: a command is a function over a Transaction, called by a handler that holds a `Permit`.
"""
