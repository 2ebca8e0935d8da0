"""
Requests to an instance's public API with the operator's own token: Resource Manager, Microsoft Graph and vaults.

    with open_session(data) as session:
        groups = list(session.arm_pages(f"/subscriptions/{session.subscription}/resourceGroups",
                                        api_version="2022-09-01"))
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from strongroom.cli.instance import DATA_VARIABLE, data_directory, find_instance
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote import tokens as token_source
from strongroom.cli.remote.accounts import Account, read_accounts
from strongroom.cli.remote.endpoints import Endpoints, endpoints_at, local_endpoints
from strongroom.cli.remote.operations import begun, wait_of
from strongroom.cli.remote.refusals import Refused, refusal
from strongroom.cli.remote.tokens import Credential, Tokens, from_environment, new_cache
from strongroom.cli.remote.wire import open_client, reaching
from strongroom.cli.text import one_line

__all__ = ["Refused", "Session", "open_account", "open_session", "segment"]

SUBSCRIPTIONS_VERSION = "2022-12-01"
VAULT_VERSION = "7.6"
_RESOURCE_MANAGER, _GRAPH, _VAULT = "Resource Manager", "Graph", "vault"
_UNAUTHORIZED, _TOO_MANY, _UNAVAILABLE = 401, 429, 503
_REPEATED = {
    _RESOURCE_MANAGER: frozenset({"GET", "PUT", "DELETE"}),
    _GRAPH: frozenset({"GET"}),
    _VAULT: frozenset({"GET"}),
}
"""
What is sent again after 503, which may have come after the change was made. Resource Manager's PUT says what is to be
there in the end; a vault's makes another version each time, and Graph's POST another user (ADR 0014).
"""
_TRIES = 4
"""How often a request is sent that is told to wait."""
_LONGEST_WAIT_S = 30.0
_OPERATION_S = 600.0
"""How long an operation is waited for."""

Json = Any


class Session:
    """A signed-in operator at one instance."""

    def __init__(
        self, endpoints: Endpoints, client: httpx.Client, tokens: Tokens, subscription: str | None, account: Account
    ) -> None:
        self.endpoints = endpoints
        self.account = account
        self._client = client
        self._tokens = tokens
        self._wanted = subscription
        self._subscription = ""

    @property
    def domain(self) -> str:
        """The instance's domain."""
        return self.endpoints.domain

    @property
    def claims(self) -> Mapping[str, Any]:
        """Who the operator is, as the token for Resource Manager says."""
        return self._tokens.claims()

    @property
    def tenant(self) -> str:
        """The id of the operator's tenant."""
        return str(self.claims["tid"])

    @property
    def subscription(self) -> str:
        """
        The id of the subscription that is worked in: the one that was named, or the only one there is.

        Raises:
            Halt: there is no such one, or several and none is named.
        """
        if not self._subscription:
            self._subscription = self._find_subscription()
        return self._subscription

    def subscriptions(self) -> list[dict[str, Any]]:
        """List the subscriptions that the operator sees."""
        return list(self.arm_pages("/subscriptions", api_version=SUBSCRIPTIONS_VERSION))

    def arm(
        self, method: str, path: str, body: Json = None, *, api_version: str, query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:  # fmt: skip
        """
        Ask Resource Manager, and wait for the end of what takes its time; None if it answers with nothing.

        *path* begins with a slash; what is put into it must have gone through `segment`.

        Raises:
            Refused: it refuses, or what it began failed.
            Halt: it cannot be asked.
        """
        # The query is part of the URL from here on: the operation may have to be looked for under it.
        asked = httpx.URL(f"{self.endpoints.arm}{path}", params={"api-version": api_version, **(query or {})})
        if not path.startswith("/"):
            raise ValueError("a path begins with a slash: otherwise it may name another host, which gets the token")
        answer = self._send(_RESOURCE_MANAGER, method, str(asked), body, None, headers)
        return _body(self._end_of(answer, method, str(asked)))

    def arm_pages(
        self, path: str, *, api_version: str, query: Mapping[str, str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """List what Resource Manager has, page after page."""
        return self._pages(
            _RESOURCE_MANAGER, f"{self.endpoints.arm}{path}", {"api-version": api_version, **(query or {})}, "nextLink"
        )

    def graph(self, method: str, path: str, body: Json = None, query: Mapping[str, str] | None = None) -> Json:
        """Ask Microsoft Graph; *path* is what follows `/v1.0`, and begins with a slash."""
        return _body(self._send(_GRAPH, method, f"{self.endpoints.graph}/v1.0{path}", body, query or {}))

    def graph_pages(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """List what Microsoft Graph has, page after page."""
        return self._pages(_GRAPH, f"{self.endpoints.graph}/v1.0{path}", query or {}, "@odata.nextLink")

    def vault(
        self, name: str, method: str, path: str, body: Json = None, *, query: Mapping[str, str] | None = None
    ) -> Json:
        """Ask a vault, by its name; *path* begins with a slash."""
        url = f"{self.endpoints.vault(name)}{path}"
        return _body(self._send(_VAULT, method, url, body, {"api-version": VAULT_VERSION, **(query or {})}))

    def vault_pages(self, name: str, path: str, *, query: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """List what a vault has, page after page."""
        params = {"api-version": VAULT_VERSION, **(query or {})}
        return self._pages(_VAULT, f"{self.endpoints.vault(name)}{path}", params, "nextLink")

    # ---- how ---------------------------------------------------------------------------------------------------------

    def _find_subscription(self) -> str:
        listed = self.subscriptions()
        wanted = (self._wanted or "").lower()
        if wanted:
            found = [one for one in listed if wanted in {one["subscriptionId"].lower(), one["displayName"].lower()}]
        else:
            found = listed
        if len(found) == 1:
            return str(found[0]["subscriptionId"])
        # People wrote the names.
        names = one_line(", ".join(f"{one['displayName']} ({one['subscriptionId']})" for one in listed))
        if not listed:
            raise Halt("you see no subscription: an Owner of one has to assign you a role there", Exit.REFUSED)
        if not found:
            raise Halt(f"there is no subscription {self._wanted!r} among those that you see: {names}")
        raise Halt(
            f"say which subscription, with --subscription or `strongroom account set --subscription`: {names}",
            Exit.USAGE,
        )

    def _pages(self, surface: str, url: str, params: Mapping[str, str], link: str) -> Iterator[dict[str, Any]]:
        page = _body(self._send(surface, "GET", url, None, params)) or {}
        yield from page.get("value") or ()
        while next_url := page.get(link):
            page = _body(self._send(surface, "GET", self._own(str(next_url)), None, None)) or {}
            yield from page.get("value") or ()

    def _end_of(self, answer: httpx.Response, method: str, url: str) -> httpx.Response:
        """Look until a long-running operation is over, and give what it left."""
        operation = begun(answer, method, url)
        if operation is None:
            return answer
        deadline = time.monotonic() + _OPERATION_S
        over = False
        while not over:
            if time.monotonic() > deadline:
                raise Halt(f"what was begun is not over after {_OPERATION_S:.0f} seconds, and goes on")
            time.sleep(min(wait_of(answer), _LONGEST_WAIT_S))
            answer = self._send(_RESOURCE_MANAGER, "GET", self._own(operation.at), None, None)
            over = operation.over(answer)
        if operation.failed(answer):
            raise refusal(
                answer.status_code, _body(answer), surface=_RESOURCE_MANAGER, request="", data=self.endpoints.data
            )
        if not operation.result:
            return answer
        return self._send(_RESOURCE_MANAGER, "GET", self._own(operation.result), None, None)

    def _own(self, url: str) -> str:
        """Check that a URL that the service gave is its own: it is sent the operator's token."""
        if not self.endpoints.owns(url):
            raise Halt("the service's answer leads to another host, which is given no token")
        return url

    def _send(
        self, surface: str, method: str, url: str, body: Json, params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:  # fmt: skip
        """Send a request, again with another token or after a while where the answer asks for that."""
        audience = _AUDIENCES[surface]
        fresh = False
        for attempt in range(1, _TRIES + 1):
            token = self._tokens.of(audience, fresh=fresh)
            with reaching(self.endpoints):
                answer = self._client.request(
                    method, url, json=body, params=params or None,
                    headers={"Authorization": f"Bearer {token}", **(headers or {})},
                )  # fmt: skip
            if answer.status_code == _UNAUTHORIZED and not fresh and attempt < _TRIES:
                fresh = True
            elif (
                answer.status_code == _TOO_MANY or (answer.status_code == _UNAVAILABLE and method in _REPEATED[surface])
            ) and attempt < _TRIES:
                time.sleep(min(wait_of(answer), _LONGEST_WAIT_S))
            else:
                break
        else:
            raise AssertionError("the last try ends the loop")
        if answer.is_success:
            return answer
        raise refusal(
            answer.status_code,
            _body(answer),
            surface=surface,
            request=answer.headers.get("x-ms-request-id", ""),
            data=self.endpoints.data,
            may_be_done=answer.status_code == _UNAVAILABLE and method != "GET",
        )


_AUDIENCES = {_RESOURCE_MANAGER: token_source.ARM, _GRAPH: token_source.GRAPH, _VAULT: token_source.VAULT}


@contextmanager
def open_session(data: Path | None, *, tenant: str | None = None, subscription: str | None = None) -> Iterator[Session]:
    """
    Give a session of the operator: of the environment's application if it names one, or else of who signed in.

    *data* is the directory of an instance of this machine; without it, the account that is used says which instance.

    Raises:
        Halt: nobody is signed in there, or the instance does not run.
    """
    account, credential, endpoints = _who(data, tenant)
    with _session(endpoints, account, credential, subscription) as session:
        yield session


@contextmanager
def open_account(account: Account, *, subscription: str | None = None) -> Iterator[Session]:
    """
    Give a session of an account that is remembered, whatever the environment says.

    Raises:
        Halt: its instance does not run.
    """
    with _session(account.endpoints(), account, None, subscription) as session:
        yield session


@contextmanager
def _session(
    endpoints: Endpoints, account: Account, credential: Credential | None, subscription: str | None
) -> Iterator[Session]:
    with open_client(endpoints) as client:
        tokens = Tokens(endpoints, client, account, credential, memory=None if credential is None else new_cache())
        yield Session(endpoints, client, tokens, subscription or account.subscription or None, account)


def segment(text: str) -> str:
    """
    Quote a name for use as one segment of a path.

    Raises:
        Halt: it is none. Dots would be taken out of the path with what is before them, so that another thing would be
            asked for: a role at a whole vault in the place of one at a secret.
    """
    if text in {"", ".", ".."}:
        raise Halt(f"{text!r} cannot be a name", Exit.USAGE)
    return quote(text, safe="")


def _who(data: Path | None, tenant: str | None) -> tuple[Account, Credential | None, Endpoints]:
    named = data is not None or bool(os.environ.get(DATA_VARIABLE))
    if (found := from_environment(tenant)) is not None:
        account, credential = found
        endpoints, first_tenant = _surroundings(data, named=named)
        if not account.tenant and not first_tenant:
            raise Halt("say in which tenant the application is: STRONGROOM_TENANT_ID", Exit.USAGE)
        return _in_tenant(account, account.tenant or first_tenant), credential, endpoints
    known = read_accounts()
    chosen = known.at(data_directory(data), tenant) if named else known.find(known.current)
    if chosen is None and named and tenant is not None:
        # Signed in there as somebody of another tenant: that is what is told.
        chosen = known.at(data_directory(data), None)
    if chosen is None:
        directory = data_directory(data)
        # What does not run is said first: there is nothing to sign in to.
        find_instance(directory)
        raise Halt(
            f"you are not signed in to the instance in {directory}:"
            f" strongroom login --data {shlex.quote(str(directory))}",
            Exit.REFUSED,
        )
    if tenant is not None and chosen.tenant != tenant.lower():
        raise Halt(f"you are not signed in to the tenant {tenant}: strongroom login --tenant {tenant}", Exit.REFUSED)
    return chosen, None, chosen.endpoints()


def _surroundings(data: Path | None, *, named: bool) -> tuple[Endpoints, str]:
    """Find the instance that an application of the environment means, and its first tenant if it is one of here."""
    url = os.environ.get("STRONGROOM_URL", "")
    if url and not named:
        ca_file = os.environ.get("STRONGROOM_CA_FILE", "")
        return endpoints_at(url, Path(ca_file) if ca_file else None), ""
    instance = find_instance(data)
    return local_endpoints(instance), instance.tenant


def _in_tenant(account: Account, tenant: str) -> Account:
    from dataclasses import replace  # noqa: PLC0415  for the environment's applications alone

    return replace(account, tenant=tenant)


def _body(answer: httpx.Response) -> Json:
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        # A proxy's page: there is nothing in it for us.
        if answer.is_success:
            raise Halt(
                f"what answers at {answer.url.host} is not the service: it is no JSON. Is there a proxy before it?"
            ) from None
        return None
