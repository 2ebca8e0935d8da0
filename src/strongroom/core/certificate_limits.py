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
