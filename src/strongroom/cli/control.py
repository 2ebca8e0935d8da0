"""Ask the running service over its control socket: HTTP on an owner-only Unix socket, under the host `control`."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from strongroom.cli.instance import Instance, not_running
from strongroom.cli.outcome import Halt
from strongroom.core.instance import ARC_KEY_FOLDER

HOST = "control"
_TIMEOUT_S = 15.0
_ANSWER_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """A service principal's credential made for one run."""

    tenant_id: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RunGrant:
    """What the service made for one run: its credential, and the names it answers to."""

    run_id: str
    identity_endpoint: str
    identity_header: str = field(repr=False)
    tenant_id: str
    vault_name: str
    vault_uri: str
    authority: str
    azure_hosts: tuple[str, ...]
    """The Azure names that the relay serves."""
    own_hosts: tuple[str, ...]
    """The instance's own names, without a port."""
    domain: str
    port: int
    service_principal: ServicePrincipal | None = None
    subscription_id: str = ""
    arc_key_folder: str = ARC_KEY_FOLDER
    """Where clients of Arc's form look for key files."""
    client_id: str = ""
    """The managed identity's client id."""
    expires_on: int | None = None
    """When the credential ends by itself, in Unix seconds, if the service says."""

    @classmethod
    def of(cls, answer: dict[str, Any]) -> RunGrant:
        """Read the answer to POST /run."""
        principal = answer.get("servicePrincipal")
        return cls(
            run_id=answer["runId"],
            identity_endpoint=answer["identityEndpoint"],
            identity_header=answer["identityHeader"],
            tenant_id=answer["tenantId"],
            vault_name=answer["vaultName"],
            vault_uri=answer["vaultUri"],
            authority=answer["authority"],
            azure_hosts=tuple(host.lower() for host in answer["azureHosts"]),
            own_hosts=tuple(host.lower().partition(":")[0] for host in answer["ownHosts"]),
            domain=answer["domain"].lower(),
            port=int(answer["port"]),
            service_principal=principal
            and ServicePrincipal(principal["tenantId"], principal["clientId"], principal["clientSecret"]),
            subscription_id=answer.get("subscriptionId", ""),
            arc_key_folder=answer.get("arcKeyFolder", ARC_KEY_FOLDER),
            client_id=answer.get("clientId", ""),
            expires_on=answer.get("expiresOn"),
        )


def begin_run(
    instance: Instance, *, identity: str | None, service_principal: bool, lifetime_s: int | None = None
) -> RunGrant:
    """
    Have the service make a credential for one run.

    Raises:
        Halt: it runs no longer, or refuses; the message is the service's own.
    """
    wanted: dict[str, Any] = {"identity": identity, "servicePrincipal": service_principal}
    if lifetime_s is not None:
        wanted["lifetimeSeconds"] = lifetime_s
    answer = ask(instance, "POST", "/run", wanted)
    try:
        return RunGrant.of(answer)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        # Only the name of what is missing: the answer holds a credential.
        raise Halt(
            f"the service's answer is not as this version expects it ({type(error).__name__}):"
            " restart it with the same version of strongroom"
        ) from None


def issue_assertion(instance: Instance, run_id: str, lifetime_s: int | None = None) -> tuple[str, int]:
    """
    Have the service make an assertion for a run's token file, and say when it ends, in Unix seconds.

    Raises:
        Halt: it runs no longer, or refuses, as when the run's credential has ended.
    """
    wanted = {} if lifetime_s is None else {"lifetimeSeconds": lifetime_s}
    answer = ask(instance, "POST", f"/run/{run_id}/assertion", wanted)
    return str(answer["assertion"]), int(answer["expiresOn"])


def end_run(instance: Instance, run_id: str) -> None:
    """
    Have the service revoke a run's credential.

    Raises:
        Halt: it could not be asked. The credential then ends by itself.
    """
    ask(instance, "DELETE", f"/run/{run_id}")


def read_status(instance: Instance) -> dict[str, Any]:
    """Ask the service how it is."""
    return ask(instance, "GET", "/status")


def list_signing_keys(instance: Instance) -> list[dict[str, Any]]:
    """Ask for every signing key that tokens are trusted by."""
    return _list(ask(instance, "GET", "/signing-keys"))


def roll_signing_keys(instance: Instance, tenant: str | None) -> list[dict[str, Any]]:
    """
    Have a tenant's next signing key take over; the tenant's keys, as they are then.

    Raises:
        Halt: there is no such tenant, or there are several and none is named.
    """
    return _list(ask(instance, "POST", "/signing-keys/roll", {"tenant": tenant}))


