"""How the journal says no."""

from __future__ import annotations

from strongroom.core.errors import Unavailable


class JournalUnavailable(Unavailable):
    """The journal cannot record now, so nothing may be answered (security.md: "No record, no answer"): 503."""

    def __init__(self, reason: str) -> None:
        super().__init__("The service cannot record the request at the moment and does not answer it.", reason=reason)

    def again(self) -> JournalUnavailable:
        """Make one that says the same, for each of several callers."""
        return JournalUnavailable(self.reason or "")

    def __str__(self) -> str:
        """Say the reason: this text is for the operator's log, `message` is for the caller."""
        return f"the audit journal cannot record: {self.reason}"
