"""
Runs: a managed identity lent to one run of one program.

    POST /run --> RUN credential of the identity's principal (+ a client secret of an application, if asked for)
    the program's requests carry its header secret --> tokens bound to that credential
    DELETE /run, or its hours are over --> the credentials are removed, and every token made with them ends

The secret names its own credential: the credential's id is a keyed digest of it. So it is found without a search that
would compare it with others, and neither the id in an audit entry nor the stored row tells anything about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from strongroom.core.errors import NotFound
from strongroom.core.guids import guid_of
from strongroom.core.identity import Application, Credential, CredentialKind, ServicePrincipal
from strongroom.core.records import tenant_partition
from strongroom.crypto.protocol import RootKey
from strongroom.crypto.secret_texts import WrongSecret, make_verifier, match_secret, new_header_secret
from strongroom.directory.client_secrets import NewSecret, add_password, make_client_secret
from strongroom.directory.principals import require_service_principal
from strongroom.store import Transaction
from strongroom.view import View

_ID_PURPOSE = "run credential id"
_SECRET_ID_PURPOSE = "run client secret id"  # noqa: S105  a purpose, not a secret


@dataclass(frozen=True, slots=True)
class NewRun:
    """What a run is given: the header's secret, and a client secret if it asked for one."""

    id: str
    header: NewSecret
    client: NewSecret | None


def make_run(
    keys: RootKey,
    principal: ServicePrincipal,
    application: Application | None,
    *,
    lifetime_s: int,
    now: int,
    entropy: Callable[[int], bytes],
) -> NewRun:
    """Make the credentials of a run; `begin_run` makes them count. The run's id is that of its header's credential."""
    text = new_header_secret(entropy)
    run_id = run_credential_id(keys, text)
    header = Credential(
        id=run_id,
        tenant=principal.tenant,
        owner=principal.id,
        kind=CredentialKind.RUN,
        verifier=make_verifier(keys, run_id, text),
        created=now,
        not_before=now,
        expires=now + lifetime_s,
    )
    client = None
    if application is not None:
        client = make_client_secret(
            keys,
            application,
            display_name=f"run {run_id}",
            expires=now + lifetime_s,
            now=now,
            entropy=entropy,
            key_id=_client_secret_id(keys, run_id),
        )
    return NewRun(run_id, NewSecret(header, text), client)


async def begin_run(tx: Transaction, keys: RootKey, run: NewRun, *, over: Sequence[str] = ()) -> None:
    """
    Let a run's credentials count, and remove those of earlier runs that are *over*.

    Raises:
        NotFound: the identity or the application is gone.
    """
    credential = run.header.credential
    await require_service_principal(tx, credential.tenant, credential.owner)
    for run_id in over:
        await _remove_run(tx, keys, credential.tenant, run_id)
    await tx.put(credential)
    if run.client is not None:
        await add_password(tx, run.client.credential)


async def end_run(tx: Transaction, keys: RootKey, tenant: str, run_id: str) -> None:
    """
    End a run: its credentials are removed, and with them every token they made.

    Raises:
        NotFound: there is no such run, or it was ended.
    """
    if not await _remove_run(tx, keys, tenant, run_id):
        raise NotFound("There is no such run.")


def expired_runs(view: View, keys: RootKey, now: int) -> list[Credential]:
    """
    List the credentials of runs that are over by their time: those of headers, and client secrets made for a run.

    Other credentials stay when they have expired: whoever made them sees that in the directory.
    """
    headers = [one for one in view.all(Credential) if one.kind is CredentialKind.RUN and _is_over(one, now)]
    lent = [view.get(Credential, one.partition, _client_secret_id(keys, one.id)) for one in headers]
    return headers + [one for one in lent if one is not None and _is_over(one, now)]


async def forget_runs(tx: Transaction, over: Iterable[Credential]) -> None:
    """Remove what is left of runs that are over."""
    for credential in over:
        await tx.remove(credential)


def _is_over(credential: Credential, now: int) -> bool:
    return credential.expires is not None and credential.expires <= now


async def _remove_run(tx: Transaction, keys: RootKey, tenant: str, run_id: str) -> bool:
    partition = tenant_partition(tenant)
    header = await tx.record(Credential, partition, run_id)
    if header is None or header.kind is not CredentialKind.RUN:
        return False
    await tx.remove(header)
    client = await tx.record(Credential, partition, _client_secret_id(keys, run_id))
    if client is not None:
        await tx.remove(client)
    return True


def run_credential_id(keys: RootKey, header_secret: str) -> str:
    """Give the id of the credential that a header secret would be the secret of."""
    return guid_of(keys.tag(_ID_PURPOSE, header_secret.encode("utf-8", "surrogatepass")))


def require_run(keys: RootKey, credential: Credential | None, header_secret: str, now: int) -> Credential:
    """
    Check the credential that was found under `run_credential_id`, with equal work if there was none.

    Raises:
        WrongSecret: no run of that header goes on now.
    """
    is_run = credential is not None and credential.kind is CredentialKind.RUN
    candidates = [(credential.id, credential.verifier)] if credential is not None and is_run else []
    match_secret(keys, header_secret, candidates)
    if credential is None or not is_current(credential, now):
        raise WrongSecret
    return credential


def is_current(credential: Credential, now: int) -> bool:
    """Tell whether a credential counts now: it has begun and has not expired."""
    return credential.not_before <= now and (credential.expires is None or now < credential.expires)


def _client_secret_id(keys: RootKey, run_id: str) -> str:
    return guid_of(keys.tag(_SECRET_ID_PURPOSE, run_id.encode("ascii")))
