"""`strongroom login`, `logout`, `whoami` and `account`: who the operator is at an instance."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msal  # type: ignore[import-untyped]  # it has no annotations

from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote import accounts, tokens
from strongroom.cli.remote.accounts import Account, Accounts
from strongroom.cli.remote.asking import read_secret_line
from strongroom.cli.remote.endpoints import Endpoints, endpoints_at, local_endpoints
from strongroom.cli.remote.output import Columns, done, say, show, show_one
from strongroom.cli.remote.session import Session, open_account, open_session
from strongroom.cli.remote.tokens import Credential, Tokens
from strongroom.cli.remote.wire import open_client, reaching
from strongroom.cli.text import one_line

_BROWSER_S = 300
_ANY_TENANT = "organizations"
"""The authority that finds a user's tenant by the domain of the name."""

_ACCOUNT: Columns = {
    "account": "account",
    "kind": "kind",
    "instance": "instance",
    "tenant": "tenant",
    "subscription": "subscription",
    "object id": "objectId",
    "client id": "clientId",
    "token until": "tokenUntil",
}
_LIST: Columns = {
    "": lambda row: "*" if row["current"] else "",
    "account": "account",
    "kind": "kind",
    "instance": "instance",
    "tenant": "tenant",
    "subscription": "subscription",
}
_SUBSCRIPTIONS: Columns = {
    "": lambda row: "*" if row["current"] else "",
    "name": "displayName",
    "subscription": "subscriptionId",
    "tenant": "tenantId",
    "state": "state",
}


@dataclass(frozen=True, slots=True)
class Where:
    """Which instance is meant: one of this machine by its directory, or one anywhere by its management endpoint."""

    data: Path | None = None
    url: str | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class By:
    """What somebody signs in by; by default a user with a browser."""

    service_principal: str | None = None
    secret_file: Path | None = None
    certificate: Path | None = None
    managed_identity: bool = False
    client_id: str | None = None
    device_code: bool = False
    user: str | None = None


def login(
    where: Where, by: By, *, tenant: str | None, subscription: str | None, name: str | None, as_json: bool
) -> int:
    """
    Sign in, and remember it for the commands that follow.

    Raises:
        Halt: the instance does not run, or does not let them in.
    """
    endpoints, first_tenant = _find(where)
    account = _account(where, by, tenant or first_tenant, endpoints)
    with open_client(endpoints) as client:
        cache = msal.SerializableTokenCache()
        account, source = _sign_in(endpoints, client, account, by, cache, tenant)
        if name is not None:
            account = replace(account, name=name)
        session = Session(endpoints, client, source, subscription, account)
        account = replace(account, subscription=_choose_subscription(session, named=subscription is not None))
        with accounts.locked():
            accounts.write_accounts(accounts.read_accounts().with_account(account))
            accounts.write_tokens(account.name, source.serialized())
        return show_one(_described(Session(endpoints, client, source, None, account)), _ACCOUNT, as_json=as_json)


def logout(name: str | None, *, everybody: bool, as_json: bool) -> int:
    """
    Forget a sign-in and its tokens, or all of them.

    Raises:
        Halt: there is none of that name.
    """
    with accounts.locked():
        known = accounts.read_accounts()
        gone = known.accounts if everybody else (_known(known, name or known.current),)
        for one in gone:
            known = known.without(one.name)
            accounts.token_file(one.name).unlink(missing_ok=True)
        accounts.write_accounts(known)
    names = [one.name for one in gone]
    sentence = f"signed out here: {', '.join(names) or 'nobody'}; what was given elsewhere stays"
    return done(sentence, as_json=as_json, signedOut=names)


def whoami(data: Path | None, tenant: str | None, *, as_json: bool) -> int:
    """
    Print who the service takes the operator for.

    Raises:
        Halt: nobody is signed in.
    """
    with open_session(data, tenant=tenant) as session:
        return show_one(_described(session), _ACCOUNT, as_json=as_json)


