"""Times in the bodies of Graph's requests."""

from __future__ import annotations

from datetime import UTC, datetime

from strongroom.core.errors import Invalid


def seconds_of(moment: datetime | None) -> int | None:
    """
    Read a time as Unix seconds; one without a zone is in UTC, as Graph's are.

    Raises:
        Invalid: it is out of range.
    """
    if moment is None:
        return None
    try:
        return int((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp())
    except (OverflowError, ValueError):
        raise Invalid("A date and time is out of range.") from None
