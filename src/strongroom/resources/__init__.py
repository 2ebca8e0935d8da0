"""
Resources: subscriptions, resource groups, vaults, managed identities, role assignments, and how each of them changes.

Owns the rules of ARM's containers and of a vault's settings: what may be set, what may never change back, what goes
with what. Commands are functions over a `Transaction`; they check in it whatever must still be true when the change
takes effect. Owns no HTTP, no principal (the directory's) and nothing that a vault contains (the objects').

A vault's life:

    (none) --create_vault--> active --delete_vault--> deleted --recover_vault--> active
                                                      deleted --purge_vault----> (none)
"""
