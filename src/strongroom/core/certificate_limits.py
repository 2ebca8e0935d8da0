"""The limits of certificates and their issuers: see `core.limits`, which says what a limit is."""

ISSUERS = 100
"""Issuers of one vault: ours."""
ISSUER_TEXT_CHARS = 1024
"""A text of an issuer or a contact, such as its account's id or its password: ours."""
ISSUER_ADMINISTRATORS = 20
"""Administrators of an issuer's organisation: ours."""
CONTACTS = 50
"""Contacts of one vault: ours."""
EMAIL_CHARS = 254
"""An e-mail address: RFC 5321 section 4.5.3.1, with the signs around it."""
DNS_NAME_CHARS = 253
"""A DNS name in a certificate: RFC 1035."""
AUTHORITIES = 16
"""Private CAs of one tenant: ours."""
AUTHORITY_CONSTRAINTS = 50
"""Domains and networks that a private CA is constrained to: ours."""
AUTHORITY_YEARS = 30
"""Years that the root of a private CA lives: ours."""
AUTHORITY_YEARS_DEFAULT = 20
"""Years that it lives if nobody says."""
REVOKED = 10_000
"""Revoked certificates of one issuing CA that have not expired: ours. Their list is signed and served as a whole."""
OCSP_REQUEST_BYTES = 4096
"""An OCSP request, in DER: ours. One for one certificate has about 100 bytes."""
OCSP_SIGNATURES_PER_S = 50
"""OCSP answers signed in a second for what cannot be kept: nonces, and certificates that were never issued: ours."""
OCSP_ANSWERS = 10_000
"""OCSP answers that are kept: ours. One has about a kilobyte."""
MAIL_REASON_CHARS = 500
"""How much of a reason a letter repeats."""
MAIL_ATTEMPTS = 9
"""How often a letter is tried: for about two days."""
MAIL_RETRY_S = 600
"""How many seconds after its first failure it is tried again; twice as many after each further one."""
MAIL_TIME_S = 60.0
"""How long a mail server may take for one letter."""
MAIL_WAITING = 1000
"""How many letters of a vault may wait; what is more is not written."""
MAIL_PASSWORD_BYTES = 1024
"""The file with the mail server's password: ours."""
