"""Device codes: a program without a browser, and the person who lets it in from elsewhere (RFC 8628)."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest

from strongroom.core.aadsts import REFUSALS
from strongroom.core.errors import Unauthenticated
from strongroom.core.limits import (
    DEVICE_CODE_INTERVAL_S,
    DEVICE_CODE_S,
    DEVICE_CODES_PER_SOURCE,
    DEVICE_CODES_WAITING,
    SIGN_IN_FAILURES,
)
from strongroom.core.sessions import SignInSettings
from strongroom.directory import users
from strongroom.flow.device_codes import Approval, DeviceCodes
from strongroom.flow.lockout import Lockout
from tests.flow.apps import sign_in_by
from tests.flow.browser import Browser, title, told
from tests.flow.test_sign_in_by_password import claims, reason
from tests.flow.users import AZURE_CLI, SCOPE, Person, ask_token, person
from tests.world import Answer, Simulation

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
PROGRAM = "198.51.100.9"
"""Where the program asks from: not where the person's browser is."""


@dataclass(frozen=True, slots=True)
class Device:
    """A program that waits."""

    world: Simulation
    codes: dict[str, Any]

    @property
    def user_code(self) -> str:
        """What it shows."""
        return str(self.codes["user_code"])

    def poll(self, authority: str | None = None, **form: str | None) -> Answer:
        """Ask whether its user has let it in."""
        asked = {"grant_type": GRANT, "device_code": self.codes["device_code"], "scope": None, "peer": PROGRAM}
        return ask_token(self.world, authority, **{**asked, **form})


def refused(answer: Answer, number: int, error: str | None = None) -> None:
    """Hold an answer to be a refusal with this number and its word."""
    row = REFUSALS[number]
    status = 401 if row.kind is Unauthenticated else 400
    assert (answer.status, answer.json["error"], answer.json["error_codes"]) == (status, error or row.error, [number])


def allow(world: Simulation, tenant: str | None = None, *, allowed: bool = True) -> None:
    """Switch a tenant's device codes on, or off again."""
    tenant = tenant or world.first.tenant_id
    world.commit(lambda tx: tx.put(SignInSettings(tenant, tenant, device_code=allowed)))


def ask(world: Simulation, authority: str | None = None, peer: str = PROGRAM, **form: str | None) -> Answer:
    """Ask for a device code."""
    members = {"client_id": AZURE_CLI, "scope": SCOPE, **form}
    sent = {name: value for name, value in members.items() if value is not None}
    url = f"{world.login_url}/{authority or world.first.tenant_id}/oauth2/v2.0/devicecode"
    return world.ask("POST", url, form=sent, peer=peer)


@pytest.fixture(autouse=True)
def afresh(world: Simulation) -> None:
    """Let nothing wait, count nothing, and have device codes off."""
    world.world.device_codes, world.world.lockout = DeviceCodes(), Lockout()
    allow(world, allowed=False)


