"""
The management plane: Azure Resource Manager's API for containers, vaults, identities, networks and rights.

Owns the rows, the wire structs and how resources are written down; every rule is `resources`'. Lists show what the
caller may read and nothing else; everything about one resource asks for its ARM action at that resource's scope.
"""
