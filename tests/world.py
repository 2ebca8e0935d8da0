"""
A simulated world: every rule, step and adapter is the real one; only the clock, the listener and the network are not.

    world = Simulation(tmp_path)
    world.ask("GET", f"{world.vault_url}/secrets/a?api-version=7.4", token=world.token(principal))

Nothing is mocked. The store is SQLite, in memory unless a test wants a file; the journal a real one in a temporary
folder.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from strongroom.app.bootstrap import Bootstrap, bootstrap
from strongroom.app.dispatch import Dispatcher, Surfaces
from strongroom.app.instance import event_router, make_world
from strongroom.config import Settings
from strongroom.core.errors import TooLarge
from strongroom.core.guids import new_guid
from strongroom.core.identity import PrincipalType
from strongroom.core.kinds import KINDS
from strongroom.core.names import Hosts
from strongroom.core.network import Link
from strongroom.core.rbac import RoleAssignment
from strongroom.core.vaults import Vault
from strongroom.crypto.software import ROOT_KEY_BYTES, SoftwareRootKey
from strongroom.directory import applications, client_secrets, signing_keys, tenants
from strongroom.flow.settings import FlowSettings
from strongroom.flow.world import World
from strongroom.http.message import End, Request
from strongroom.journal import Journal
from strongroom.journal.chain import parse
from strongroom.store import Transaction
from strongroom.store.sqlite import SqliteStore
from strongroom.view import View
from tests.plugins import canary

T = TypeVar("T")

START = 1_790_000_000.0
PUBLIC_ADDRESS = "203.0.113.7"
"""A documentation address: what a caller from elsewhere looks like."""
GENEROUS = FlowSettings(
    anonymous_per_source=10**6,
    anonymous_audit_per_second=10**6,
    anonymous_audit_per_source=10**6,
    anonymous_audit_bytes_per_second=10**12,
)
"""The simulated clock stands still, so a module's refusals are all in one second. Quotas have tests of their own."""
VAULT_AUDIENCE = "https://vault.azure.net"
ARM_AUDIENCE = "https://management.azure.com"
GRAPH_AUDIENCE = "https://graph.microsoft.com"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, as a client sees it."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()
    """Every cookie that it sets, with its attributes."""

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The `error` object of a refusal."""
        error: dict[str, Any] = self.json["error"]
        return error


@dataclass(frozen=True, slots=True)
class Principal:
    """An application's service principal with a secret to sign in with."""

    oid: str
    appid: str
    application: str
    secret: str = field(repr=False)
    key_id: str = ""


