"""Whoever holds a token for the vault: every way of getting one, and what each rests on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.first_party import KEY_VAULT
from strongroom.core.network import Link
from strongroom.core.rbac import RoleAssignment
from strongroom.core.sessions import SignInSettings
from strongroom.http.peer_owner import Owner
from tests.assertions import make_signer
from tests.flow import test_managed_identity as runs
from tests.flow.apps import ask_for_itself, azure, consent, offer, scope
from tests.flow.apps_users import ALL, code, on_behalf_of, redeem
from tests.flow.arm import Arm
from tests.flow.browser import Browser
from tests.flow.certificates import Client
from tests.flow.graph import Graph
from tests.flow.test_device_code import Device
from tests.flow.test_device_code import ask as ask_device_code
from tests.flow.test_federation import Workload, control
from tests.flow.test_identity_maps import ask as ask_mapped
from tests.flow.users import Person, add_app, ask_token, person, refresh, sign_in
from tests.flow.visitor import Visitor
from tests.world import VAULT_AUDIENCE, Answer, Principal, Simulation

CONTINUOUS = '{"access_token": {"xms_cc": {"values": ["CP1"]}}}'
"""What a client sends that understands that a token can end at any moment."""
_VAULT = f"{VAULT_AUDIENCE}/.default"
_SCOPE = f"{_VAULT} {ALL}"
_UNIX_USERS = iter(range(2000, 10**6))

Act = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Holder:
    """One token, and what it rests on. What a way of getting it has not is None."""

    oid: str
    """Whose it is."""
    token: str = field(repr=False)
    again: Callable[[], Answer] = field(repr=False)
    """Ask for another token with what this one was got with, or with the refresh token that came along."""
    assignment: RoleAssignment
    app: Principal | None = None
    """The application that has it: for itself, or for a user."""
    caller: Principal | None = None
    """The application that called the one that has it."""
    user: Person | None = None
    remove: Act | None = field(default=None, repr=False)
    """Take away what an application or an identity showed."""
    delete: Act | None = field(default=None, repr=False)
    """Delete the managed identity."""
    factor: str | None = None
    """The second factor that was shown."""


def by_secret(world: Simulation) -> Holder:
    """Get one as an application with a secret."""
    app = world.principal()
    path, body = f"applications/{app.application}/removePassword", {"keyId": app.key_id}

    def ask() -> Answer:
        return ask_for_itself(world, app, VAULT_AUDIENCE, claims=CONTINUOUS)

    return _application(world, app, ask, lambda: Graph(world).do("POST", path, body))


def by_certificate(world: Simulation) -> Holder:
    """Get one as an application with a certificate."""
    client = Client(world, make_signer(now=int(world.clock())), Graph(world))
    path, body = f"applications/{client.app.application}", {"keyCredentials": list[object]()}
    return _application(
        world, client.app, lambda: client.ask(claims=CONTINUOUS), lambda: Graph(world).do("PATCH", path, body)
    )


def by_federation(world: Simulation) -> Holder:
    """Get one as an application with a token of an outside issuer."""
    workload = Workload(world, Graph(world))
    path = f"{workload.path}/{workload.made['id']}"
    return _application(
        world, workload.app, lambda: workload.ask(claims=CONTINUOUS), lambda: Graph(world).do("DELETE", path)
    )


def by_outside_issuer(world: Simulation) -> Holder:
    """Get one in the same way; what is taken away is the operator's trust in the issuer."""
    workload = Workload(world, Graph(world))
    body = {"issuer": workload.issuer}
    return _application(
        world,
        workload.app,
        lambda: workload.ask(claims=CONTINUOUS),
        lambda: _done(control(world, "POST", "/issuers/remove", body)),
    )


def by_password(world: Simulation) -> Holder:
    """Get one as a user, by the password grant."""
    who = _person(world)
    return _user(world, who, sign_in(world, who, claims=CONTINUOUS))


def by_refresh_token(world: Simulation) -> Holder:
    """Get one as a user, by a refresh token."""
    who = _person(world)
    first = sign_in(world, who).json["refresh_token"]
    return _user(world, who, refresh(world, first, claims=CONTINUOUS))


def by_device_code(world: Simulation) -> Holder:
    """Get one on a device that a user let in."""
    who = _person(world)
    device = Device(world, ask_device_code(world).json)
    browser = Browser(world)
    page = browser.send(browser.open(f"{world.first.tenant_id}/oauth2/deviceauth"), user_code=device.user_code)
    browser.send(browser.sign_in(page, who), answer="yes")
    return _user(world, who, device.poll(claims=CONTINUOUS))


