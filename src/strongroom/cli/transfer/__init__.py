"""
Secrets from elsewhere into a vault, and out of it again.

Owns what a secret's history is, how two of them compare, and the places that histories are read from and written to: a
vault of Azure or of any Strongroom, OpenBao's and HashiCorp Vault's KV version 2, and files. Every vault is spoken to
through its public API with the operator's own token, so nothing goes round rights, firewall or audit.

Nothing is remembered between two calls. What a destination has already is compared with what the source has, version by
version, so a transfer that was interrupted goes on when it is started again, and one that was done finds nothing to do.
"""
