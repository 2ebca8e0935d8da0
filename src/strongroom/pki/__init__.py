"""
What anybody may have over plain HTTP: what belongs to the private CAs, and answers to ACME authorities' challenges.

Of the private CAs these are lists of revoked certificates, OCSP and the CAs' certificates. Owns the rows and how long
an answer may be kept. Owns no key and no decision: those are `objects.issuers`. All of it reads, is public by its
nature and signed where that matters (RFC 5280 section 8, RFC 6960 section 5); the listener is one of its own,
`pki_listen`, which is off unless the operator names an address, and serves nothing else.
"""
