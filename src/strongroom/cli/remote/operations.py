"""
Long-running operations of Resource Manager, as the answers to one tell about it.

    Azure-AsyncOperation  its URL answers with a `status`; the resource itself, or `Location`, has the result
    Location, 202         its URL answers with 202 until it has the result
    provisioningState     of the resource that was written, where there is neither
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import httpx

_ACCEPTED = 202
_DEFAULT_WAIT_S = 1.0
_SUCCEEDED = "succeeded"
_FAILED = {"failed", "canceled"}
_WRITES = {"PUT", "PATCH"}


class Followed(Enum):
    """By what an operation is followed."""

    STATUS = auto()
    LOCATION = auto()
    RESOURCE = auto()


@dataclass(slots=True)
class Operation:
    """One that was begun and is perhaps not over."""

    by: Followed
    at: str
    """Where to look."""
    result: str
    """Where the result is, if the last look does not have it; empty if there is none."""

    def over(self, answer: httpx.Response) -> bool:
        """Tell whether the answer to a look says that it is over, however it ended."""
        if self.by is Followed.LOCATION:
            self.at = answer.headers.get("location", self.at)
            return answer.status_code != _ACCEPTED
        return self._state(answer) in {_SUCCEEDED, *_FAILED}

    def failed(self, answer: httpx.Response) -> bool:
        """Tell whether it ended without doing what was asked."""
        return self.by is not Followed.LOCATION and self._state(answer) in _FAILED

    def _state(self, answer: httpx.Response) -> str:
        # An answer that says nothing of a state is what there is once all is done.
        return _status(answer) if self.by is Followed.STATUS else _provisioning_state(answer) or _SUCCEEDED


def begun(answer: httpx.Response, method: str, url: str) -> Operation | None:
    """
    Tell from the first answer how to follow what it began; None if all is done.

    *url* is that of the request, with its query.
    """
    location = str(answer.headers.get("location", ""))
    if status_url := answer.headers.get("azure-asyncoperation"):
        return Operation(Followed.STATUS, str(status_url), _result(method, url, location))
    if answer.status_code == _ACCEPTED and location:
        return Operation(Followed.LOCATION, location, "")
    if method in _WRITES and (_provisioning_state(answer) or _SUCCEEDED) not in {_SUCCEEDED, *_FAILED}:
        return Operation(Followed.RESOURCE, url, "")
    return None


def wait_of(answer: httpx.Response) -> float:
    """Say how long to wait before the next request, in seconds."""
    try:
        return max(0.0, float(answer.headers.get("retry-after", _DEFAULT_WAIT_S)))
    except ValueError:
        # A date: a second is as good.
        return _DEFAULT_WAIT_S


def _result(method: str, url: str, location: str) -> str:
    if method in _WRITES:
        return url
    return location if method == "POST" else ""


def _status(answer: httpx.Response) -> str:
    body = _json(answer)
    return str(body.get("status", _SUCCEEDED)).lower() if isinstance(body, dict) else _SUCCEEDED


def _provisioning_state(answer: httpx.Response) -> str:
    body = _json(answer)
    properties = body.get("properties") if isinstance(body, dict) else None
    return str(properties.get("provisioningState", "")).lower() if isinstance(properties, dict) else ""


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json() if answer.content else None
    except ValueError:
        # What is no JSON says nothing of a state.
        return None
