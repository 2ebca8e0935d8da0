"""
A webhook that stores a new version of a secret when a vault says that the old one will soon expire.

    strongroom event-subscription create VAULT rotate --endpoint https://this-host:8444/ --event SecretNearExpiry
    strongroom event-subscription signing-secret VAULT rotate > signing-secret

    export VAULT_URL=https://VAULT.vault.azure.net
    python rotate_a_secret.py --address 0.0.0.0 --port 8444 --certificate server.pem

It takes what is signed with the subscription's key and nothing else. An event can come twice: the second time there is
a newer version, and nothing is left to do.
"""

import argparse
import datetime as dt
import hashlib
import hmac
import json
import os
import secrets
import ssl
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient

LIFETIME = dt.timedelta(days=90)
TOLERANCE_S = 300

arguments = argparse.ArgumentParser()
arguments.add_argument("--address", default="127.0.0.1")
arguments.add_argument("--port", type=int, default=8444)
arguments.add_argument("--certificate", required=True, help="PEM with the server's certificate and its key")
arguments.add_argument("--signing-secret", default="signing-secret", help="file with the subscription's signing secret")
options = arguments.parse_args()

# The vault may have names of its own, of which Microsoft's directory of clouds knows nothing.
credential = DefaultAzureCredential(disable_instance_discovery=True)
client = SecretClient(os.environ["VAULT_URL"], credential)


def is_genuine(header: str, body: bytes) -> bool:
    """Check `t=<seconds>,v1=<HMAC-SHA-256 of the seconds, a full stop and the body>`, and that it was made just now."""
    members = dict(part.partition("=")[::2] for part in header.split(","))
    moment = members.get("t", "")
    if not moment.isdigit() or abs(time.time() - int(moment)) > TOLERANCE_S:
        return False
    secret = Path(options.signing_secret).read_text().strip().encode()
    expected = hmac.new(secret, moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, members.get("v1", ""))


def rotate(name: str, version: str) -> None:
    """Store a new value, unless somebody did since."""
    current = client.get_secret(name)
    if current.properties.version != version:
        print(f"{name} has a newer version already", flush=True)
        return
    # Here the new value would be given to whatever it opens, before or after it is stored.
    expires = dt.datetime.now(dt.UTC) + LIFETIME
    client.set_secret(name, secrets.token_urlsafe(32), expires_on=expires, tags=current.properties.tags)
    print(f"{name} has a new version", flush=True)


class Webhook(BaseHTTPRequestHandler):
    """Takes deliveries of Event Grid's schema."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take a delivery, or agree to get some."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not is_genuine(self.headers.get("x-strongroom-signature", ""), body):
            self.answer(401, {})
            return
        answer = {}
        for event in json.loads(body):
            if event["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent":
                answer = {"validationResponse": event["data"]["validationCode"]}
            elif event["eventType"] == "Microsoft.KeyVault.SecretNearExpiry":
                rotate(event["data"]["ObjectName"], event["data"]["Version"])
        self.answer(200, answer)

    def answer(self, status: int, document: dict[str, str]) -> None:
        """Answer with JSON."""
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *words: object) -> None:
        """Say nothing of requests: what is rotated is printed."""


server = ThreadingHTTPServer((options.address, options.port), Webhook)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(options.certificate)
server.socket = context.wrap_socket(server.socket, server_side=True)
print("listening", flush=True)
server.serve_forever()
