"""Every limit of letters to the contacts of certificates, like those in `core.limits`."""

from __future__ import annotations

MAIL_ADDRESS_CHARS = 254
"""What an address may have (RFC 5321 section 4.5.3.1, as RFC 3696 erratum 1690 reads it)."""
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
