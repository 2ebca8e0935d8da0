"""
Reach the hosts that are not ours as the program would without the relay: directly, or through the user's own proxy.

The variables are read once, from the environment of the command, as the standard library reads them: HTTPS_PROXY,
HTTP_PROXY and ALL_PROXY in either case, NO_PROXY.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # documented, yet not in typeshed

from strongroom.cli.azure_names import is_loopback_name

CONNECT_TIME_S = 30.0
_HEAD_BYTES = 64 * 1024
_SECOND_ADDRESS_AFTER_S = 0.25
_DEFAULT_PORTS = {"http": 80, "https": 443}

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Unreachable(Exception):
    """A host that is not ours could not be reached. `status` is what to answer."""

    def __init__(self, message: str, status: int = 502) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that the user's environment names."""

    host: str
    port: int
    tls: bool
    authorization: str | None = field(repr=False)
    """The value of Proxy-Authorization: it holds the user's password."""

    @classmethod
    def parse(cls, text: str) -> Proxy:
        """
        Read a proxy's URL; without a scheme it is http, as every client takes it.

        Raises:
            ValueError: it is no URL of an HTTP proxy. The message does not repeat it: it may hold a password.
        """
        url = urlsplit(text if "://" in text else f"http://{text}")
        if url.scheme not in _DEFAULT_PORTS or not url.hostname:
            raise ValueError("only http:// and https:// proxies can be passed through")
        authorization = None
        if url.username is not None:
            user = f"{unquote(url.username)}:{unquote(url.password or '')}".encode()
            authorization = f"Basic {base64.b64encode(user).decode('ascii')}"
        return cls(url.hostname, url.port or _DEFAULT_PORTS[url.scheme], url.scheme == "https", authorization)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """How the user's own environment reaches the world."""

    proxies: Mapping[str, Proxy] = field(default_factory=dict)
    """By the scheme of the request: `http`, `https`."""
    no_proxy: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Surroundings:
        """
        Read the variables, lower case first, as curl does.

        Raises:
            ValueError: a proxy's URL cannot be used; the message names the variable.
        """
        proxies = {}
        for scheme in ("http", "https"):
            for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY"):
                text = environment.get(name, "").strip()
                if not text:
                    continue
                try:
                    proxies[scheme] = Proxy.parse(text)
                except ValueError as error:
                    raise ValueError(f"{name}: {error}") from None
                break
        return cls(proxies, environment.get("no_proxy", "") or environment.get("NO_PROXY", ""))

    def proxy_for(self, scheme: str, host: str, port: int) -> Proxy | None:
        """Give the proxy that the user wants for a host, or None for the direct way."""
        if is_loopback_name(host) or proxy_bypass_environment(f"{host}:{port}", {"no": self.no_proxy}):
            return None
        return self.proxies.get(scheme)


async def connect(host: str, port: int, *, tls: bool = False) -> Stream:
    """
    Open a connection; a name under `localhost` is this machine, whatever the resolver says.

    Raises:
        Unreachable: no address answers, in time or at all.
    """
    # RFC 6761 section 6.3. Plain glibc does not know it, and the service's names lie there by default.
    address = "localhost" if is_loopback_name(host) else host
    try:
        async with asyncio.timeout(CONNECT_TIME_S):
            return await asyncio.open_connection(
                address,
                port,
                limit=_HEAD_BYTES,
                happy_eyeballs_delay=_SECOND_ADDRESS_AFTER_S,
                ssl=ssl.create_default_context() if tls else None,
                server_hostname=host if tls else None,
            )
    except TimeoutError:
        raise Unreachable(f"{host}:{port} did not answer within {CONNECT_TIME_S:.0f} seconds", 504) from None
    except OSError as error:
        raise Unreachable(f"{host}:{port} cannot be reached: {error.strerror or error}") from None


async def open_tunnel(surroundings: Surroundings, host: str, port: int) -> Stream:
    """
    Open a way to a host for bytes of any kind.

    Raises:
        Unreachable: neither the host nor the user's proxy lets us.
    """
    proxy = surroundings.proxy_for("https", host, port)
    if proxy is None:
        return await connect(host, port)
    reader, writer = await connect(proxy.host, proxy.port, tls=proxy.tls)
    try:
        await _ask_for_tunnel(reader, writer, proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except BaseException:
        writer.close()
        raise
    return reader, writer


async def _ask_for_tunnel(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, proxy: Proxy, authority: str
) -> None:
    credential = f"Proxy-Authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
    writer.write(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{credential}\r\n".encode("ascii"))
    try:
        async with asyncio.timeout(CONNECT_TIME_S):
            head = await reader.readuntil(b"\r\n\r\n")
    except TimeoutError:
        raise Unreachable(f"the proxy {proxy.host} did not answer", 504) from None
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
        raise Unreachable(f"the proxy {proxy.host} gave no answer that can be read") from None
    status = head.split(b"\r\n", 1)[0].split(b" ", 2)
    if len(status) < 2 or not status[0].startswith(b"HTTP/1.") or not status[1].isdigit():
        raise Unreachable(f"the proxy {proxy.host} gave no answer that can be read")
    if not 200 <= int(status[1]) < 300:
        reason = status[2].decode("latin-1") if len(status) > 2 else ""
        # The status says it all but 407: the child cannot answer for a proxy that it does not know of.
        code = int(status[1]) if 400 <= int(status[1]) < 600 and int(status[1]) != 407 else 502
        raise Unreachable(f"the proxy {proxy.host} answers {int(status[1])} {reason}".rstrip(), code)