@pytest.fixture
def device(world: Simulation) -> Device:
    """Make a program that waits."""
    allow(world)
    answer = ask(world)
    assert answer.status == 200, answer.body
    return Device(world, answer.json)


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user with a password."""
    return person(world)


def type_in(browser: Browser, code: str, authority: str | None = None) -> Answer:
    """Go to the page and type a code in."""
    page = browser.open(f"{authority or browser.world.first.tenant_id}/oauth2/deviceauth")
    return browser.send(page, user_code=code)


def confirm_page(device: Device, who: Person, browser: Browser | None = None) -> tuple[Browser, Answer]:
    """Go as far as the question."""
    browser = browser or Browser(device.world)
    return browser, browser.sign_in(type_in(browser, device.user_code), who)


# ---- the whole way ---------------------------------------------------------------------------------------------------


def test_a_person_lets_a_device_in(device: Device, someone: Person) -> None:
    """SEC-TOKEN-6: application, address and resource are shown after a fresh sign-in, and only a yes lets it in."""
    refused(device.poll(), 70016, "authorization_pending")
    browser, page = confirm_page(device, someone)
    text = unescape(page.body.decode())
    for shown in ("Microsoft Azure CLI", PROGRAM, "https://vault.azure.net", device.user_code):
        assert shown in text
    refused(device.poll(), 70016, "authorization_pending")
    assert title(browser.send(page, answer="yes")) == "Signed in"
    given = device.poll()
    assert given.status == 200, given.body
    said = claims(given.json["access_token"])
    assert (said["upn"], said["appid"], said["amr"]) == (someone.name, AZURE_CLI, ["pwd"])
    assert "refresh_token" in given.json
    refused(device.poll(), 70018, "bad_verification_code")


def test_what_the_program_is_told(world: Simulation, device: Device) -> None:
    """RFC 8628 section 3.2, with the sentence that clients print; the page is on our own name, for any browser."""
    place = f"https://login.localhost:8443/{world.first.tenant_id}/oauth2/deviceauth"
    assert device.codes["verification_uri"] == place
    assert (device.codes["expires_in"], device.codes["interval"]) == (DEVICE_CODE_S, DEVICE_CODE_INTERVAL_S)
    assert place in device.codes["message"]
    assert device.user_code in device.codes["message"]
    assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ2-9]{9}", device.user_code)
    assert len(device.codes["device_code"]) >= 43


def test_a_no_keeps_it_out(device: Device, someone: Person) -> None:
    """The program is told so, and the code is of no use to anybody any more."""
    browser, page = confirm_page(device, someone)
    answer = browser.send(page, answer="no")
    assert (answer.status, "AADSTS65004" in answer.body.decode()) == (400, True)
    for authority in (None, "common"):
        refused(device.poll(authority), 65004, "authorization_declined")
    assert "AADSTS70018" in type_in(browser, device.user_code).body.decode()
    assert "AADSTS70020" in browser.send(page, answer="yes").body.decode()


@pytest.mark.parametrize("answer", ["", "maybe", "Yes"])
def test_only_a_yes_is_one(device: Device, someone: Person, answer: str) -> None:
    """Whatever else the form says is a no."""
    browser, page = confirm_page(device, someone)
    assert browser.send(page, answer=answer).status == 400
    assert device.poll().status == 400


def test_a_session_is_not_enough(device: Device, someone: Person) -> None:
    """SEC-TOKEN-6: who is signed in at the browser shows the password again."""
    browser = Browser(device.world)
    assert "code" in told(browser.sign_in(browser.authorize(), someone))
    assert title(type_in(browser, device.user_code)) == "Sign in"


@pytest.mark.parametrize("spelling", [str.lower, lambda code: f" {code[:3]}-{code[3:6]} {code[6:]} "])
def test_a_code_is_found_as_people_type_it(device: Device, spelling: Any) -> None:
    """Case, spaces and dashes do not count."""
    assert title(type_in(Browser(device.world), spelling(device.user_code))) == "Sign in"


@pytest.mark.parametrize("authority", ["common", "organizations"])
def test_the_tenant_follows_from_the_user(world: Simulation, someone: Person, authority: str) -> None:
    """`az login --use-device-code` asks so."""
    allow(world)
    device = Device(world, ask(world, authority).json)
    refused(device.poll(authority), 70016, "authorization_pending")
    browser = Browser(world)
    page = browser.sign_in(type_in(browser, device.user_code, authority), someone)
    assert title(browser.send(page, answer="yes")) == "Signed in"
    assert claims(device.poll(authority).json["access_token"])["tid"] == world.first.tenant_id


def test_v1_names_a_resource_and_tells_in_text(world: Simulation, someone: Person) -> None:
    """`/oauth2/devicecode` with `resource`; the grant is `device_code` and its member `code`."""
    allow(world)
    url = f"{world.login_url}/{world.first.tenant_id}/oauth2/devicecode"
    form = {"client_id": AZURE_CLI, "resource": "https://management.azure.com/"}
    codes = world.ask("POST", url, form=form, peer=PROGRAM).json
    assert codes["expires_in"] == str(DEVICE_CODE_S)
    assert codes["verification_url"].endswith("/oauth2/deviceauth")
    browser, page = confirm_page(Device(world, codes), someone)
    browser.send(page, answer="yes")
    form |= {"grant_type": "device_code", "code": codes["device_code"]}
    answer = world.ask("POST", f"{world.login_url}/{world.first.tenant_id}/oauth2/token", form=form)
    assert claims(answer.json["access_token"])["aud"] == "https://management.azure.com/"


# ---- who does not get in ---------------------------------------------------------------------------------------------


def test_it_is_off_by_default(world: Simulation, someone: Person) -> None:
    """SEC-TOKEN-6: per tenant; and switched off again, what waits gets nothing."""
    refused(ask(world), 53003)
    other = ask(world, "common")
    assert other.status == 200, "whose tenant it will be is not known yet"
    browser = Browser(world)
    page = browser.sign_in(type_in(browser, other.json["user_code"], "common"), someone)
    assert (page.status, "AADSTS53003" in page.body.decode()) == (400, True)
    refused(Device(world, other.json).poll("common"), 70016)


def test_switched_off_nothing_more_is_let_in(device: Device, someone: Person) -> None:
    """Between the question and the answer as well."""
    browser, page = confirm_page(device, someone)
    allow(device.world, allowed=False)
    assert "AADSTS53003" in browser.send(page, answer="yes").body.decode()
    refused(device.poll(), 70016)


def test_switched_off_a_yes_that_was_said_is_worth_nothing(device: Device, someone: Person) -> None:
    """SEC-TOKEN-6: and when they are on again, the same code is good: the refusal has not used it up."""
    browser, page = confirm_page(device, someone)
    browser.send(page, answer="yes")
    allow(device.world, allowed=False)
    refused(device.poll(), 53003)
    told = device.world.entries()[-1]["properties"]
    assert told["userId"] == someone.user.id
    allow(device.world)
    assert device.poll().status == 200


@pytest.mark.parametrize(
    ("form", "number"),
    [
        ({"client_id": None}, 900144),
        ({"client_id": "00000000-1111-2222-3333-444444444444"}, 700016),
        ({"scope": None}, 900144),
        ({"scope": "https://storage.azure.com/.default"}, 500011),
    ],
)
def test_what_is_asked_for_is_judged_at_once(world: Simulation, form: dict[str, str | None], number: int) -> None:
    """Before any person is troubled."""
    allow(world)
    refused(ask(world, **form), number)


def test_only_public_clients_may_ask(world: Simulation) -> None:
    """SEC-TOKEN-6: an application that has a secret to show is none."""
    allow(world)
    refused(ask(world, client_id=world.administrator.appid), 7000218)


def test_a_registered_client_needs_consent(world: Simulation, someone: Person) -> None:
    """`isFallbackPublicClient` lets it ask; what it may do, the person says on the way."""
    allow(world)
    app = world.principal("A tool")
    sign_in_by(world, app, is_fallback_public_client=True)
    asked = {"client_id": app.appid, "scope": "https://vault.azure.net/user_impersonation"}
    device = Device(world, ask(world, **asked).json)
    browser, page = confirm_page(device, someone)
    assert title(page) == "Permissions requested"
    refused(device.poll(client_id=app.appid), 70016)
    page = browser.send(page, answer="accept")
    assert title(page) == "Let the device in?"
    assert title(browser.send(page, answer="yes")) == "Signed in"
    given = device.poll(client_id=app.appid)
    assert claims(given.json["access_token"])["appid"] == app.appid


def test_another_client_gets_nothing(device: Device, someone: Person) -> None:
    """A device code is the client's that asked for it."""
    browser, page = confirm_page(device, someone)
    browser.send(page, answer="yes")
    refused(device.poll(client_id="1950a258-227b-4e31-a9cf-717495945fc2"), 70018)
    assert device.poll().status == 200


