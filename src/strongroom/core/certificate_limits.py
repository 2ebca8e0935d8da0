"""The limits of certificates and their issuers: see `core.limits`, which says what a limit is."""

SUBJECT_NAME_CHARS = 200
"""A certificate's subject, as text."""
ALTERNATIVE_NAMES = 100
"""Alternative names of one certificate, of all kinds together: ours."""
ALTERNATIVE_NAME_CHARS = 254
"""An alternative name; a URI can be longer: RFC 5321 section 4.5.3.1 for e-mail, and ours for UPNs."""
ALTERNATIVE_URI_CHARS = 2048
"""A URI among them: ours."""
KEY_PURPOSES = 50
"""Object identifiers in `ekus`: ours."""
KEY_PURPOSE_CHARS = 100
"""One of them: ours."""
VALIDITY_MONTHS = 1200
"""How long a certificate may live: ours. Issuers other than the certificate itself give less."""
LIFETIME_ACTIONS = 1
"""What a policy can have happen by itself: one action, or nothing."""
LIFETIME_PERCENTAGE = 99
"""The latest time of a lifetime action as a part of the life; the earliest is 1."""
DAYS_OF_A_MONTH = 27
"""For each month of validity, a lifetime action may come so many days before the end at the earliest."""
CERTIFICATE_TYPE_CHARS = 64
"""`cty`, the type of certificate, or its profile: ours."""
CHAIN_CERTIFICATES = 10
"""Certificates that are merged or issued together, the leaf counted: ours."""
CERTIFICATE_BYTES = 65_536
"""One of them, in DER or PEM: ours."""
STEP_FAILURES = 30
"""How many steps in a row may fail because an issuer cannot be reached, until its operation fails: ours, over a day."""
STEP_RETRY_S = 60
"""How long after the first of them it is tried again; twice as long each time, to the longest: ours."""
STEP_RETRY_MAX_S = 3600
"""The longest of these times: ours."""
SILENCE_S = 60
"""How long an issuer that could not be reached is left alone by the job: ours."""
SILENCES = 1_000
"""Accounts at issuers of which that is remembered at once: ours."""
ISSUANCE_S = 30 * 86_400
"""How long an issuer may take until its operation fails: ours."""
RENEWAL_RETRY_S = 3600
"""How long after a renewal failed it is tried again; twice as long each time, to a day: ours."""
UNWANTED_RETRY_S = 86_400
"""The same of one that was issued and not taken, since CAs count what they issue; twice as long each time: ours."""
UNWANTED_RETRY_MAX_S = 7 * 86_400
"""How long that is at most: ours."""
NEAR_EXPIRY_S = 30 * 86_400
"""How long before its expiry a certificate is near it."""
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
IMPORT_CHARS = 131_072
"""`value` of an import, as text: ours."""
IMPORT_PASSWORD_CHARS = 200
"""Its password."""
IMPORT_CPU_S = 5
"""What a PKCS#12 file may cost until it is opened: it says itself how often its password is hashed. Ours."""
IMPORTS_AT_ONCE = 2
"""Imports that are read at the same time: ours."""
IMPORTS_WAITING = 32
"""Those that may wait for that; more are answered 429: ours."""
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
LIST_HERE = 500
"""Entries of a list that is built in this process, which takes ten milliseconds or so: ours."""
LIST_CPU_S = 10
"""What the building of the longest list may cost, which takes less than half a second: ours."""
OCSP_REQUEST_BYTES = 4096
"""An OCSP request, in DER: ours. One for one certificate has about 100 bytes."""
OCSP_SIGNATURES_PER_S = 50
"""OCSP answers signed in a second for what cannot be kept: nonces, and certificates that were never issued: ours."""
OCSP_ANSWERS = 10_000
"""OCSP answers that are kept: ours. One has about a kilobyte."""
ISSUED_SHOWN = 1000
"""Certificates of a private CA that an operator is shown at once: ours."""
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
