"""
What vaults' keys are made of and what they do: the algorithms, and the places where private parts live.

    protocol     KeyProtection: what every such place does
    algorithms   the one table
    public       everything that takes a public part alone
    material     private parts that come from outside, checked
    software     private parts sealed in the store, used in this process
    pkcs11       private parts in a token, which they do not leave in the clear

Owns no permission, no attribute and no name: those are `core.keys` and `objects.keys`.
"""
