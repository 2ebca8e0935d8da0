"""The limits of a request: servers on the same machine, with the same certificate, that answer a constant."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load import NotYet, Site, connect, tls
from bench.processes import cpu_s, free_port, running, tree

_START_S = 20.0
_NGINX = """\
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr error;
{user}
events {{ worker_connections 512; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    default_type application/json;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
        location / {{ return 200 '{body}'; }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a server is: a name, the certificate for it, and the authority that clients trust for it."""

    name: str
    ca_file: Path | None
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs."""

    site: Site
    pids: tuple[int, ...]

    def cpu_s(self) -> float:
        """Return the CPU time it has used so far."""
        return cpu_s(self.pids)


@contextmanager
def bare(identity: Identity, body: bytes, directory: Path) -> Iterator[Server]:
    """Run the web server that Strongroom is built on, with a handler that returns *body*."""
    content = directory / "bare-body"
    content.write_bytes(body)
    command = [sys.executable, "-m", "bench.bare_server", *map(str, (identity.certificate, identity.key, content))]
    with running(command, log=directory / "bare.log", pipe=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline()
        assert port, f"the bare server did not start: see {directory / 'bare.log'}"
        yield await_answer(identity, int(port), process)


@contextmanager
def nginx(identity: Identity, body: bytes, directory: Path) -> Iterator[Server]:
    """Run nginx, with *body* in its configuration."""
    program = _nginx_program()
    assert program is not None
    text = body.decode("utf-8")
    assert not set(text) & set("'\\$"), "nginx would read this body as something else"
    port = free_port()
    configuration = directory / "nginx.conf"
    configuration.write_text(
        _NGINX.format(
            directory=directory,
            user="user root;" if os.name == "posix" and os.geteuid() == 0 else "",
            port=port,
            certificate=identity.certificate,
            key=identity.key,
            body=text,
        ),
        encoding="utf-8",
    )
    command = [program, "-e", "stderr", "-p", str(directory), "-c", str(configuration)]
    with running(command, log=directory / "nginx.log") as process:
        yield await_answer(identity, port, process)


def has_nginx() -> bool:
    """Tell whether nginx is installed."""
    return _nginx_program() is not None


def _nginx_program() -> str | None:
    # It is often where only the administrator's PATH leads.
    return shutil.which(
        "nginx", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    )


def await_answer(identity: Identity, port: int, process: subprocess.Popen[str]) -> Server:
    """Wait until a server that was just started completes a TLS handshake."""
    site = Site(identity.name, port, identity.ca_file)
    context, until = tls(site.ca_file), time.monotonic() + _START_S
    while True:
        try:
            connect(site, context).close()
        except NotYet:
            assert process.poll() is None, f"the server ended at its start: {process.args!r}"
            assert time.monotonic() < until, f"the server does not listen: {process.args!r}"
            time.sleep(0.01)
        else:
            return Server(site, tuple(tree(process.pid)))
