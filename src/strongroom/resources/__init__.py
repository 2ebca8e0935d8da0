"""
Resources: what ARM's containers have in them, from management groups to vaults, and how each of it changes.

Owns the rules of containers, vaults' settings, identities, networks, private endpoints and perimeters, roles, role and
deny assignments, and of what the operator says of networks: what may be set, what may never change back, what goes
with what. Commands are functions over a `Transaction`; they check in it whatever must still be true when the change
takes effect. Owns no HTTP, no principal (the directory's) and nothing that a vault contains (the objects').

A vault's life:

    (none) --create_vault--> active --delete_vault--> deleted --recover_vault--> active
                                                      deleted --purge_vault----> (none)
"""
