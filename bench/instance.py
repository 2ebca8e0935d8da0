"""The service under test: made, started and set up through its own commands and interfaces, as its users would."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from bench.client import ask, ask_json
from bench.limits import Identity, Server, await_answer
from bench.load import Site
from bench.processes import free_port, running

_COMMAND = (sys.executable, "-m", "strongroom")
_INIT_S = 60.0
VAULT_RESOURCE = "https://vault.azure.net"
_ARM_VERSION = "2023-07-01"


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance in a directory of its own, and what its first start told of it."""

    data: Path
    port: int
    tenant: str
    vault_id: str
    vault: Site
    login: Site
    management: Site
    graph: Site
    client_id: str
    client_secret: str = field(repr=False)
    user_name: str
    user_password: str = field(repr=False)

    @property
    def identity(self) -> Identity:
        """The certificate it serves with, for the servers it is compared with."""
        return Identity(self.vault.name, self.vault.ca_file, self.data / "server.pem", self.data / "server.key")

    @contextmanager
    def serving(self, log: Path) -> Iterator[Server]:
        """Serve for as long as the block lasts."""
        with running(self.serve_command(), log=log) as process:
            yield await_answer(self.identity, self.port, process)

    def serve_command(self) -> list[str]:
        """Name the command that serves it."""
        return [*_COMMAND, "serve", "--data", str(self.data), "--port", str(self.port)]

    def allow_passwords(self) -> None:
        """Switch the password grant and device codes on, off by default. The instance must be serving."""
        _command("sign-in", "--data", str(self.data), "--password-grant", "--device-code")

    def token(self, resource: str = VAULT_RESOURCE) -> str:
        """Get an access token for a resource."""
        form = self.token_form(resource)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        status, answer = ask(self.login, "POST", self.token_path, body=form, headers=headers)
        assert status == 200, f"no token: {status} {answer.decode(errors='replace')}"
        token: str = json.loads(answer)["access_token"]
        return token

    @property
    def token_path(self) -> str:
        """Where tokens are asked for."""
        return f"/{self.tenant}/oauth2/v2.0/token"

    def token_form(self, resource: str = VAULT_RESOURCE) -> bytes:
        """Write the body of a token request."""
        return urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": self.client_id,
                "client_secret": self.client_secret,
                "scope": f"{resource}/.default",
            }
        ).encode("ascii")

    def restrict(self, rules: int) -> None:
        """Close the vault to every address but those of *rules* rules, one of which is this machine's."""
        others = (f"198.{18 + index // 250}.{index % 250}.0/28" for index in range(rules - 1))
        acls = {
            "defaultAction": "Deny",
            "bypass": "None",
            "ipRules": [{"value": value} for value in (*others, "127.0.0.1")],
        }
        path = f"{self.vault_id}?api-version={_ARM_VERSION}"
        token = self.token("https://management.azure.com")
        body = {"properties": {"networkAcls": acls}}
        vault = ask_json(self.management, "PATCH", path, token=token, content=body)
        assert vault["properties"]["enableRbacAuthorization"] is True, "the vault is to decide by role assignments"
        kept = vault["properties"]["networkAcls"]
        assert (kept["defaultAction"], len(kept["ipRules"])) == ("Deny", rules), "the vault did not take the rules"


def make_instance(directory: Path) -> Instance:
    """Make a new instance below *directory*, on a free port."""
    data, port = directory / "data", free_port()
    told: dict[str, Any] = json.loads(_command("init", "--data", str(data), "--port", str(port), "--json"))
    ca_file = Path(told["caFile"])

    def site(url: str) -> Site:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port == port
        return Site(parts.hostname, port, ca_file)

    group = f"/subscriptions/{told['subscriptionId']}/resourceGroups/{told['resourceGroup']}"
    return Instance(
        data=data,
        port=port,
        tenant=told["tenantId"],
        vault_id=f"{group}/providers/Microsoft.KeyVault/vaults/{told['vaultName']}",
        vault=site(told["vaultUri"]),
        login=site(told["authority"]),
        management=site(told["armUri"]),
        graph=site(told["graphUri"]),
        client_id=told["clientId"],
        client_secret=told["clientSecret"],
        user_name=told["userName"],
        user_password=told["userPassword"],
    )


def _command(*words: str) -> str:
    done = subprocess.run([*_COMMAND, *words], check=False, capture_output=True, text=True, timeout=_INIT_S)
    assert done.returncode == 0, f"strongroom {words[0]} failed: {done.stderr}"
    return done.stdout
