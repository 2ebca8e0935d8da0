"""
The audit journal: what was asked, by whom, and what was answered, in files that cannot be altered unnoticed.

Owns the form of an audit entry (`event`), the chain of lines (`chain`), the files and their durability (`files`,
`journal`), and how a chain is judged (`verification`) and read (`reading`). Owns no decision about what is recorded:
that is the flow's. Other sinks follow the journal; none can filter it.

    append --> one line written to the kernel --> (within 50 ms) flushed to disk --> durable_through, checkpoint
       |              |
       |              +-- full, failed, altered or closed: JournalUnavailable, and the caller answers 503
       +-- nothing has reached the disk for too long: JournalUnavailable

One line is one entry: `{"seq":N,"prev":"MAC","outbox":N,"entry":{...},"mac":"MAC"}`. `mac` is a keyed tag over every
byte before it, `prev` is the `mac` of the line before, over the borders of files too. Whoever can write the files but
has no root key can make no line, and can take none away except from the end; a checkpoint kept elsewhere finds that.
"""

from strongroom.journal.chain import Tagger
from strongroom.journal.event import Entry, Identity, Template, encode
from strongroom.journal.failures import JournalUnavailable
from strongroom.journal.journal import Journal, require_form
from strongroom.journal.reading import Recorded, find, tail
from strongroom.journal.verification import Report, verify

__all__ = [
    "Entry",
    "Identity",
    "Journal",
    "JournalUnavailable",
    "Recorded",
    "Report",
    "Tagger",
    "Template",
    "encode",
    "find",
    "require_form",
    "tail",
    "verify",
]
