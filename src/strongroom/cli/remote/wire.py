"""The HTTP client: an instance's own names need no resolution, and its certificates are always verified."""

from __future__ import annotations

import shlex
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from strongroom import __version__
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.endpoints import Endpoints

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_SNI = "sni_hostname"


class _Direct(httpx.BaseTransport):
    """
    Connects to one address, whatever the name: the name still goes into SNI and is what a certificate must have.

    Where *port* is given it is connected to, whatever the URL's is: what forwards that one may be on another machine.
    """

    def __init__(self, address: str, port: int | None, context: ssl.SSLContext) -> None:
        self._place: dict[str, Any] = {"host": address, **({} if port is None else {"port": port})}
        self._inner = httpx.HTTPTransport(verify=context)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Its Host was set when it was made; the request itself stays as it is."""
        there = httpx.Request(
            request.method,
            request.url.copy_with(**self._place),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, _SNI: request.url.host},
        )
        return self._inner.handle_request(there)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


def open_client(endpoints: Endpoints) -> httpx.Client:
    """
    Make a client for one instance.

    Redirects are not followed: a token is for the host that was asked. Proxies of the environment are for instances
    elsewhere alone.

    Raises:
        Halt: the CA's certificate cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=None if endpoints.ca_file is None else str(endpoints.ca_file))
    except (OSError, ssl.SSLError) as error:
        raise Halt(f"the CA's certificate in {endpoints.ca_file} cannot be used: {error}") from None
    headers = {"User-Agent": f"strongroom-cli/{__version__}"}
    if endpoints.address:
        transport = _Direct(endpoints.address, endpoints.port, context)
        return httpx.Client(transport=transport, timeout=_TIMEOUT, trust_env=False, headers=headers)
    return httpx.Client(verify=context, timeout=_TIMEOUT, headers=headers)


@contextmanager
def reaching(endpoints: Endpoints) -> Iterator[None]:
    """Turn what keeps a request from being answered into `Halt`, with what to do about it."""
    place = f" --data {shlex.quote(str(endpoints.data))}" if endpoints.data is not None else ""
    start = f"strongroom serve{place}"
    try:
        yield
    except httpx.ConnectError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            trusted = endpoints.ca_file or "what this machine trusts"
            raise Halt(
                f"the certificate at {endpoints.suffix} is not of the authority in {trusted}:"
                " sign in again with `strongroom login --ca-file` and the instance's ca.pem"
            ) from None
        raise Halt(
            f"nothing answers at {endpoints.address or endpoints.suffix} for {endpoints.suffix} ({error}):"
            f" is the service running? `{start}` starts it",
            Exit.NOT_RUNNING,
        ) from None
    except httpx.TimeoutException:
        raise Halt(f"{endpoints.suffix} did not answer in time: try again, or see what the service printed") from None
    except httpx.TransportError as error:
        raise Halt(f"the connection to {endpoints.suffix} broke ({type(error).__name__}): try again") from None


class MsalClient:
    """
    A client in the form that msal wants: what it sends to the token service goes our way.

    With *endpoints*, it goes to that instance alone: msal sends a secret wherever the token service says that it is.
    """

    def __init__(self, client: httpx.Client, endpoints: Endpoints | None = None) -> None:
        self._client = client
        self._endpoints = endpoints

    def post(
        self,
        url: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str | None] | None = None,
        **_options: object,
    ) -> httpx.Response:
        """Send a form."""
        self._check(url)
        return self._client.post(url, params=params or None, data=dict(data or {}), headers=_present(headers))

    def get(
        self,
        url: str,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str | None] | None = None,
        **_options: object,
    ) -> httpx.Response:
        """Read something."""
        self._check(url)
        return self._client.get(url, params=params or None, headers=_present(headers))

    def _check(self, url: str) -> None:
        if self._endpoints is not None and not self._endpoints.owns(url):
            raise Halt("the token service says that it is at another host, which is sent no credential")

    def close(self) -> None:
        """Do nothing: the connections are their owner's."""


def _present(headers: Mapping[str, str | None] | None) -> dict[str, str]:
    return {name: value for name, value in (headers or {}).items() if value is not None}
