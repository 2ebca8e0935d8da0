"""
The service's own log of faults.

It names where something failed, never what with: exception texts can hold input. A `StoreFault` and `Tampered` have
none: what was altered in the store is told to nobody but the operator, who has to find it.
"""

from __future__ import annotations

import logging
import traceback

from strongroom.core.errors import Tampered
from strongroom.flow.trace import Trace
from strongroom.store import StoreFault

_logger = logging.getLogger("strongroom")


def unexpected(trace: Trace, error: BaseException) -> None:
    """
    Log a fault of ours: its type and where it arose, or which row was altered.

    Neither any other exception's text nor any local is written: both may hold a request's content. The request id is
    in the answer and in the audit journal, which is how the three are found together.
    """
    _logger.error("unexpected %s in %s: %s", type(error).__name__, _request(trace), _cause(error))


def store_failed(trace: Trace, fault: StoreFault) -> None:
    """Log that the store could not do what a request asked of it, and what it says of why."""
    _logger.error("the store failed in %s: %s: %s", _request(trace), type(fault).__name__, fault)


def journal_lags(error: Exception) -> None:
    """Log that a change's entry waits in the outbox because the journal takes none."""
    _logger.error(
        "the audit journal takes no entries (%s); a committed entry waits in the outbox", type(error).__name__
    )


def background_failed(name: str, error: BaseException) -> None:
    """Log that something which no request waits for failed, likewise."""
    _logger.error("unexpected %s in %s: %s", type(error).__name__, name, _cause(error))


def _cause(error: BaseException) -> str:
    return str(error) if isinstance(error, Tampered) else _places(error)


def _places(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return " <- ".join(
        f"{frame.name} ({frame.filename.rpartition('/')[2]}:{frame.lineno})" for frame in frames[::-1][:8]
    )


def _request(trace: Trace) -> str:
    operation = trace.route.op.name if trace.route is not None else "before routing"
    return f"{operation}, request {trace.connection.request_id}"
