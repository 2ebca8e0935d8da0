"""
Long-running operations of Resource Manager, as the answers to one tell about it.

An operation is followed by `Azure-AsyncOperation`, whose answer has a `status`; or by `Location`, which answers with
202 until there is a result; or, without either, by the resource's own `provisioningState`.
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx

_ACCEPTED = 202
_DEFAULT_WAIT_S = 1.0
_ENDED = {"succeeded", "failed", "canceled"}
_WRITES = {"PUT", "PATCH"}


@dataclass(slots=True)
class Polled:
    """What is known of an operation so far."""

    method: str
    url: str
    status_url: str = ""
    location: str = ""

    def saw(self, answer: httpx.Response) -> None:
        """Take note of where an answer says that the operation can be followed."""
        self.status_url = answer.headers.get("azure-asyncoperation") or self.status_url
        self.location = answer.headers.get("location") or self.location


def poll_url(answer: httpx.Response, polled: Polled) -> str | None:
    """Say where to look next; None if the operation is over."""
    if status_url := answer.headers.get("azure-asyncoperation") or polled.status_url:
        return str(status_url)
    if answer.status_code == _ACCEPTED:
        return answer.headers.get("location") or polled.location or None
    if polled.method in _WRITES and (state := _provisioning_state(answer)) and state not in _ENDED:
        return str(answer.request.url)
    return None


def is_running(answer: httpx.Response, polled: Polled) -> bool:
    """Tell whether the answer to a look says that the operation goes on."""
    if polled.status_url:
        return _text(answer, "status") not in _ENDED
    if polled.location:
        return answer.status_code == _ACCEPTED
    return _provisioning_state(answer) not in _ENDED


def final_url(polled: Polled) -> str | None:
    """Say where the result is, if the last answer is not it."""
    if not polled.status_url:
        return None
    return polled.url if polled.method in _WRITES else polled.location or None


def wait_of(answer: httpx.Response) -> float:
    """Say how long to wait before the next request."""
    try:
        return max(0.0, float(answer.headers.get("retry-after", _DEFAULT_WAIT_S)))
    except ValueError:
        # A date: a second is as good.
        return _DEFAULT_WAIT_S


def _text(answer: httpx.Response, name: str) -> str:
    try:
        return str(answer.json()[name]).lower()
    except (ValueError, KeyError, TypeError):
        # No status in an answer of 200 is what old operations end with.
        return "succeeded"


def _provisioning_state(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["properties"]["provisioningState"]).lower()
    except (ValueError, KeyError, TypeError):
        return ""
