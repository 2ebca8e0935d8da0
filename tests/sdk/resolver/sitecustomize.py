"""
Resolve names under `localhost` to this machine, as the one hosts line does: that file is not the suite's to write.

Python imports this module at its start when its directory is on PYTHONPATH.
"""

import socket

_ask = socket.getaddrinfo


def _resolve(host, *arguments, **options):  # noqa: ANN001, ANN002, ANN003, ANN202  the signature is the standard library's
    name = host.decode() if isinstance(host, bytes) else host
    return _ask("127.0.0.1" if name and name.endswith(".localhost") else host, *arguments, **options)


socket.getaddrinfo = _resolve