def test_another_tenant_gets_nothing(world: Simulation, device: Device, someone: Person) -> None:
    """SEC-TENANT-2: neither its page nor its token endpoint knows the code."""
    other = world.tenant()
    allow(world, other)
    browser = Browser(world)
    assert "AADSTS70018" in type_in(browser, device.user_code, other).body.decode()
    browser, page = confirm_page(device, someone)
    browser.send(page, answer="yes")
    refused(device.poll(other), 70018)
    assert device.poll().status == 200


@pytest.mark.parametrize("change", [{"device_code": "AAAA"}, {"device_code": None}])
def test_an_unknown_code_gets_nothing(device: Device, change: dict[str, str | None]) -> None:
    """It yields nobody's token (pitfalls.md)."""
    refused(device.poll(**change), 70018 if change["device_code"] else 900144)


def test_guessing_is_stopped(device: Device) -> None:
    """After `SIGN_IN_FAILURES` wrong user codes a source gets nowhere with a right one either; others do."""
    browser = Browser(device.world)
    for _ in range(SIGN_IN_FAILURES):
        assert "AADSTS70018" in type_in(browser, "BBBBBBBBB").body.decode()
    assert "AADSTS70018" in type_in(browser, device.user_code).body.decode()
    assert reason(device.world) == "too many wrong user codes from the source"
    assert title(type_in(Browser(device.world, "203.0.113.99"), device.user_code)) == "Sign in"


