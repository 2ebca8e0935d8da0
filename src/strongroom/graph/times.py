"""Times in the bodies of Graph's requests."""

from __future__ import annotations

from datetime import UTC, datetime

from strongroom.core.errors import Invalid

LAST_SECOND = int(datetime.max.replace(tzinfo=UTC).timestamp())
"""The last one that has a date."""


def seconds_of(moment: datetime | None) -> int | None:
    """
    Read a time as Unix seconds; one without a zone is in UTC, as Graph's are.

    Raises:
        Invalid: it is out of range.
    """
    if moment is None:
        return None
    try:
        # In UTC, since that is how it is shown again: a zone may carry the first and last years out of the calendar.
        return int((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC).timestamp())
    except (OverflowError, ValueError):
        raise Invalid("A date and time is out of range.") from None
