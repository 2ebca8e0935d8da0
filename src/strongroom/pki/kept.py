"""Answers that others may keep, and until when."""

from __future__ import annotations

from email.utils import formatdate

from strongroom.http.message import Response

KEEP_S = 3600
"""The longest that anything may be kept: after so long a revocation has come through wherever it is asked about."""


def kept_response(body: bytes, content_type: bytes, *, made: int, until: int, now: int) -> Response:
    """Answer with what was made at some time and is good until another, in Unix seconds."""
    left = max(0, min(until - now, KEEP_S))
    return Response(
        200,
        body,
        [
            (b"cache-control", b"public, no-transform, must-revalidate, max-age=%d" % left),
            (b"expires", formatdate(now + left, usegmt=True).encode()),
            (b"last-modified", formatdate(made, usegmt=True).encode()),
        ],
        content_type,
    )
