"""
The management plane: Azure Resource Manager's API for subscriptions, groups, vaults and rights.

Owns the rows, the wire structs and how resources are written down; every rule is `resources`'. Lists show what the
caller may read and nothing else; everything about one resource asks for its ARM action at that resource's scope.
"""