def show_accounts(*, as_json: bool) -> int:
    """Print every sign-in that is remembered; a star is before the one that commands use."""
    known = accounts.read_accounts()
    rows = [
        {
            "account": one.name,
            "kind": one.kind,
            "instance": one.data or one.url,
            "tenant": one.tenant,
            "subscription": one.subscription,
            "current": one.name == known.current,
        }
        for one in known.accounts
    ]
    return show(rows, _LIST, as_json=as_json)


def set_account(name: str | None, *, subscription: str | None, as_json: bool) -> int:
    """
    Say which sign-in commands use, and which subscription they work in.

    Raises:
        Halt: there is no such one.
    """
    if name is None and subscription is None:
        raise Halt("say which account, or which --subscription", Exit.USAGE)
    with accounts.locked():
        known = accounts.read_accounts()
        account = _known(known, name or known.current)
        accounts.write_accounts(Accounts(account.name, known.accounts))
    if subscription is not None:
        # The lock is free again: a token may have to be renewed.
        with open_account(account, subscription=subscription) as session:
            account = replace(account, subscription=session.subscription)
            accounts.change_account(account.name, subscription=account.subscription)
    where = f", in the subscription {account.subscription}" if account.subscription else ""
    return done(
        f"commands use {account.name}{where}", as_json=as_json, account=account.name, subscription=account.subscription
    )


def show_subscriptions(data: Path | None, *, as_json: bool) -> int:
    """
    Print the subscriptions that the operator sees; a star is before the one that commands work in.

    Raises:
        Halt: nobody is signed in.
    """
    with open_session(data) as session:
        listed = session.subscriptions()
        current = session.account.subscription or (listed[0]["subscriptionId"] if len(listed) == 1 else "")
        rows = [{**one, "current": one["subscriptionId"] == current} for one in listed]
        return show(rows, _SUBSCRIPTIONS, as_json=as_json)


def _find(where: Where) -> tuple[Endpoints, str]:
    if where.url is not None:
        if where.data is not None:
            raise Halt("--data and --url both say which instance: give one of them", Exit.USAGE)
        return endpoints_at(where.url, where.ca_file), ""
    if where.ca_file is not None:
        raise Halt("--ca-file is for an instance elsewhere: say where with --url", Exit.USAGE)
    instance = find_instance(where.data)
    return local_endpoints(instance), instance.tenant


def _account(where: Where, by: By, tenant: str, endpoints: Endpoints) -> Account:
    """Put down who is to be signed in, as far as it is known before."""
    if by.managed_identity:
        kind, client_id = accounts.MANAGED_IDENTITY, by.client_id or ""
    elif by.service_principal is not None:
        kind, client_id = accounts.SERVICE_PRINCIPAL, by.service_principal
        if not tenant:
            raise Halt("say in which tenant the application is, with --tenant", Exit.USAGE)
    else:
        kind, client_id = accounts.USER, tokens.PUBLIC_CLIENT
    return Account(
        name="",
        kind=kind,
        tenant=tenant,
        client_id=client_id,
        data=str(endpoints.data or ""),
        url=endpoints.arm if where.url is not None else "",
        ca_file=str(endpoints.ca_file) if where.url is not None and endpoints.ca_file is not None else "",
        secret_file=_path(by.secret_file),
        certificate=_path(by.certificate),
    )


def _path(file: Path | None) -> str:
    """Give where a credential will be read from again; standard input has nothing the second time."""
    return "" if file is None or str(file) == "-" else str(file.expanduser().absolute())


