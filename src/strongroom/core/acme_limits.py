"""
The limits of certificates from ACME authorities. Each has a test at the limit and one past it.

All are ours: RFC 8555 leaves them to the client.
"""

from __future__ import annotations

ACME_ACCOUNTS = 100
"""Accounts with ACME authorities."""
ACME_ACCOUNT_NAME_CHARS = 64
"""The name of one."""
ACME_ACCOUNT_CONTACTS = 10
"""Contacts that an authority is told for one account."""
ACME_CONTACT_CHARS = 320
"""One of them, `mailto:` included."""
ACME_ACCOUNT_TENANTS = 100
"""Tenants whose vaults may use one account."""
ACME_ACCOUNT_DOMAINS = 100
"""Domains that one account is confined to."""
ACME_EXTERNAL_KEY_CHARS = 1024
"""The key of an external account binding, in base64url."""
ACME_EXTERNAL_KEY_BYTES = 16
"""The least that such a key has, decoded."""
ACME_EXTERNAL_ID_CHARS = 256
"""What an authority calls that key."""
HOOK_PATH_CHARS = 1024
"""The path of a DNS hook."""
HOOK_TIME_S = 60.0
"""How long a DNS hook may run."""
HOOK_PATIENCE_S = 2.0
"""How long a step waits for a hook; if it takes longer, the next step sees what came of it."""
HOOKS_REMEMBERED = 256
"""Hooks that ran, or do, of which the end is remembered until the next step."""
HOOK_OUTPUT_BYTES = 4096
"""What is read of a hook's output; the rest is let go."""
HOOK_TRIES = 3
"""How often a hook is run for one record before the certificate is given up."""
HOOK_RETRY_S = 30
"""After how long a hook that failed is run again."""
DNS_WAIT_S = 30
"""How long a record is given to reach the authority's resolvers, if the operator says nothing."""
DNS_WAIT_MAX_S = 3600
"""The longest that the operator may say."""
ACME_NAMES = 100
"""Names in one certificate."""
ACME_NONCE_TRIES = 5
"""How often a request is sent, each time with a new nonce, before an authority counts as out of order."""
ACME_ORDERS = 3
"""Orders that are made for one certificate, should one be lost."""
ACME_ISSUANCE_S = 86_400
"""How long an authority has to issue a certificate."""
ACME_POLL_S = 2
"""After how long an authority is first asked again, if it says nothing; then twice as long each time."""
ACME_POLL_MAX_S = 300
"""The longest of these."""
ACME_RETRY_AFTER_S = 3600
"""The longest wait that an authority may ask for; one that asks for more at its rate limit has refused."""
ACME_DETAIL_CHARS = 300
"""What is repeated of an authority's own words."""
ACME_CHAIN = 10
"""Certificates in a chain."""
ACME_DIRECTORY_FRESH_S = 3600
"""How long an authority's directory counts before it is read again."""
ACME_TOKEN_CHARS = 128
"""The token of a challenge."""
ACME_CONTROL_S = 12.0
"""How long an authority has while an operator waits at the control socket."""
ACME_REQUESTS_AT_ONCE = 4
"""Requests to authorities at the same time; others wait, within their time."""
