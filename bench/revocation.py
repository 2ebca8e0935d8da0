"""
How long a token is good, or a right is, after what it rests on was taken away.

The requirement is one second on one node. Two watchers use the token all the while, one on a connection that is kept
alive and one on a new connection each time; the clock runs from when the revoking request has been answered until a
watcher has read its first refusal. The longest of all watchers and rounds is told: a promise about the end of access is
not one about the middle. The watchers run beside the one who reads that answer, and could keep it waiting; so the last
line runs the clock from when the revoking request was sent, and is the upper bound of all the others.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from bench.administrator import AZURE_CLI, Administrator, App, Person, place_of
from bench.client import ask
from bench.instance import VAULT_RESOURCE, make_instance
from bench.load import Site, connect, read_answer, request, tls
from bench.measure import Measure, Round, longest
from bench.revocation_rules import ENDS_OF_RIGHTS, Act

ROUNDS = 5
LIMIT_MS = 1000.0
_PATIENCE_S = 20.0
_REFUSALS = 5
"""After the first one, none is let in again."""
_CONTINUOUS = '{"access_token": {"xms_cc": {"values": ["CP1"]}}}'
_LIST = "/secrets?api-version=7.4"

End = Callable[[Administrator], tuple[str, Act]]
"""Gets a token that opens the vault, and gives it with what ends it."""


def measure_revocation(directory: Path) -> list[Measure]:
    """Measure every way of ending a token."""
    instance = make_instance(directory)
    rounds: dict[str, list[Round]] = {name: [] for name in (*_ENDS, *ENDS_OF_RIGHTS)}
    bounds: list[Round] = []
    with instance.serving(directory / "strongroom.log"):
        instance.allow_passwords()
        for _ in range(ROUNDS):
            for name, end in _ENDS.items():
                # A new administrator each time: one of the ends takes every token with it.
                token, act = end(Administrator(instance))
                _note(rounds[name], bounds, _ms_until_refused(instance.vault, token, act))
            for name, end_at in ENDS_OF_RIGHTS.items():
                token, act, vault = end_at(Administrator(instance))
                _note(rounds[name], bounds, _ms_until_refused(vault, token, act))
    return [
        *(longest(f"refused after {name}, longest ms, against a second", made) for name, made in rounds.items()),
        longest("refused after any of these was asked for, longest ms, against a second", bounds),
    ]


def _note(rounds: list[Round], bounds: list[Round], taken: tuple[float, float]) -> None:
    from_answer_ms, from_request_ms = taken
    rounds.append((from_answer_ms, LIMIT_MS))
    bounds.append((from_request_ms, LIMIT_MS))


# ---- watching -------------------------------------------------------------------------------------------------------


def _ms_until_refused(vault: Site, token: str, act: Act) -> tuple[float, float]:
    """End a token, and say how long it was good after the answer that it had ended, and after that was asked for."""
    content = request(vault, "GET", _LIST, token=token)
    with ThreadPoolExecutor(2) as pool:
        let_in = Event(), Event()
        watchers = [
            pool.submit(_watch, vault, content, one, keeps=keeps)
            for one, keeps in zip(let_in, (True, False), strict=True)
        ]
        is_let_in = all(one.wait(_PATIENCE_S) for one in let_in)
        asked = time.perf_counter()
        if is_let_in:
            act()
        answered = time.perf_counter()
        refused = max(watcher.result() for watcher in watchers)
    assert is_let_in, "it was never let in"
    # Between the change and its answer a watcher may have been refused already.
    return max(0.0, refused - answered) * 1000, (refused - asked) * 1000


def _watch(site: Site, content: bytes, let_in: Event, *, keeps: bool) -> float:
    """Use a token until it is refused, and a few times more; when the first refusal had been read."""
    context, until = tls(site.ca_file), time.perf_counter() + 2 * _PATIENCE_S
    connection = connect(site, context)
    refused: list[float] = []
    try:
        while len(refused) <= _REFUSALS:
            if not keeps:
                connection.close()
                connection = connect(site, context)
            connection.sendall(content)
            status, answer = read_answer(connection)
            now = time.perf_counter()
            if status == 200:
                assert not refused, "let in after it had been refused"
                assert now < until, "it was never refused"
                let_in.set()
            else:
                assert status in {401, 403}, f"not a refusal: {status} {answer[:300]!r}"
                refused.append(now)
    finally:
        connection.close()
    return refused[0]


# ---- who has a token ------------------------------------------------------------------------------------------------


def _application(admin: Administrator) -> tuple[App, str]:
    """Get a token as an application with a secret."""
    app = admin.add_app()
    admin.give_vault(app.oid)
    form = {"grant_type": "client_credentials", "client_id": app.app_id, "client_secret": app.secret}
    return app, admin.ask_token(**form)["access_token"]


def _person(admin: Administrator) -> tuple[Person, str]:
    """Get a token as a user, with a password, by a client that understands that it can end at any moment."""
    who = admin.add_person()
    admin.give_vault(who.id, "User")
    form = {"grant_type": "password", "client_id": AZURE_CLI, "username": who.name, "password": who.password}
    return who, admin.ask_token(**form, claims=_CONTINUOUS)["access_token"]


def _client(admin: Administrator) -> tuple[App, str]:
    """Get a token as a web application, for a user."""
    who, client = admin.add_person(), admin.add_client()
    admin.give_vault(who.id, "User")
    code = admin.code(admin.browser(), who, client.app_id)
    return client, admin.ask_token(**admin.code_form(client, code))["access_token"]


def _api(admin: Administrator) -> tuple[Person, App, str]:
    """Get a token as an API that a web application called for a user."""
    who, client, (api, scope) = admin.add_person(), admin.add_app(), admin.add_api()
    admin.give_vault(who.id, "User")
    admin.let_call(client, api)
    form = admin.obo_form(api, admin.assertion(who, client, scope))
    return who, client, admin.ask_token(**form)["access_token"]


def _run(admin: Administrator) -> tuple[str, str, str]:
    """Get a token as a program that a managed identity was lent to."""
    identity = admin.add_identity()
    run = admin.control("POST", "/run", {"identity": identity})
    admin.give_vault(run["objectId"])
    site, path = place_of(run["identityEndpoint"])
    target = f"{path}?api-version=2019-08-01&resource={VAULT_RESOURCE}"
    token = _of_identity(site, target, {"X-IDENTITY-HEADER": run["identityHeader"]})
    return identity, run["runId"], token


def _of_identity(site: Site, target: str, headers: dict[str, str]) -> str:
    status, answer = ask(site, "GET", target, headers=headers)
    assert status == 200, f"no token: {status} {answer.decode(errors='replace')}"
    token: str = json.loads(answer)["access_token"]
    return token


# ---- what ends it ---------------------------------------------------------------------------------------------------


def _remove_secret(admin: Administrator, app: App) -> Act:
    return lambda: admin.graph("POST", f"applications/{app.id}/removePassword", {"keyId": app.key_id})


def _secret(admin: Administrator) -> tuple[str, Act]:
    app, token = _application(admin)
    return token, _remove_secret(admin, app)


def _disabled_application(admin: Administrator) -> tuple[str, Act]:
    app, token = _application(admin)
    return token, lambda: admin.graph("PATCH", f"servicePrincipals/{app.oid}", {"accountEnabled": False})


def _deleted_application(admin: Administrator) -> tuple[str, Act]:
    app, token = _application(admin)
    return token, lambda: admin.graph("DELETE", f"servicePrincipals/{app.oid}")


def _right(admin: Administrator) -> tuple[str, Act]:
    app = admin.add_app()
    assignment = admin.give_vault(app.oid)
    form = {"grant_type": "client_credentials", "client_id": app.app_id, "client_secret": app.secret}
    return admin.ask_token(**form)["access_token"], lambda: admin.arm("DELETE", assignment)


def _disabled_user(admin: Administrator) -> tuple[str, Act]:
    who, token = _person(admin)
    return token, lambda: admin.graph("PATCH", f"users/{who.id}", {"accountEnabled": False})


def _deleted_user(admin: Administrator) -> tuple[str, Act]:
    who, token = _person(admin)
    return token, lambda: admin.graph("DELETE", f"users/{who.id}")


def _sessions(admin: Administrator) -> tuple[str, Act]:
    who, token = _person(admin)
    return token, lambda: admin.graph("POST", f"users/{who.id}/revokeSignInSessions")


def _password(admin: Administrator) -> tuple[str, Act]:
    who, token = _person(admin)
    profile = {"password": f"{who.password}2", "forceChangePasswordNextSignIn": False}
    return token, lambda: admin.graph("PATCH", f"users/{who.id}", {"passwordProfile": profile})


def _policy(admin: Administrator) -> tuple[str, Act]:
    who, token = _person(admin)
    body = {
        "displayName": "bench",
        "state": "enabled",
        "conditions": {
            "clientAppTypes": ["all"],
            "users": {"includeUsers": [who.id]},
            "applications": {"includeApplications": ["All"]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["block"]},
    }
    return token, lambda: admin.graph("POST", "identity/conditionalAccess/policies", body)


def _factor(admin: Administrator) -> tuple[str, Act]:
    who, client = admin.add_person(), admin.add_client()
    admin.give_vault(who.id, "User")
    factor = admin.set_up_factor(who)
    code = admin.code(admin.browser(), who, client.app_id, factor=factor)
    token = admin.ask_token(**admin.code_form(client, code))["access_token"]
    (held,) = admin.graph("GET", f"users/{who.id}/authentication/softwareOathMethods")["value"]
    return token, lambda: admin.graph("DELETE", f"users/{who.id}/authentication/softwareOathMethods/{held['id']}")


def _clients_secret(admin: Administrator) -> tuple[str, Act]:
    client, token = _client(admin)
    return token, _remove_secret(admin, client)


def _callers_secret(admin: Administrator) -> tuple[str, Act]:
    _, client, token = _api(admin)
    return token, _remove_secret(admin, client)


def _callers_user(admin: Administrator) -> tuple[str, Act]:
    who, _, token = _api(admin)
    return token, lambda: admin.graph("POST", f"users/{who.id}/revokeSignInSessions")


def _ended_run(admin: Administrator) -> tuple[str, Act]:
    _, run, token = _run(admin)
    return token, lambda: admin.control("DELETE", f"/run/{run}")


def _deleted_identity(admin: Administrator) -> tuple[str, Act]:
    identity, _, token = _run(admin)
    return token, lambda: admin.arm("DELETE", identity, version="2023-01-31")


def _identity_map(admin: Administrator) -> tuple[str, Act]:
    made = admin.control("POST", "/identity-maps", {"identity": admin.add_identity(), "user": os.getuid()})
    admin.give_vault(made["objectId"])
    site, _ = place_of(f"{admin.control('GET', '/status')['managedIdentity']}/")
    target = f"/metadata/identity/oauth2/token?api-version=2018-02-01&resource={VAULT_RESOURCE}"
    token = _of_identity(site, target, {"Metadata": "true"})
    return token, lambda: admin.control("DELETE", f"/identity-maps/{made['id']}")


def _signing_key(admin: Administrator) -> tuple[str, Act]:
    _, token = _application(admin)
    header = token.partition(".")[0]
    kid = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]
    return token, lambda: admin.control("POST", f"/signing-keys/{kid}/revoke")


_ENDS: dict[str, End] = {
    "an application's secret was removed": _secret,
    "a service principal was disabled": _disabled_application,
    "a service principal was deleted": _deleted_application,
    "a role assignment was removed": _right,
    "a user was disabled": _disabled_user,
    "a user was deleted": _deleted_user,
    "a user's sessions were revoked": _sessions,
    "a password was reset": _password,
    "a second factor was removed": _factor,
    "a policy blocked (continuous access)": _policy,
    "a user's client lost its secret": _clients_secret,
    "an API's caller lost its secret (on-behalf-of)": _callers_secret,
    "an API's user's sessions were revoked": _callers_user,
    "a managed identity's run ended": _ended_run,
    "a managed identity was deleted": _deleted_identity,
    "an identity map was removed": _identity_map,
    "a signing key was revoked": _signing_key,
}
