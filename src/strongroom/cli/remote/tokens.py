"""
Tokens for the parts of the service, by msal.

msal keeps what it was given in a cache: in memory for a credential of the environment, in the account's own file
otherwise. A refresh happens under the lock of that file, since a refresh token that was used is good no longer.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msal  # type: ignore[import-untyped]  # it has no annotations

from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote import accounts
from strongroom.cli.remote.accounts import Account
from strongroom.cli.remote.endpoints import Endpoints
from strongroom.cli.remote.wire import MsalClient, reaching
from strongroom.cli.text import one_line
from strongroom.core.names import CLASSIC_MANAGEMENT_RESOURCE, VAULT_RESOURCE

ARM = CLASSIC_MANAGEMENT_RESOURCE
GRAPH = "https://graph.microsoft.com"
VAULT = VAULT_RESOURCE
AUDIENCES = (ARM, GRAPH, VAULT)
"""What a token can be for. An instance knows its parts by Azure's names, whatever its own are."""

PUBLIC_CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""The command line's own id where a user signs in: the one of Azure CLI, which every tenant knows."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What an application proves itself by: a secret, or a certificate with its key."""

    secret: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    """PEM: a private key and its certificate."""

    def for_msal(self) -> str | dict[str, str]:
        """Give it in msal's form."""
        if not self.certificate:
            return self.secret
        return {"private_key": self.certificate, "public_certificate": self.certificate}


class SignInNeeded(Halt):
    """There is no token and none can be had without a person."""

    def __init__(self, why: str, endpoints: Endpoints) -> None:
        where = "" if endpoints.data is None else f" --data {shlex.quote(str(endpoints.data))}"
        self.why = one_line(why)
        super().__init__(f"{self.why}: strongroom login{where} signs in", Exit.REFUSED)


class Tokens:
    """Gives tokens of one identity at one instance."""

    def __init__(
        self, endpoints: Endpoints, client: httpx.Client, account: Account, credential: Credential | None = None,
        *, memory: msal.SerializableTokenCache | None = None,
    ) -> None:  # fmt: skip
        """Take who it is; *credential* is in the place of the account's files, *memory* in that of its token file."""
        self._endpoints = endpoints
        self._client = client
        self._account = account
        self._credential = credential
        self._memory = memory
        self._given: dict[str, str] = {}

    def of(self, audience: str, *, fresh: bool = False) -> str:
        """
        Give a token for a part of the service; *fresh* where the last one was refused.

        Raises:
            Halt: the token service refuses, or a person is needed.
        """
        if fresh or audience not in self._given:
            with self._cache() as cache, reaching(self._endpoints), explained(self._endpoints):
                self._given[audience] = self._acquire(cache, audience, fresh=fresh)
        return self._given[audience]

    def claims(self) -> dict[str, Any]:
        """Read who the token for Resource Manager says that this is. The service verifies it, we need not."""
        return claims_of(self.of(ARM))

    def serialized(self) -> str:
        """Give the tokens of a memory, to be kept in a file."""
        return "{}" if self._memory is None else str(self._memory.serialize())

    def _acquire(self, cache: msal.SerializableTokenCache, audience: str, *, fresh: bool) -> str:
        scopes = [f"{audience}/.default"]
        if self._account.kind == accounts.MANAGED_IDENTITY:
            return self._token(_managed_identity(self._account).acquire_token_for_client(resource=audience))
        if self._account.kind == accounts.USER:
            app = public_application(self._endpoints, self._client, self._account, cache)
            known = app.get_accounts(username=self._account.user)
            answer = app.acquire_token_silent_with_error(scopes, known[0], force_refresh=fresh) if known else None
            if not answer:
                raise SignInNeeded(f"the sign-in of {self._account.user} has ended", self._endpoints)
            return self._token(answer)
        if self._credential is None and not self._account.secret_file and not self._account.certificate:
            return self._left_of_typed(cache, scopes[0], fresh=fresh)
        app = msal.ConfidentialClientApplication(
            self._account.client_id,
            client_credential=self._read_credential().for_msal(),
            **_options(self._endpoints, self._client, self._account, cache),
        )
        if fresh:
            app.remove_tokens_for_client()
        return self._token(app.acquire_token_for_client(scopes))

    def _left_of_typed(self, cache: msal.SerializableTokenCache, scope: str, *, fresh: bool) -> str:
        """Give what is left of a sign-in whose secret was typed: only the tokens that it was good for are kept."""
        kept = cache.search(msal.TokenCache.CredentialType.ACCESS_TOKEN, target=[scope])
        token = None if fresh else next((one["secret"] for one in kept), None)
        if token is None:
            why = f"the sign-in of {self._account.client_id} has ended, and its secret was not kept"
            raise SignInNeeded(why, self._endpoints)
        return str(token)

    def _token(self, answer: dict[str, Any]) -> str:
        token = answer.get("access_token")
        if not isinstance(token, str):
            said = str(answer.get("error_description") or answer.get("error") or "no reason is given")
            # What follows the sentence are ids for a support that is not ours.
            raise SignInNeeded(said.partition(" Trace ID:")[0].partition("\n")[0].rstrip("."), self._endpoints)
        return token

    def _read_credential(self) -> Credential:
        return self._credential or read_credential(self._account.secret_file, self._account.certificate)

    @contextmanager
    def _cache(self) -> Iterator[msal.SerializableTokenCache]:
        if self._memory is not None:
            yield self._memory
            return
        with accounts.locked():
            cache = new_cache()
            # A file that is half of one has no tokens: whoever is signed in by it has to do so again.
            with suppress(ValueError):
                cache.deserialize(accounts.read_tokens(self._account.name) or "{}")
            yield cache
            if cache.has_state_changed:
                accounts.write_tokens(self._account.name, cache.serialize())


