"""
The data plane: what a vault answers on its own host.

Owns the table of operations, the wire structs, and the mapping between them and `strongroom.objects`. Owns no rule.
"""
