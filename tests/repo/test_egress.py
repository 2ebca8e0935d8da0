"""That there is one way out."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "src" / "strongroom"
MODULES = {"http.client", "urllib.request", "ftplib", "smtplib", "h11", "httpx", "requests", "aiohttp"}
CALLS = {"open_connection", "create_connection", "open_unix_connection", "sock_connect"}
SPELLED = re.compile(rf"\b(?:import|from)\b.*\b(?:{'|'.join(sorted(MODULES))})|\b(?:{'|'.join(sorted(CALLS))})\b")
"""How they stand in a text: what has none of it need not be parsed."""


def reaches_out(path: Path) -> set[str]:
    """Find what in a module could send a request."""
    found: set[str] = set()
    text = path.read_text(encoding="utf-8")
    if not SPELLED.search(text):
        return found
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names):
                found |= {alias.name for alias in names} & MODULES
            case ast.ImportFrom(module=str() as module):
                found |= {module} & MODULES
            case ast.Attribute(attr=name) if name in CALLS:
                found.add(name)
    return found


def test_all_outgoing_requests_pass_one_module() -> None:
    """
    SEC-EGRESS-1: the service sends requests from `egress` alone.

    The command line is a program of its user's own: it asks the control socket, and `run` relays its child's requests.
    The listener's adapter connects to the listener that it just opened, to see that it listens, and sends nothing. The
    PROXY protocol's listener connects to the web server on loopback, and passes on to it what a client sends. A
    token's worker is spoken to over one end of a socket pair, which leads nowhere else. What is said to a mail server
    goes over a connection that `egress` made.
    """
    places = {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py") if reaches_out(path)}
    assert {place for place in places if not place.startswith("cli/")} == {
        "crypto/keys/pkcs11/process.py",
        "egress.py",
        "http/asgi.py",
        "http/proxy_listener.py",
        "smtp.py",
    }
    source = (ROOT / "smtp.py").read_text(encoding="utf-8")
    assert "_get_socket" in source, "the library's own way of connecting is replaced"
