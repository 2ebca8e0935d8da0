"""An application with a certificate, for the tests of certificates."""

from __future__ import annotations

import base64
from typing import Any

from tests.assertions import ASSERTION_TYPE, Signer, own_claims
from tests.flow.graph import Graph
from tests.world import Answer, Principal, Simulation


class Client:
    """An application with a certificate, and everything about how it signs in."""

    def __init__(self, world: Simulation, signer: Signer, graph: Graph) -> None:
        self.world, self.signer, self.graph = world, signer, graph
        self.app: Principal = world.principal()
        self.key_id = ""
        self.register(signer)

    def register(self, *signers: Signer) -> None:
        """Let the application have these certificates, and no others."""
        body = {"keyCredentials": [credential(one) for one in signers]}
        self.graph.do("PATCH", f"applications/{self.app.application}", body)
        (self.key_id, *_) = [one["keyId"] for one in self.credentials()] or [""]

    def credentials(self, query: str = "") -> list[dict[str, Any]]:
        """Give what Graph shows of them."""
        found: list[dict[str, Any]] = self.graph.get(f"applications/{self.app.application}{query}")["keyCredentials"]
        return found

    def audience(self, path: str = "oauth2/v2.0/token") -> str:
        """Give the token endpoint's URL, as a client knows it."""
        return f"{self.world.login_url}/{self.world.first.tenant_id}/{path}"

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Give good claims, with some changed."""
        return own_claims(self.app.appid, changes.pop("aud", self.audience()), int(self.world.clock()), **changes)

    def ask(self, assertion: str | None = None, *, url: str | None = None, **changes: str | None) -> Answer:
        """Ask for a token with an assertion: a good one unless it is given."""
        how = {name: changes.pop(name) for name in ("link", "host") if name in changes}
        form: dict[str, str | None] = {
            "grant_type": "client_credentials",
            "client_id": self.app.appid,
            "client_assertion": self.signer.assertion(self.claims()) if assertion is None else assertion,
            "client_assertion_type": ASSERTION_TYPE,
            "scope": "https://vault.azure.net/.default",
            **changes,
        }
        sent = {name: value for name, value in form.items() if value is not None}
        return self.world.ask("POST", url or self.audience(), form=sent, **how)  # type: ignore[arg-type]

    def token(self) -> str:
        """Sign in."""
        answer = self.ask()
        assert answer.status == 200, answer.body
        token: str = answer.json["access_token"]
        return token

    def opens(self, token: str) -> bool:
        """Tell whether a token identifies anybody at the vault."""
        return self.world.ask("GET", f"{self.world.vault_url}/secrets?api-version=7.4", token=token).status == 403


def credential(signer: Signer, **members: Any) -> dict[str, Any]:
    """Give a key credential as azuread's provider sends it."""
    return {"type": "AsymmetricX509Cert", "usage": "Verify", "key": signer.base64, **members}


def b64(data: bytes) -> str:
    """Write base64."""
    return base64.b64encode(data).decode()