def revoke_signing_key(instance: Instance, kid: str) -> None:
    """
    Have a signing key revoked, and every token that it signed.

    Raises:
        Halt: there is no such key.
    """
    ask(instance, "POST", f"/signing-keys/{quote(kid, safe='')}/revoke")


def change_sign_in(instance: Instance, tenant: str | None, wanted: Mapping[str, int | None]) -> dict[str, Any]:
    """
    Change what a tenant's users may sign in by, where something is said, and tell all of it.

    Raises:
        Halt: there is no such tenant, or there are several and none is named.
    """
    return ask(instance, "POST", "/sign-in", {"tenant": tenant, **wanted})


def show_policy(instance: Instance) -> dict[str, Any]:
    """Ask for the guardrails in force, and the file that declared them."""
    return ask(instance, "GET", "/policy")


def put_policy(instance: Instance, text: str) -> dict[str, Any]:
    """
    Put a file of guardrails in force, in the place of those there were; what is in force then.

    Raises:
        Halt: it declares none that can be.
    """
    return ask(instance, "POST", "/policy", {"text": text})


def remove_policy(instance: Instance) -> None:
    """
    Put every guardrail out of force.

    Raises:
        Halt: there is none.
    """
    ask(instance, "DELETE", "/policy")


def check_policy(instance: Instance, text: str | None) -> dict[str, Any]:
    """
    Have every vault and secret compared with the guardrails of a file, or with those in force.

    Raises:
        Halt: the file declares none that can be.
    """
    return ask(instance, "POST", "/policy/check", {"text": text})


def list_issuers(instance: Instance) -> list[dict[str, Any]]:
    """Ask for every outside issuer that is trusted."""
    return _list(ask(instance, "GET", "/issuers"))


def trust_issuer(instance: Instance, issuer: str, keys: dict[str, Any] | None) -> dict[str, Any]:
    """
    Have an issuer trusted, by the key set given or else by the one that it publishes; what is trusted then.

    Raises:
        Halt: it is no issuer, or the key set has no key that can be used.
    """
    return ask(instance, "POST", "/issuers", {"issuer": issuer, "keys": keys})


def distrust_issuer(instance: Instance, issuer: str) -> None:
    """
    Have an issuer trusted no longer.

    Raises:
        Halt: it is not trusted.
    """
    ask(instance, "POST", "/issuers/remove", {"issuer": issuer})


def recover_administrator(instance: Instance, tenant: str | None) -> dict[str, Any]:
    """
    Have an administrator of a tenant made; who it is, with the one copy of its secret.

    Raises:
        Halt: there is no such tenant, or there are several and none is named.
    """
    return ask(instance, "POST", "/recover", {"tenant": tenant})


def list_tenants(instance: Instance) -> list[dict[str, Any]]:
    """Ask for every tenant."""
    return _list(ask(instance, "GET", "/tenants"))


def create_tenant(
    instance: Instance, *, domain: str, display_name: str, user_name: str, subscription: bool
) -> dict[str, Any]:
    """
    Have a tenant made; what it is, with the one copy of its first administrator's password.

    Raises:
        Halt: another tenant has the domain, or a name is malformed.
    """
    body = {"domain": domain, "displayName": display_name, "userName": user_name, "subscription": subscription}
    return ask(instance, "POST", "/tenants", body)


def change_tenant(instance: Instance, tenant: str, **change: str) -> dict[str, Any]:
    """
    Have a tenant changed: `displayName`, `addDomain` or `removeDomain`; what it is then.

    Raises:
        Halt: there is no such tenant, or the change cannot be.
    """
    return ask(instance, "PATCH", f"/tenants/{quote(tenant, safe='')}", dict(change))


