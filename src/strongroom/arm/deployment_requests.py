"""
What a deployment asks for: requests of its caller's, through the whole flow.

Each has the caller's token and connection, so that it is judged like one that the caller sent: firewall, token, rights,
locks, and a record of its own with the deployment's correlation id. A template can do nothing that its caller could
not.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from strongroom.arm.deployment_preparation import quote_path
from strongroom.core.errors import Failure, Invalid, TooLarge
from strongroom.core.names import Site
from strongroom.flow.call import Call
from strongroom.flow.serve import serve
from strongroom.flow.surface import Surface
from strongroom.flow.world import World
from strongroom.http import json
from strongroom.http.message import Request

_CARRIED = (b"authorization", b"x-forwarded-for", b"user-agent", b"host")
_PAGES = 100
_ASKED_AGAIN = 600
"""How often the outcome of an operation is asked for that takes long."""
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the flow: its status, and its body decoded."""

    status: int
    body: Any

    @property
    def is_success(self) -> bool:
        """Whether it was done."""
        return 200 <= self.status < 300

    @property
    def error(self) -> dict[str, Any]:
        """The error of a refusal."""
        found = self.body.get("error") if isinstance(self.body, dict) else None
        return found if isinstance(found, dict) else {"code": str(self.status), "message": "The request was refused."}


class Asker:
    """Asks in a caller's name, for as long as the caller's token is good."""

    def __init__(self, call: Call) -> None:
        """Ask as the caller of *call*."""
        self._world: World = call.world
        self._surface: Surface = call.surface
        self._site: Site = call.the_site
        self._request = call.request
        connection = call.connection
        self.aside = call.world.background.aside
        self.correlation_id = connection.client_request_id or connection.request_id

    async def ask(
        self, method: str, resource: str, api_version: str, body: Any = None, *, waits: bool = True
    ) -> Answer:
        """Send a request, and wait for the outcome of one that takes long, unless told not to."""
        # All of it is the version, and none of it another parameter.
        query = f"api-version={quote(api_version, safe='')}"
        try:
            content = json.encode(body) if body is not None else b""
        except (RecursionError, UnicodeEncodeError, msgspec.MsgspecError):
            return _refused(Invalid("What the template makes of the resource cannot be written as JSON."))
        answer, follow = await self._send(method, quote_path(resource), query, content)
        if follow is None or not answer.is_success or not waits:
            return answer
        return await self._follow(answer, follow, resource, api_version)

    async def _follow(self, first: Answer, follow: str, resource: str, api_version: str) -> Answer:
        """Ask how an operation goes until it has ended, and give what it came to."""
        place = urlsplit(follow)
        for _ in range(_ASKED_AGAIN):
            answer, _ = await self._send("GET", place.path, place.query, b"")
            status = answer.body.get("status", "Succeeded") if isinstance(answer.body, dict) else "Succeeded"
            if not answer.is_success:
                return answer
            if answer.status != 202 and status not in ("Accepted", "Running", "InProgress", "Creating", "Deleting"):
                if status in ("Failed", "Canceled"):
                    return Answer(409, answer.body)
                return first if first.status != 202 else await self.ask("GET", resource, api_version)
            await asyncio.sleep(_PAUSE_S)
        return _refused(Invalid("The operation did not end in its time.", code="OperationTimedOut"))

    async def pages(self, path: str, api_version: str) -> tuple[list[dict[str, Any]], Answer | None]:
        """Read a list to its end; the second is a refusal, if there is one."""
        found: list[dict[str, Any]] = []
        place, query = quote_path(path), f"api-version={api_version}"
        for _ in range(_PAGES):
            answer, _ = await self._send("GET", place, query, b"")
            if not answer.is_success:
                return found, answer
            found += answer.body.get("value", [])
            following = answer.body.get("nextLink")
            if not following:
                return found, None
            parts = urlsplit(following)
            place, query = parts.path, parts.query
        return found, _refused(Invalid("The list of resources has too many pages."))

    async def _send(self, method: str, path: str, query: str, content: bytes) -> tuple[Answer, str | None]:
        """Send one request; the second is where its outcome can be asked for, if it takes long."""
        asked = self._request
        headers = {name: asked.headers[name] for name in _CARRIED if name in asked.headers}
        headers[b"x-ms-client-request-id"] = self.correlation_id.encode("ascii", "replace")
        if content:
            headers[b"content-type"] = b"application/json"
        headers[b"content-length"] = str(len(content)).encode()

        async def receive(limit: int, _time_s: float) -> bytes:
            if len(content) > limit:
                raise TooLarge(f"The request body is larger than {limit} bytes.")
            return content

        request = Request(
            method=method,
            host=asked.host,
            path=path.encode("ascii"),
            query=query.encode("ascii", "replace"),
            headers=headers,
            peer=asked.peer,
            link=asked.link,
            http_version=asked.http_version,
            receive_body=receive,
            ends=asked.ends,
            listener=asked.listener,
            proxy=asked.proxy,
        )
        response = await serve(self._world, self._surface, self._site, request)
        told = {name.lower(): value.decode("latin-1") for name, value in response.headers}
        body = msgspec.json.decode(response.body) if response.body else None
        follow = told.get(b"azure-asyncoperation") or (told.get(b"location") if response.status == 202 else None)
        return Answer(response.status, body), follow


def _refused(failure: Failure) -> Answer:
    return Answer(400, {"error": {"code": failure.code or "InvalidTemplate", "message": failure.message}})
