"""
A vault of Azure, with the credential that its user has there.

The credential is azure-identity's: the one of Azure CLI, a browser, the environment, or a managed identity. A token is
asked for and sent for the vault's own cloud alone, and only to a host of that cloud: a wrong URL gets no token.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.identity import (
    AzureCliCredential,
    DefaultAzureCredential,
    DeviceCodeCredential,
    EnvironmentCredential,
    InteractiveBrowserCredential,
    ManagedIdentityCredential,
)

from strongroom.cli.remote.session import Refused
from strongroom.cli.transfer.transfer import TransferEnded

API_VERSION = "7.4"
CLOUDS = (".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net")
"""The domains of Azure's vaults, public and sovereign; a token's resource is the domain."""
CREDENTIALS: dict[str, Callable[[str | None], TokenCredential]] = {
    "default": lambda _tenant: DefaultAzureCredential(),
    "cli": lambda tenant: AzureCliCredential(tenant_id=tenant or ""),
    "browser": lambda tenant: InteractiveBrowserCredential(tenant_id=tenant or "organizations"),
    "device-code": lambda tenant: DeviceCodeCredential(tenant_id=tenant or "organizations"),
    "environment": lambda _tenant: EnvironmentCredential(),
    "managed-identity": lambda _tenant: ManagedIdentityCredential(),
}
"""How to sign in to Azure, by the word that the option takes."""
_TRIES = 5
_LONGEST_WAIT_S = 60.0
_TIMEOUT_S = 30.0
_TOO_MANY = 429
_PASSING = frozenset({500, 502, 503, 504})
"""What passes, and does not say whether what was asked was done."""


class NoAzureVault(ValueError):
    """The URL is not a vault's of Azure."""


def vault_base(url: str) -> str:
    """
    Read the URL of a vault of Azure and give it without a slash at its end.

    Raises:
        NoAzureVault: it is not one; the message says what one looks like.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    name = host.partition(".")[0]
    cloud = host.removeprefix(name)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme != "https" or cloud not in CLOUDS or not name or port not in {None, 443} or parts.username:
        msg = f"{url!r} is no vault of Azure: its URL is https://NAME{CLOUDS[0]}"
        raise NoAzureVault(msg)
    return f"https://{host}"


class AzureVault:
    """The data plane of a vault of Azure (`key_vault.VaultApi`)."""

    def __init__(
        self, base: str, credential: TokenCredential, client: httpx.Client, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._base = base
        self._scope = f"https://{urlsplit(base).netloc.partition('.')[2]}/.default"
        self._credential = credential
        self._client = client
        self._sleep = sleep

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Ask for something below the vault's URI, again where it is only busy."""
        return self._ask(method, f"{self._base}/{path}?api-version={API_VERSION}", body)

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Go through a list to its end."""
        link: str | None = f"{self._base}/{path}?api-version={API_VERSION}"
        while link:
            page = self._ask("GET", link, None)
            yield from page.get("value") or []
            link = self._further(page.get("nextLink"))

    def _further(self, link: str | None) -> str | None:
        """
        Read where a list goes on. Azure writes the port into it, which a vault's URL does not have.

        Raises:
            TransferEnded: it is elsewhere. The token is the vault's: it goes nowhere else, whatever a list says.
        """
        if not link:
            return None
        with suppress(NoAzureVault):
            if vault_base(link) == self._base:
                parts = urlsplit(link)
                return f"{self._base}{parts.path}?{parts.query}"
        msg = "the vault's list goes on at another host"
        raise TransferEnded(msg)

    def _ask(self, method: str, url: str, body: Any) -> Any:
        answer = self._send(method, url, body)
        for attempt in range(1, _TRIES):
            # A secret that is set again has another version: whoever starts anew sees which are there.
            if answer.status_code != _TOO_MANY and (answer.status_code not in _PASSING or method != "GET"):
                break
            self._sleep(_wait_s(answer, attempt))
            answer = self._send(method, url, body)
        if not answer.is_success:
            raise _refusal(answer, may_be_done=answer.status_code in _PASSING and method != "GET")
        try:
            return answer.json() if answer.content else None
        except ValueError:
            # A proxy's page, as those have that want somebody to sign in first.
            msg = f"{self._base} does not answer as a vault does: is there a proxy before it?"
            raise TransferEnded(msg) from None

    def _send(self, method: str, url: str, body: Any) -> httpx.Response:
        try:
            token = self._credential.get_token(self._scope).token
            return self._client.request(
                method, url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT_S
            )
        except AzureError as error:
            # Its text names the ways that were tried, and no secret.
            msg = f"Azure gave no token. {str(error).splitlines()[0]}"
            raise TransferEnded(msg) from None
        except httpx.HTTPError as error:
            msg = f"{self._base} does not answer: {type(error).__name__}"
            raise TransferEnded(msg) from None


def make_client() -> httpx.Client:
    """Make the client for a vault of Azure: it follows no redirect, since that would carry the token along."""
    return httpx.Client(follow_redirects=False)


def _wait_s(answer: httpx.Response, attempt: int) -> float:
    told = answer.headers.get("Retry-After", "")
    return min(float(told) if told.isdigit() else 2.0**attempt, _LONGEST_WAIT_S)


def _refusal(answer: httpx.Response, *, may_be_done: bool) -> Refused:
    try:
        error = answer.json().get("error", {})
    except ValueError:
        error = {}
    if not isinstance(error, dict):
        error = {}
    inner = error.get("innererror")
    return Refused(
        answer.status_code,
        str(error.get("code", "")),
        str(error.get("message", answer.reason_phrase)),
        surface="vault",
        inner=str(inner.get("code", "")) if isinstance(inner, dict) else "",
        may_be_done=may_be_done,
    )
