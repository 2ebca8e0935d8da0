"""The service's own log of faults. It names where something failed, never what with: exception texts can hold input."""

from __future__ import annotations

import logging
import traceback

from strongroom.flow.trace import Trace

_logger = logging.getLogger("strongroom")


def unexpected(trace: Trace, error: BaseException) -> None:
    """
    Log a fault of ours: its type and where it arose.

    Neither the exception's text nor any local is written: both may hold a request's content. The request id is in the
    answer and in the audit journal, which is how the three are found together.
    """
    frames = traceback.extract_tb(error.__traceback__)
    places = " <- ".join(
        f"{frame.name} ({frame.filename.rpartition('/')[2]}:{frame.lineno})" for frame in frames[::-1][:8]
    )
    operation = trace.route.op.name if trace.route is not None else "before routing"
    _logger.error(
        "unexpected %s in %s, request %s: %s", type(error).__name__, operation, trace.connection.request_id, places
    )


def journal_lags(error: Exception) -> None:
    """Log that a change's entry waits in the outbox because the journal takes none."""
    _logger.error(
        "the audit journal takes no entries (%s); a committed entry waits in the outbox", type(error).__name__
    )