def _sign_in(
    endpoints: Endpoints, client: httpx.Client, account: Account, by: By, cache: Any, tenant: str | None
) -> tuple[Account, Tokens]:
    credential = None
    if account.kind == accounts.USER:
        # The name's domain says in which tenant somebody is, unless the command line does.
        asked = replace(account, tenant=tenant or _ANY_TENANT)
        claims = _user_signs_in(endpoints, client, asked, by, cache)
        account = replace(account, tenant=claims["tid"], user=claims["preferred_username"])
    elif account.kind == accounts.SERVICE_PRINCIPAL:
        credential = _credential(by)
    source = Tokens(endpoints, client, account, credential, memory=cache)
    try:
        claims = source.claims()
        if account.kind != accounts.USER:
            # All that it will be good for, since a secret that was typed is not kept.
            for audience in tokens.AUDIENCES:
                source.of(audience)
    except tokens.SignInNeeded as needed:
        # Whoever signs in need not be told how.
        raise Halt(needed.why, Exit.REFUSED) from None
    if account.kind != accounts.USER:
        account = replace(account, tenant=claims["tid"], client_id=str(claims["appid"]))
    return replace(account, name=f"{account.user or account.client_id} at {endpoints.suffix}"), source


def _credential(by: By) -> Credential:
    if by.certificate is not None:
        return tokens.read_credential("", str(by.certificate.expanduser()))
    # The environment's secret is for one that is named there too, or here.
    secret = os.environ.get("STRONGROOM_CLIENT_SECRET", "") if by.secret_file is None else ""
    return Credential(secret or read_secret_line("Client secret", by.secret_file))


def _user_signs_in(endpoints: Endpoints, client: httpx.Client, account: Account, by: By, cache: Any) -> dict[str, Any]:
    """Have a person sign in, in this machine's browser or in any other, and give the claims about them."""
    scopes = [f"{tokens.ARM}/.default"]
    with reaching(endpoints), tokens.explained(endpoints):
        app = tokens.public_application(endpoints, client, account, cache)
        if by.device_code:
            flow = app.initiate_device_flow(scopes)
            if "user_code" not in flow:
                raise Halt(
                    f"no code is given: {_reason(flow)}"
                    "\n  an operator of the instance allows it: strongroom sign-in --device-code"
                )
            say(f"Open {flow['verification_uri']} in a browser and type in the code {flow['user_code']}")
            answer = app.acquire_token_by_device_flow(flow)
        else:
            say("Sign in in the browser that opens; strongroom login --device-code is for machines without one.")
            answer = app.acquire_token_interactive(
                scopes, login_hint=by.user, timeout=_BROWSER_S, auth_uri_callback=_no_browser, prompt="select_account"
            )
    claims = answer.get("id_token_claims")
    if not isinstance(claims, dict):
        raise Halt(f"nobody is signed in: {_reason(answer)}", Exit.REFUSED)
    return claims


def _no_browser(url: str) -> None:
    print(f"No browser opens here. Open this on this machine:\n{one_line(url)}", file=sys.stderr)


def _reason(answer: dict[str, Any]) -> str:
    said = str(answer.get("error_description") or answer.get("error") or "the time for it is over")
    return one_line(said.partition(" Trace ID:")[0])


def _choose_subscription(session: Session, *, named: bool) -> str:
    """Choose the one that was named, or the first there is; a directory's administrator may see none."""
    if named:
        return session.subscription
    listed = session.subscriptions()
    if len(listed) > 1:
        say(
            f"There are {len(listed)} subscriptions; commands work in {listed[0]['displayName']}"
            " unless `strongroom account set --subscription` says another"
        )
    return str(listed[0]["subscriptionId"]) if listed else ""


def _known(known: Accounts, name: str) -> Account:
    found = known.find(name)
    if found is None:
        names = ", ".join(one.name for one in known.accounts)
        raise Halt(
            f"nobody is signed in as {name}: there are {names}" if names and name else "nobody is signed in here",
            Exit.REFUSED,
        )
    return found


def _described(session: Session) -> dict[str, Any]:
    claims, account = session.claims, session.account
    return {
        "account": account.user or str(claims.get("upn") or claims.get("appid")),
        "kind": account.kind,
        "instance": session.endpoints.arm,
        "tenant": session.tenant,
        "subscription": account.subscription,
        "objectId": claims["oid"],
        "clientId": claims.get("appid"),
        "tokenUntil": datetime.fromtimestamp(int(claims["exp"]), UTC).isoformat(),
    }
