"""
What vaults contain: secrets today; keys and certificates will join them.

Owns the life of objects: versions, deletion, recovery, purge, backup, and the sealing of their values. Owns no HTTP and
no permission: a command is a function over a Transaction, called by a handler that holds a `Permit`.
"""