def remove_tenant(instance: Instance, tenant: str) -> None:
    """
    Have a tenant removed.

    Raises:
        Halt: there is no such tenant, or it is not empty.
    """
    ask(instance, "DELETE", f"/tenants/{quote(tenant, safe='')}")


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__(HOST, timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(instance: Instance, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """
    Ask for one row of the control socket.

    Raises:
        Halt: the service refuses, with its own message, or cannot be asked.
    """
    connection = _Connection(instance.control_socket)
    headers = {"Accept": "application/json"}
    content = None
    if body is not None:
        content = json.dumps(body).encode("utf-8")
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, path, body=content, headers=headers)
        response = connection.getresponse()
        answer = response.read(_ANSWER_BYTES)
    except (FileNotFoundError, ConnectionRefusedError):
        # A service that was killed leaves its run.json behind.
        raise not_running(instance.data) from None
    except PermissionError:
        raise Halt(f"{instance.control_socket} is not yours: run this as the user who runs the service") from None
    except TimeoutError:
        raise Halt(f"the service did not answer within {_TIMEOUT_S:.0f} seconds") from None
    except (OSError, http.client.HTTPException) as error:
        raise Halt(f"the service cannot be asked over {instance.control_socket}: {error}") from None
    finally:
        connection.close()
    return _read(response.status, answer)


def list_identity_maps(instance: Instance) -> list[dict[str, Any]]:
    """Ask for every identity map."""
    return _list(ask(instance, "GET", "/identity-maps"))


def add_identity_map(instance: Instance, identity: str, source: dict[str, Any]) -> dict[str, Any]:
    """
    Have the service map a user, a network or a socket, with its owner, to an identity.

    Raises:
        Halt: it refuses; the message is the service's own.
    """
    return ask(instance, "POST", "/identity-maps", {"identity": identity, **source})


def remove_identity_map(instance: Instance, map_id: str) -> None:
    """
    Have the service remove an identity map.

    Raises:
        Halt: there is none.
    """
    ask(instance, "DELETE", f"/identity-maps/{quote(map_id, safe='')}")


def list_trusted_services(instance: Instance) -> list[dict[str, Any]]:
    """Ask for every trusted service."""
    return _list(ask(instance, "GET", "/trusted-services"))


def add_trusted_service(instance: Instance, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """
    Have the service take a service principal for a trusted service.

    Raises:
        Halt: it refuses; the message is the service's own.
    """
    return ask(instance, "POST", "/trusted-services", dict(wanted))


def remove_trusted_service(instance: Instance, record_id: str) -> None:
    """
    Have the service take a service principal for a trusted service no longer.

    Raises:
        Halt: it is none.
    """
    ask(instance, "DELETE", f"/trusted-services/{quote(record_id, safe='')}")


def list_identity_providers(instance: Instance) -> list[dict[str, Any]]:
    """Ask for every identity provider."""
    return _list(ask(instance, "GET", "/identity-providers"))


def add_identity_provider(instance: Instance, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """
    Have the service let a tenant's users sign in at an identity provider; the provider.

    Raises:
        Halt: it refuses; the message is the service's own.
    """
    return ask(instance, "POST", "/identity-providers", dict(wanted))


def enable_identity_provider(instance: Instance, provider: str, *, enabled: bool) -> dict[str, Any]:
    """
    Have people sent to a provider, or no more.

    Raises:
        Halt: there is none.
    """
    return ask(instance, "PATCH", f"/identity-providers/{quote(provider, safe='')}", {"enabled": enabled})


def remove_identity_provider(instance: Instance, provider: str) -> None:
    """
    Have the service remove a provider and its links.

    Raises:
        Halt: there is none.
    """
    ask(instance, "DELETE", f"/identity-providers/{quote(provider, safe='')}")


def list_identity_links(instance: Instance, provider: str) -> list[dict[str, Any]]:
    """
    Ask who is who at a provider.

    Raises:
        Halt: there is no such provider.
    """
    return _list(ask(instance, "GET", f"/identity-providers/{quote(provider, safe='')}/links"))


def add_identity_link(instance: Instance, provider: str, user: str, subject: str) -> dict[str, Any]:
    """
    Have the service take a provider's subject for a user; the link.

    Raises:
        Halt: there is no such provider or user, or one of them is linked already.
    """
    wanted = {"user": user, "subject": subject}
    return ask(instance, "POST", f"/identity-providers/{quote(provider, safe='')}/links", wanted)


def remove_identity_link(instance: Instance, provider: str, link: str) -> None:
    """
    Have the service remove a link.

    Raises:
        Halt: there is none.
    """
    ask(instance, "DELETE", f"/identity-providers/{quote(provider, safe='')}/links/{quote(link, safe='')}")


def explain(instance: Instance, question: Mapping[str, Any]) -> dict[str, Any]:
    """
    Ask what a request would be answered, and why.

    Raises:
        Halt: there is no such vault, principal or operation; the message is the service's own.
    """
    return ask(instance, "POST", "/explain", dict(question))


def who_can(instance: Instance, question: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """
    Ask who can do something, page after page.

    Raises:
        Halt: there is no such vault or operation.
    """
    after: str | None = ""
    while after is not None:
        page = ask(instance, "POST", "/who-can", {**question, "after": after})
        yield from _list(page)
        after = page.get("after")


def _list(answer: dict[str, Any]) -> list[dict[str, Any]]:
    value: list[dict[str, Any]] = answer.get("value", [])
    return value


def _read(status: int, answer: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(answer) if answer else {}
    except ValueError:
        parsed = {}
    parsed = parsed if isinstance(parsed, dict) else {}
    if status < 300:
        return parsed
    error = parsed.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    raise Halt(f"the service refuses: {message}" if message else f"the service answers with status {status}")
