"""A live service: `strongroom serve` as a process of its own, and a client that needs no name resolution."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from strongroom import config
from strongroom.app.data_directory import lock_directory, prepare_directory
from strongroom.app.first_start import initialise_held

STRONGROOM = str(Path(sys.executable).with_name("strongroom"))
START_S = 60.0


def clean_environment() -> dict[str, str]:
    """Give this process's environment without anything that would change a service's settings or a client's trust."""
    dropped = ("STRONGROOM_", "AZURE_", "IDENTITY_", "MSI_")
    names = {"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"}
    return {
        name: value for name, value in os.environ.items() if not name.startswith(dropped) and name.upper() not in names
    }


_PORTS = range(15_000, 30_000)
"""Below those that the system gives to whoever connects: one of a service that was stopped is still free when it starts
again."""


def free_port() -> int:
    """Find a port that nobody listens on, and that nobody is given who asks for any."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Service:
    """An instance in a directory, started and stopped as its operator would."""

    def __init__(self, data: Path, *, initialise: bool = True, entry: Sequence[str] = ()) -> None:
        """Name an instance, and make it if so asked. *entry* begins the command line that starts it."""
        self.data = data
        self._entry = tuple(entry)
        self.port = free_port()
        self.output = data.parent / f"{data.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.first: dict[str, str] = {}
        if initialise:
            asyncio.run(self._initialise())

    async def _initialise(self) -> None:
        """Do what `strongroom init` does, less its process: most of its time is spent on imports, and many start so."""
        settings = config.load(self.data, {"port": self.port}, environment={})
        before = os.umask(0o077)
        try:
            prepare_directory(settings.data)
            async with lock_directory(settings.data):
                await initialise_held(settings, self.first.update)
        finally:
            os.umask(before)

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of ours to its end."""
        return subprocess.run(
            [STRONGROOM, *arguments], check=check, capture_output=True, text=True, env=clean_environment(), timeout=60
        )

    def start(self) -> None:
        """Start to serve, and wait until it says it is ready."""
        run_file = self.data / "run.json"
        run_file.unlink(missing_ok=True)
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [*self._entry, STRONGROOM, "serve", "--data", str(self.data)],
                stdout=output, stderr=output, env=clean_environment(),
            )  # fmt: skip
        deadline = time.monotonic() + START_S
        while not run_file.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the service did not start: {self.output.read_text()}")
            time.sleep(0.01)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that serves."""
        assert self._process is not None
        return self._process

    def kill(self) -> None:
        """End it as a power cut would, with nothing finished."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def stop(self) -> int:
        """Ask it to stop, and give its exit code."""
        self.process.terminate()
        return self.process.wait(30)

    def __enter__(self) -> Self:
        """Serve while the block lasts."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self.stop()

    def client(self) -> Client:
        """Make a client of this instance."""
        return Client(self)


class Client:
    """Asks a live service under its own names, over loopback, with verification on."""

    def __init__(self, service: Service) -> None:
        self._service = service
        context = ssl.create_default_context(cafile=service.first["caFile"])
        self._client = httpx.Client(verify=context, timeout=30, trust_env=False)

    def ask(self, method: str, url: str, *, token: str | None = None, **how: Any) -> httpx.Response:
        """Send a request. The name is resolved here: plain glibc knows no `*.localhost`."""
        parts = urlsplit(url)
        headers = {"Host": parts.netloc, **how.pop("headers", {})}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        target = parts._replace(netloc=f"127.0.0.1:{parts.port or 443}").geturl()
        return self._client.request(method, target, headers=headers, extensions={"sni_hostname": parts.hostname}, **how)

    def token(self, resource: str = "https://vault.azure.net") -> str:
        """Sign in as the first application."""
        first = self._service.first
        answer = self.ask(
            "POST",
            f"{first['authority']}/{first['tenantId']}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": first["clientId"],
                "client_secret": first["clientSecret"],
                "scope": f"{resource}/.default",
            },
        )
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
