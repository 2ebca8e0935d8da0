"""The audit of what people are refused on pages and with devices: whom it was about, and never with what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strongroom.core.identity import User
from strongroom.core.limits import DEVICE_CODE_S
from tests.flow import test_device_code as devices
from tests.flow.apps import change_principal, sign_in_by
from tests.flow.browser import Browser
from tests.flow.refusals import TYPED, Case, Make, hold, named, shown
from tests.flow.users import AZURE_CLI, add_app, person
from tests.plugins import canary
from tests.world import Answer, Principal, Simulation

# ---- where people are sent to sign in -------------------------------------------------------------------------------


LISTENS = "https://app.example/signed-in"
CODE = {"grantType": "authorization_code"}


def web_app(world: Simulation) -> Principal:
    """Make a web application."""
    app = world.principal()
    sign_in_by(world, app, web=(LISTENS,))
    return app


def authorize(world: Simulation, **query: str | None) -> Answer:
    """Be sent to sign in."""
    return Browser(world).authorize(**query)


def unregistered_redirect(world: Simulation) -> Case:
    """Which client was named, and not where the answer was to go."""
    app = web_app(world)
    answer = authorize(world, client_id=app.appid, redirect_uri=f"https://{TYPED}.example")
    return Case(answer, 50011, named(app, "authorization_code"))


def unregistered_redirect_of_a_known_client(world: Simulation) -> Case:
    """Of a well-known client."""
    answer = authorize(world, redirect_uri=f"https://{TYPED}.example")
    return Case(answer, 50011, {"appId": AZURE_CLI, **CODE})


def unknown_client_at_the_page(world: Simulation) -> Case:
    """Name the tenant alone."""
    return Case(authorize(world, client_id=TYPED), 700016, CODE)


def no_client_at_the_page(world: Simulation) -> Case:
    """Name the tenant alone."""
    return Case(authorize(world, client_id=None), 900144, CODE)


def disabled_client_at_the_page(world: Simulation) -> Case:
    """Which client was named."""
    app = web_app(world)
    change_principal(world, app, enabled=False)
    return Case(authorize(world, client_id=app.appid, redirect_uri=LISTENS), 7000112, named(app, "authorization_code"))


def unreadable_request(world: Simulation) -> Case:
    """Told to the client, at its redirect URI."""
    app = web_app(world)
    answer = authorize(world, client_id=app.appid, redirect_uri=LISTENS, scope="https://elsewhere.example/.default")
    return Case(answer, 500011, named(app, "authorization_code"))


def nobody_signed_in(world: Simulation) -> Case:
    """`prompt=none`."""
    app = web_app(world)
    answer = authorize(world, client_id=app.appid, redirect_uri=LISTENS, prompt="none")
    return Case(answer, 50058, named(app, "authorization_code"))


def wrong_password_at_the_page(world: Simulation) -> Case:
    """Whose account, for which client."""
    app, who, typed = web_app(world), person(world), f"Wrong-{canary.plant()}"
    browser = Browser(world)
    page = browser.authorize(client_id=app.appid, redirect_uri=LISTENS)
    answer = browser.sign_in(page, who, password=typed)
    return Case(answer, 50126, named(app, "authorization_code", userId=who.user.id), (typed,))


def disabled_at_the_page(world: Simulation) -> Case:
    """With the password that was right."""
    app, who = web_app(world), person(world, enabled=False)
    browser = Browser(world)
    page = browser.authorize(client_id=app.appid, redirect_uri=LISTENS)
    answer = browser.sign_in(page, who)
    return Case(answer, 50057, named(app, "authorization_code", **shown(world, who)), (who.password,))


def ended_at_the_page(world: Simulation) -> Case:
    """Whoever went away between two steps is named still."""
    who = person(world)
    add_app(world, who.user)
    names = shown(world, who)
    browser = Browser(world)
    page = browser.sign_in(browser.authorize(), who)
    user = world.view.principal(who.user.tenant, who.user.id)
    assert isinstance(user, User)
    world.commit(lambda tx: tx.put(replace(user, enabled=False)))
    return Case(browser.send(page, code="000000"), 50173, {"appId": AZURE_CLI, **CODE, **names}, (who.password,))


def wrong_second_factor(world: Simulation) -> Case:
    """Whose, after which password."""
    who = person(world)
    add_app(world, who.user)
    browser = Browser(world)
    page = browser.sign_in(browser.authorize(), who)
    answer = browser.send(page, code="00000000")
    return Case(answer, 500121, {"appId": AZURE_CLI, **CODE, **shown(world, who)}, ("00000000",))


PAGES: tuple[Make, ...] = (
    unregistered_redirect, unregistered_redirect_of_a_known_client, unknown_client_at_the_page, no_client_at_the_page,
    disabled_client_at_the_page, unreadable_request, nobody_signed_in, wrong_password_at_the_page, disabled_at_the_page,
    ended_at_the_page, wrong_second_factor,
)  # fmt: skip


@pytest.mark.parametrize("make", PAGES, ids=lambda one: one.__name__)
def test_pages(world: Simulation, make: Make) -> None:
    """SEC-AUDIT-7: what is told on a page, or to the client by a redirect."""
    hold(world, make(world))


def test_signing_out(world: Simulation) -> None:
    """The client that sent the browser to sign out."""
    app = web_app(world)
    Browser(world).open(f"{world.first.tenant_id}/oauth2/v2.0/logout", client_id=app.appid)
    said = world.entries()[-1]["properties"]
    assert (said["tenantId"], said["appId"], said["objectId"]) == (world.first.tenant_id, app.appid, app.oid)


# ---- devices --------------------------------------------------------------------------------------------------------


DEVICE = {"grantType": "device_code"}


def devices_off(world: Simulation) -> Case:
    """Which client asked."""
    devices.allow(world, allowed=False)
    return Case(devices.ask(world), 53003, {"appId": AZURE_CLI, **DEVICE})


def unknown_client_of_a_device(world: Simulation) -> Case:
    """Name the tenant alone."""
    return Case(devices.ask(world, client_id=TYPED), 700016, DEVICE)


def confidential_client_of_a_device(world: Simulation) -> Case:
    """Which client was named."""
    app = world.principal()
    return Case(devices.ask(world, client_id=app.appid), 7000218, named(app, "device_code"))


def unknown_resource_of_a_device(world: Simulation) -> Case:
    """Which client asked."""
    return Case(devices.ask(world, scope="https://elsewhere.example/.default"), 500011, {"appId": AZURE_CLI, **DEVICE})


def nobody_has_answered(world: Simulation) -> Case:
    """Which client asked."""
    device = devices.Device(world, devices.ask(world).json)
    names = {"appId": AZURE_CLI, "grantType": devices.GRANT}
    return Case(device.poll(), 70016, names, (device.codes["device_code"], device.user_code))


def switched_off_after_the_yes(world: Simulation) -> Case:
    """Who said yes."""
    device, who = devices.Device(world, devices.ask(world).json), person(world)
    browser, page = devices.confirm_page(device, who)
    browser.send(page, answer="yes")
    devices.allow(world, allowed=False)
    names = {"appId": AZURE_CLI, "grantType": devices.GRANT, **shown(world, who)}
    return Case(device.poll(), 53003, names, (device.codes["device_code"], device.user_code))


def late_device(world: Simulation) -> Case:
    """Which client asked."""
    device = devices.Device(world, devices.ask(world).json)
    world.advance(DEVICE_CODE_S)
    names = {"appId": AZURE_CLI, "grantType": devices.GRANT}
    return Case(device.poll(), 70020, names, (device.codes["device_code"],))


def wrong_user_code(world: Simulation) -> Case:
    """Name the tenant alone: what was typed in leads nowhere."""
    return Case(devices.type_in(Browser(world), TYPED), 70018, {})


DEVICES: tuple[Make, ...] = (
    devices_off, unknown_client_of_a_device, confidential_client_of_a_device, unknown_resource_of_a_device,
    nobody_has_answered, switched_off_after_the_yes, late_device, wrong_user_code,
)  # fmt: skip


@pytest.mark.parametrize("make", DEVICES, ids=lambda one: one.__name__)
def test_devices(world: Simulation, make: Make) -> None:
    """SEC-AUDIT-7: whoever asks for a device code, polls, or types one in."""
    devices.allow(world)
    hold(world, make(world))