@contextmanager
def explained(endpoints: Endpoints) -> Iterator[None]:
    """Turn what msal raises into `Halt`: it has no one class for what a token service can answer."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        raise Halt(
            f"the token service of {endpoints.suffix} answered with {error.response.status_code}: try again"
        ) from None
    except (ValueError, RuntimeError) as error:
        # A tenant that is not there, or a certificate that cannot be read; msal repeats neither secret nor key.
        raise Halt(f"{endpoints.authority} gives no tokens: {one_line(str(error))}") from None


def new_cache() -> msal.SerializableTokenCache:
    """Make a cache for tokens that are kept in memory alone."""
    return msal.SerializableTokenCache()


def read_credential(secret_file: str, certificate: str) -> Credential:
    """
    Read what an application proves itself by from its file.

    Raises:
        Halt: the file cannot be read.
    """
    path = Path(certificate or secret_file)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Halt(f"{path} cannot be read: {reason}") from None
    return Credential(certificate=text) if certificate else Credential(secret=text.strip("\r\n"))


def public_application(
    endpoints: Endpoints, client: httpx.Client, account: Account, cache: msal.SerializableTokenCache
) -> msal.PublicClientApplication:
    """Make the application that users sign in through."""
    return msal.PublicClientApplication(account.client_id, **_options(endpoints, client, account, cache))


def claims_of(token: str) -> dict[str, Any]:
    """Read the claims of a token that is our own."""
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def _options(
    endpoints: Endpoints, client: httpx.Client, account: Account, cache: msal.SerializableTokenCache
) -> dict[str, Any]:
    return {
        "authority": f"{endpoints.authority}/{account.tenant}",
        # It would ask Microsoft whether it knows our authority.
        "instance_discovery": False,
        "http_client": MsalClient(client, endpoints),
        "token_cache": cache,
    }


def _managed_identity(account: Account) -> msal.ManagedIdentityClient:
    identity = msal.UserAssignedManagedIdentity(client_id=account.client_id) if account.client_id else None
    return msal.ManagedIdentityClient(
        identity or msal.SystemAssignedManagedIdentity(), http_client=MsalClient(httpx.Client(trust_env=False))
    )


def from_environment(tenant: str | None) -> tuple[Account, Credential] | None:
    """
    Give what the environment names an application by, for programs that nobody signs in for: None if it does not.

    Raises:
        Halt: it names one, and not what it proves itself by.
    """
    client_id = os.environ.get("STRONGROOM_CLIENT_ID", "")
    if not client_id:
        return None
    secret = os.environ.get("STRONGROOM_CLIENT_SECRET", "")
    secret_file = os.environ.get("STRONGROOM_CLIENT_SECRET_FILE", "")
    certificate = os.environ.get("STRONGROOM_CLIENT_CERTIFICATE", "")
    if not (secret or secret_file or certificate):
        raise Halt(
            "STRONGROOM_CLIENT_ID names an application: say what it proves itself by, with STRONGROOM_CLIENT_SECRET,"
            " STRONGROOM_CLIENT_SECRET_FILE or STRONGROOM_CLIENT_CERTIFICATE",
            Exit.USAGE,
        )
    account = Account(
        name="the environment",
        kind=accounts.SERVICE_PRINCIPAL,
        tenant=tenant or os.environ.get("STRONGROOM_TENANT_ID", ""),
        client_id=client_id,
        subscription=os.environ.get("STRONGROOM_SUBSCRIPTION_ID", ""),
    )
    return account, Credential(secret) if secret else read_credential(secret_file, certificate)