class Simulation:
    """A new instance with its first principals, and everything a test does to it."""

    def __init__(self, folder: Path, settings: Settings | None = None, *, database: Path | None = None) -> None:
        self._runner = asyncio.Runner()
        self._now = START
        self.settings = settings or Settings(data=folder, flow=GENEROUS)
        self.folder = folder
        self.settles = True
        self._entries: list[dict[str, Any]] = []
        self._read: dict[str, int] = {}
        self.run(self._open(database))

    async def _open(self, database: Path | None) -> None:
        self.keys = SoftwareRootKey(secrets.token_bytes(ROOT_KEY_BYTES))
        self.store = await SqliteStore.open(database, self.keys.tag, self.clock)
        self.view = View()
        self.store.subscribe(self.view.apply)
        self.store.route(event_router(self.view, Hosts(self.settings.domain, self.settings.url_port)))
        self.first: Bootstrap
        self.first, _ = await bootstrap(
            self.settings, self.store, self.keys, now=int(self._now), entropy=secrets.token_bytes
        )
        canary.remember(self.first.user_password)
        self.view.load([record for kind in KINDS.values() for record in await self.store.records(kind)])
        self.journal = Journal.open(self.folder / "audit", self.keys.tag, self.first.installation.id, self.clock)
        self.journal.settle(0)
        self.world: World = make_world(
            self.settings, self.first.installation, self.store, self.keys, self.view, self.journal, clock=self.clock
        )
        self.world.instance.managed_identity = "http://127.0.0.1:40342"
        self.world.instance.ready = True
        self.dispatcher = Dispatcher(self.world, Surfaces())

    def close(self) -> None:
        """Let go of everything."""
        self.journal.close()
        self.run(self.store.close())
        self.world.signers.close()
        self._runner.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something asynchronous to its end."""
        # Runner.run would put a handler of signals in place for each of a test's hundreds of requests.
        return self._runner.get_loop().run_until_complete(coroutine)

    def settle(self) -> None:
        """Let what goes on after its request was answered, such as a deployment, come to its end."""
        if self.world.background.is_busy:
            self.run(self.world.background.settle())

    # ---- time ---------------------------------------------------------------------------------------------------

    def clock(self) -> float:
        """Read the simulated clock."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    # ---- places -------------------------------------------------------------------------------------------------

    @property
    def vault(self) -> Vault:
        """The first vault, as it is now."""
        found = self.view.vault(self.first.installation.vault)
        assert found is not None
        return found

    @property
    def vault_url(self) -> str:
        """The first vault's URL, without a slash at the end."""
        return f"https://{self.vault.name}.vault.localhost:8443"

    login_url = "https://login.localhost:8443"
    arm_url = "https://management.localhost:8443"
    graph_url = "https://graph.localhost:8443"

    # ---- requests -----------------------------------------------------------------------------------------------

    def ask(
        self,
        method: str,
        url: str,
        *,
        token: str | None = None,
        body: object = None,
        form: dict[str, str] | None = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        peer: str = PUBLIC_ADDRESS,
        link: Link = Link.PUBLIC,
        host: str | None = None,
        ends: tuple[End, End] | None = None,
        listener: str = "",
        proxy: str = "",
    ) -> Answer:
        """
        Send a request, as the listener would hand it in, and give the answer.

        What went on after the requests before is over by then, unless `settles` says otherwise.
        """
        if self.settles:
            self.settle()
        parts = urlsplit(url)
        content = raw if raw is not None else b""
        sent = {name.lower().encode(): value.encode("latin-1") for name, value in (headers or {}).items()}
        if form is not None:
            content = urlencode(form).encode()
            sent.setdefault(b"content-type", b"application/x-www-form-urlencoded")
        elif body is not None:
            content = json.dumps(body).encode()
            sent.setdefault(b"content-type", b"application/json")
        if token is not None:
            sent[b"authorization"] = f"Bearer {token}".encode("latin-1")
        sent[b"content-length"] = str(len(content)).encode()
        netloc = host if host is not None else parts.netloc
        sent[b"host"] = netloc.encode()

        async def receive(limit: int, _time_s: float) -> bytes:
            if len(content) > limit:
                raise TooLarge(f"The request body is larger than {limit} bytes.")
            return content

        request = Request(
            method=method,
            host=netloc.lower(),
            path=parts.path.encode("ascii") or b"/",
            query=parts.query.encode("ascii"),
            headers=sent,
            peer=peer,
            link=link,
            http_version="1.1",
            receive_body=receive,
            ends=ends,
            listener=listener,
            proxy=proxy,
        )
        before = self._read_entries()
        response = self.run(self.dispatcher.handle(request))
        # What goes on meanwhile has records of its own, which tell of no request.
        self._read_entries()
        answers = [one for one in self._entries[before:] if "requestUri" in one["properties"]]
        for entry in answers[-1:] if self.settles else ():
            assert entry["properties"]["httpStatusCode"] == response.status, "the record is not of this answer"
        fields = b"\n".join(b": ".join(header) for header in response.headers)
        canary.watch(
            f"the answer to {method} {parts.path}",
            fields + b"\n\n" + response.body if response.status >= 400 else fields,
        )
        return Answer(
            response.status,
            {name.decode().lower(): value.decode("latin-1") for name, value in response.headers},
            response.body,
            tuple(value.decode("latin-1") for name, value in response.headers if name.lower() == b"set-cookie"),
        )

    # ---- principals and tokens ----------------------------------------------------------------------------------

    def tenant(self, domain: str | None = None) -> str:
        """Make another tenant, with keys to sign its tokens and nothing else, and give its id."""
        now, entropy = int(self._now), secrets.token_bytes
        domains = (domain or f"{secrets.token_hex(6)}.example",)

        async def make(tx: Transaction) -> str:
            made = await tenants.create_tenant(tx, display_name="Other", domains=domains, now=now, entropy=entropy)
            keys = [signing_keys.make_signing_key(self.keys, made.id, term, now) for term in signing_keys.due((), now)]
            await signing_keys.roll_over(tx, made.id, keys, now)
            return made.id

        return self.commit(make)

    def principal(self, name: str = "app", tenant: str | None = None, lifetime_s: int = 86_400) -> Principal:
        """Make an application with a service principal and a secret; it has no rights."""
        tenant, now = tenant or self.first.tenant_id, int(self._now)

        async def make(tx: Transaction) -> Principal:
            application = await applications.create_application(
                tx, tenant, display_name=name, now=now, entropy=secrets.token_bytes
            )
            principal = await applications.create_service_principal(
                tx, tenant, application, now=now, entropy=secrets.token_bytes
            )
            secret = client_secrets.make_client_secret(
                self.keys, application, expires=now + lifetime_s, now=now, entropy=secrets.token_bytes
            )
            await client_secrets.add_password(tx, secret.credential)
            return Principal(principal.id, application.app_id, application.id, secret.text, secret.credential.id)

        return self.commit(make)

    @property
    def administrator(self) -> Principal:
        """The first application: Owner and Key Vault Administrator of the subscription, Global Administrator."""
        first = self.first
        return Principal(first.object_id, first.client_id, first.installation.application, first.client_secret)

    def token(self, principal: Principal, resource: str = VAULT_AUDIENCE, tenant: str | None = None) -> str:
        """Sign in through the real token endpoint."""
        answer = self.ask(
            "POST",
            f"{self.login_url}/{tenant or self.first.tenant_id}/oauth2/v2.0/token",
            form={
                "grant_type": "client_credentials",
                "client_id": principal.appid,
                "client_secret": principal.secret,
                "scope": f"{resource}/.default",
            },
        )
        assert answer.status == 200, answer.body
        token: str = answer.json["access_token"]
        return token

    def grant(self, principal: str, role: str, scope: str, tenant: str | None = None) -> RoleAssignment:
        """Give a service principal a role, past the management plane."""
        assignment = RoleAssignment(
            id=new_guid(secrets.token_bytes),
            tenant=tenant or self.first.tenant_id,
            scope=scope,
            role=role,
            principal=principal,
            principal_type=PrincipalType.SERVICE_PRINCIPAL,
            created=int(self._now),
        )
        self.commit(lambda tx: tx.put(assignment))
        return assignment

    # ---- state --------------------------------------------------------------------------------------------------

    def commit(self, change: Callable[[Transaction], Awaitable[T]]) -> T:
        """Change the store behind the flow's back, as another part of the service would."""
        return self.run(self.store.commit(change)).result

    def set_vault(self, **changes: Any) -> Vault:
        """Change the first vault's settings."""
        changed = replace(self.vault, **changes)
        self.commit(lambda tx: tx.put(changed))
        return changed

    def entries(self) -> list[dict[str, Any]]:
        """Give every audit entry, oldest first."""
        self._read_entries()
        return list(self._entries)

    def _read_entries(self) -> int:
        """Read the entries that are new, or all anew if a file has lost something, and say how many there are."""
        with os.scandir(self.folder / "audit") as found:
            sizes = {file.path: file.stat().st_size for file in found if file.name.endswith(".jsonl")}
        if any(sizes.get(path, 0) < read for path, read in self._read.items()):
            self._entries, self._read = [], {}
        for path in sorted(sizes):
            if sizes[path] > self._read.get(path, 0):
                self._entries += self._read_on(path)
        return len(self._entries)

    def _read_on(self, path: str) -> list[dict[str, Any]]:
        """Read the whole lines of a file that were not read yet."""
        start = self._read.get(path, 0)
        with Path(path).open("rb") as file:
            file.seek(start)
            fresh = file.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._read[path] = start + len(whole)
        lines = (parse(raw) for raw in whole.splitlines(keepends=True))
        return [json.loads(line.body) for line in lines if line is not None and line.is_entry]


__all__ = ["Answer", "Principal", "Simulation"]