def by_second_factor(world: Simulation) -> Holder:
    """Get one as a user who showed a code of an app at the page; another app stays."""
    who = _person(world)
    app = add_app(world, who.user)
    add_app(world, who.user, "another")
    visitor = Visitor(world, who)
    visitor.authorize()
    visitor.password()
    visitor.code(app)
    # Another demand of the same sign-in: what comes of it rests on the factor too.
    answer = refresh(world, visitor.redeem().json["refresh_token"], claims=CONTINUOUS)
    return _user(world, who, answer, factor=app.id)


def by_code(world: Simulation) -> Holder:
    """Get one as a registered web application, for a user."""
    who, web = _person(world), world.principal()
    consent(world, web.oid, azure(world, KEY_VAULT), "user_impersonation")
    answer = redeem(world, code(world, who, web.appid), web, scope=_SCOPE, claims=CONTINUOUS)
    return _user(world, who, answer, app=web)


def by_on_behalf_of(world: Simulation) -> Holder:
    """Get one as an API that a web application called for a user."""
    who, web = _person(world), world.principal()
    api, uri = offer(world, scope("access"))
    consent(world, api.oid, azure(world, KEY_VAULT), "user_impersonation")
    consent(world, web.oid, api.oid, "access")
    called = redeem(world, code(world, who, web.appid), web, scope=f"{uri}/access {ALL}").json["access_token"]

    def ask() -> Answer:
        return on_behalf_of(world, api, called, _SCOPE, claims=CONTINUOUS)

    return _holder(world, who.user.id, ask(), ask, app=api, caller=web, user=who)


def by_run(world: Simulation) -> Holder:
    """Get one as a program that a managed identity was lent to."""
    arm = Arm(world, world.administrator)
    arm.make_identity()
    run = runs.begin(world, identity=arm.identity)
    return _holder(
        world,
        run["objectId"],
        runs.ask(world, run),
        lambda: runs.ask(world, run),
        remove=lambda: _done(control(world, "DELETE", f"/run/{run['runId']}")),
        delete=lambda: arm.do("DELETE", arm.identity),
    )


def by_identity_map(world: Simulation) -> Holder:
    """Get one as a Unix user that the operator mapped to a managed identity."""
    arm, user = Arm(world, world.administrator), next(_UNIX_USERS)
    arm.make_identity()
    made = control(world, "POST", "/identity-maps", {"identity": arm.identity, "user": user}).json

    def ask() -> Answer:
        return ask_mapped(world, Owner(is_here=True, user=user), link=Link.MANAGED_IDENTITY)

    return _holder(
        world,
        made["objectId"],
        ask(),
        ask,
        remove=lambda: _done(control(world, "DELETE", f"/identity-maps/{made['id']}")),
        delete=lambda: arm.do("DELETE", arm.identity),
    )


def _person(world: Simulation) -> Person:
    tenant = world.first.tenant_id
    world.commit(lambda tx: tx.put(SignInSettings(tenant, tenant, password_grant=True, device_code=True)))
    return person(world)


def _application(world: Simulation, app: Principal, ask: Callable[[], Answer], remove: Act) -> Holder:
    return _holder(world, app.oid, ask(), ask, app=app, remove=remove)


def _user(
    world: Simulation, who: Person, answer: Answer, *, app: Principal | None = None, factor: str | None = None
) -> Holder:
    form: dict[str, str] = {"grant_type": "refresh_token", "refresh_token": answer.json["refresh_token"]}
    if app is not None:
        form |= {"client_id": app.appid, "client_secret": app.secret}
    return _holder(
        world,
        who.user.id,
        answer,
        lambda: ask_token(world, **form, claims=CONTINUOUS),
        app=app,
        user=who,
        factor=factor,
    )


def _holder(
    world: Simulation,
    oid: str,
    answer: Answer,
    again: Callable[[], Answer],
    *,
    app: Principal | None = None,
    caller: Principal | None = None,
    user: Person | None = None,
    remove: Act | None = None,
    delete: Act | None = None,
    factor: str | None = None,
) -> Holder:
    """Take the token, and give its principal all rights in the vault."""
    assert answer.status == 200, answer.body
    assignment = world.grant(oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    token = answer.json["access_token"]
    return Holder(oid, token, again, assignment, app, caller, user, remove, delete, factor)


def _done(answer: Answer) -> None:
    assert answer.status == 204, answer.body