def test_a_code_expires(device: Device, someone: Person) -> None:
    """`DEVICE_CODE_S`, to the second: for the program and for the person."""
    device.world.advance(DEVICE_CODE_S - 1)
    refused(device.poll(), 70016)
    browser, page = confirm_page(device, someone)
    device.world.advance(1)
    for authority in (None, "common"):
        refused(device.poll(authority), 70020, "expired_token")
    assert "AADSTS70020" in browser.send(page, answer="yes").body.decode()
    assert "AADSTS70018" in type_in(browser, device.user_code).body.decode()


def test_an_approval_is_worth_nothing_without_its_user(device: Device, someone: Person) -> None:
    """Disabled between the yes and the question of the program."""
    browser, page = confirm_page(device, someone)
    browser.send(page, answer="yes")
    tenant = device.world.first.tenant_id
    device.world.commit(
        lambda tx: users.update_user(
            tx, tenant, someone.user.id, users.UserChange(enabled=False), now=int(device.world.clock())
        )
    )
    refused(device.poll(), 50173)
    assert reason(device.world) == "user or credential has ended"


def test_an_approval_is_worth_nothing_without_its_password(device: Device, someone: Person) -> None:
    """SEC-FLOW-17: nor is one whose password was removed in between."""
    browser, page = confirm_page(device, someone)
    browser.send(page, answer="yes")
    (password,) = device.world.view.credentials_of(someone.user.id)
    device.world.commit(lambda tx: tx.remove(password))
    refused(device.poll(), 50173)


def test_of_eight_at_once_one_succeeds(device: Device, someone: Person) -> None:
    """PIT: one code and 8 redeemers: one winner."""
    browser, page = confirm_page(device, someone)
    browser.send(page, answer="yes")
    world, handle = device.world, device.world.dispatcher.handle
    requests: list[Any] = []

    def held(request: Any) -> Any:
        requests.append(request)
        return handle(request)

    world.dispatcher.handle = held  # type: ignore[method-assign]  # to send one request several times
    try:
        device.poll(device_code="AAAA")
    finally:
        world.dispatcher.handle = handle  # type: ignore[method-assign]
    form = f"client_id={AZURE_CLI}&grant_type={GRANT}&device_code={device.codes['device_code']}".encode()

    async def body(_limit: int, _time_s: float) -> bytes:
        return form

    requests[0].receive_body = body

    async def at_once() -> list[int]:
        return [answer.status for answer in await asyncio.gather(*(handle(requests[0]) for _ in range(8)))]

    assert sorted(world.run(at_once())) == [200] + [400] * 7


# ---- how many wait ---------------------------------------------------------------------------------------------------


def test_a_source_may_let_so_many_wait(world: Simulation) -> None:
    """`DEVICE_CODES_PER_SOURCE`; others are not in its way, and what has expired does not count."""
    allow(world)
    for _ in range(DEVICE_CODES_PER_SOURCE):
        assert ask(world).status == 200
    assert ask(world).status == 429
    assert ask(world, peer="203.0.113.99").status == 200
    world.advance(2 * DEVICE_CODE_S)
    assert ask(world).status == 200
    assert len(world.world.device_codes) == 1


def test_so_many_may_wait_in_all(world: Simulation) -> None:
    """`DEVICE_CODES_WAITING`."""
    allow(world)
    codes = world.world.device_codes
    for number in range(DEVICE_CODES_WAITING):
        codes.add(
            str(number),
            tenant=None,
            client_id=AZURE_CLI,
            resource="",
            scope="",
            address="",
            source=str(number),
            now=int(world.clock()),
            entropy=world.world.entropy,
        )
    assert ask(world).status == 429


def test_a_device_is_let_in_once_and_never_after_a_no(world: Simulation) -> None:
    """Two windows of one person that answer at the same time: the first yes counts, and a no for good."""
    codes, now = DeviceCodes(), int(world.clock())
    first, second = (Approval("t", user, "c", ("pwd",), now, None) for user in ("first", "second"))
    waits = [
        codes.add(
            name,
            tenant=None,
            client_id=AZURE_CLI,
            resource="",
            scope="",
            address="",
            source="",
            now=now,
            entropy=world.world.entropy,
        )
        for name in ("yes", "no")
    ]
    codes.approve(waits[0], first)
    codes.approve(waits[0], second)
    codes.deny(waits[1])
    codes.approve(waits[1], first)
    assert [one.approval for one in waits] == [first, None]
