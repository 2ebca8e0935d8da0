"""The pages of signing in, in a real browser: as people see them, find their fields, and go through them."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Page, expect

from strongroom.core.limits import SIGN_IN_FAILURES
from tests.browser.conftest import AZURE_CLI, Pages, Person, picture
from tests.plugins.canary import remember

pytestmark = pytest.mark.toolchain("chromium")
CORRELATION = re.compile(r"Correlation ID: ([0-9a-f-]{36})")


def sign_in(page: Page, who: Person, password: str | None = None) -> None:
    """Type name and password in. Fields are found as a screen reader finds them: by their labels."""
    page.get_by_label("User name").fill(who.name)
    page.get_by_label("Password").fill(password or who.password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def try_in_vain(page: Page, who: Person, password: str) -> str:
    """Be told, on a page of its own, that a sign-in failed; under which correlation id the operator finds it."""
    # The page before may have an alert as well, and shows it until the next one is there.
    with page.expect_navigation():
        sign_in(page, who, password)
    expect(page.get_by_role("alert")).to_contain_text("AADSTS50126")
    found = CORRELATION.search(page.inner_text("main"))
    assert found is not None
    return found[1]


def is_back(page: Page) -> None:
    """Hold that the client got its code."""
    page.wait_for_url(re.compile(r"^http://localhost:[0-9]+/?\?code="))


def typed(page: Page, text: str, *keys: str) -> None:
    """
    Type into whatever has the focus, which somebody sees before they type.

    A browser gives a new page's field the focus when it draws it, which may be after everything is loaded: keys that
    come before are lost.
    """
    expect(page.locator("input:focus")).to_have_count(1)
    page.keyboard.type(text)
    for key in keys:
        page.keyboard.press(key)


def heading(page: Page, text: str) -> None:
    """Hold that a page is shown, and that everybody can use it."""
    expect(page.get_by_role("heading", level=1)).to_have_text(text)
    accessible(page)


def accessible(page: Page) -> None:
    """
    Hold a page to what can be told of it (WCAG 2.2: 1.3.1, 1.4.3, 2.4.2, 3.1.1, 3.3.1, 4.1.2).

    A language, a title, one main landmark and one first heading; a name for whatever can be used; an alert that the
    field says it is described by; enough contrast of every text with what is behind it.
    """
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.title().endswith(" - Strongroom")
    assert (page.get_by_role("main").count(), page.locator("h1").count()) == (1, 1)
    for kind in ("textbox", "checkbox", "button"):
        for one in page.get_by_role(kind).all():
            assert one.evaluate("e => (e.labels && e.labels.length) || e.textContent.trim() || e.ariaLabel"), kind
    if page.locator("#wrong").count() and page.locator("input:not([type=hidden])").count():
        assert page.locator("[aria-describedby~=wrong]").count()
    faint = page.evaluate(_FAINT)
    assert not faint, faint


_FAINT = """() => {
  const part = c => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4 }
  const rgb = text => text.match(/[0-9.]+/g).map(Number)
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor)
      if (c.length < 4 || c[3] > 0) return c
    }
    return [255, 255, 255]
  }
  return [...document.querySelectorAll("main *")]
    .filter(e => !["SCRIPT", "STYLE"].includes(e.tagName))
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .map(e => {
      const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x)
      return [e.textContent.trim().slice(0, 30), (a + 0.05) / (b + 0.05)]
    })
    .filter(([, ratio]) => ratio < 4.5)
}"""
"""Texts whose contrast is below 4.5:1 (WCAG 2.2 section 1.4.3)."""


def audited(pages: Pages, correlation: str) -> list[dict[str, Any]]:
    """Find what the journal has under a correlation id."""
    lines = pages.live.call("audit tail", "--lines", "200").stdout.splitlines()
    entries = [json.loads(line) for line in lines]
    return [entry for entry in entries if entry["correlationId"] == correlation]


# ---- password --------------------------------------------------------------------------------------------------------


def test_a_person_signs_in(pages: Pages) -> None:
    """SEC-TOKEN-7: the page says whose it is and what comes next; then the client has its code."""
    page = pages.open()
    page.goto(pages.authorize())
    heading(page, "Sign in")
    expect(page.get_by_text("Microsoft Azure CLI")).to_be_visible()
    expect(page.get_by_text("It is not Microsoft's")).to_be_visible()
    picture(page, "sign-in-password")
    sign_in(page, pages.person("Ada"))
    is_back(page)


def test_the_keyboard_alone_is_enough_and_no_script(pages: Pages) -> None:
    """The first field has the focus, and Tab and Enter lead through; with scripts off as well."""
    who = pages.person("Bea")
    page = pages.open(java_script_enabled=False)
    page.goto(pages.authorize())
    typed(page, who.name, "Tab")
    typed(page, who.password, "Enter")
    is_back(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes_can_be_read(pages: Pages, scheme: Any) -> None:
    """The page follows the browser, and `accessible` judges the contrast of each."""
    page = pages.open(color_scheme=scheme)
    page.goto(pages.authorize())
    heading(page, "Sign in")
    sign_in(page, pages.person("Zoe"), "Wrong-passw0rd")
    expect(page.get_by_role("alert")).to_be_visible()
    accessible(page)


def test_every_step_goes_by_keyboard_alone_and_without_scripts(pages: Pages) -> None:
    """Password, second factor, consent and the device's page: Tab, text and Enter."""
    who = pages.person("Yara")
    setting_up = pages.open()
    setting_up.goto(pages.url("security-info"))
    sign_in(setting_up, who)
    app = set_up_app(setting_up)
    made = pages.administrator.graph(
        "POST", "applications", {"displayName": "Ledger", "web": {"redirectUris": ["http://localhost/back"]}}
    )
    pages.administrator.graph("POST", "servicePrincipals", {"appId": made["appId"]})
    page = pages.open(java_script_enabled=False)
    scope = "https://vault.azure.net/user_impersonation"
    page.goto(pages.authorize(client_id=made["appId"], redirect_uri=f"{pages.back}/back", scope=scope))
    typed(page, who.name, "Tab")
    typed(page, who.password, "Tab", "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Show a second factor")
    typed(page, app.at(int(time.time()), counter_offset=1), "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Permissions requested")
    # No field of this page has the focus to wait for; to take a picture of it waits until it is drawn.
    page.screenshot()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Accept")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/back\?code="))
    page.goto(pages.url("oauth2/deviceauth"))
    typed(page, "BBBBBBBBB", "Enter")
    expect(page.get_by_role("alert")).to_contain_text("AADSTS70018")


def test_a_wrong_password_is_told_with_what_the_operator_finds(pages: Pages) -> None:
    """An alert with the AADSTS number, and a correlation id under which the journal has the reason."""
    page = pages.open()
    page.goto(pages.authorize())
    who = pages.person("Cleo")
    correlation = try_in_vain(page, who, "Wrong-passw0rd")
    picture(page, "sign-in-wrong-password")
    (entry,) = audited(pages, correlation)
    assert entry["properties"]["reason"] == "wrong password"
    expect(page.get_by_label("User name")).to_have_value(who.name)
    sign_in(page, who)
    is_back(page)


def test_a_locked_user_is_told_no_more_than_others(pages: Pages) -> None:
    """SEC-TOKEN-4, SEC-TOKEN-11: after `SIGN_IN_FAILURES` the right password is as good as a wrong one."""
    page = pages.open()
    page.goto(pages.authorize())
    who = pages.person("Dora")
    for _ in range(SIGN_IN_FAILURES):
        try_in_vain(page, who, "Wrong-passw0rd")
    correlation = try_in_vain(page, who, who.password)
    picture(page, "sign-in-locked")
    (entry,) = audited(pages, correlation)
    assert "is locked to the source" in entry["properties"]["reason"]


def test_whoever_has_to_chooses_a_new_password(pages: Pages) -> None:
    """And is told on the page what a password has to be."""
    page = pages.open()
    page.goto(pages.authorize())
    sign_in(page, pages.person("Edna", must_change=True))
    heading(page, "Choose a new password")
    picture(page, "sign-in-new-password")
    new = "Quite-another-0ne-of-these"
    remember(new)
    for text in ("short", new):
        page.get_by_label("New password", exact=True).fill(text)
        page.get_by_label("New password again").fill(text)
        page.get_by_role("button", name="Change password").click()
        if text == "short":
            expect(page.get_by_role("alert")).to_contain_text("It must have 8 to 256 characters")
    is_back(page)


def test_a_person_chooses_among_accounts(pages: Pages) -> None:
    """Whoever is signed in at the browser stands there by name."""
    page = pages.open()
    people = [pages.person("Fay"), pages.person("Gus")]
    for who in people:
        page.goto(pages.authorize(prompt="login"))
        sign_in(page, who)
        is_back(page)
    page.goto(pages.authorize())
    heading(page, "Choose an account")
    picture(page, "sign-in-account")
    page.get_by_role("button", name=people[0].name).click()
    is_back(page)
    page.goto(pages.url("oauth2/v2.0/logout"))
    heading(page, "Signed out")
    page.goto(pages.authorize())
    heading(page, "Sign in")


# ---- second factors --------------------------------------------------------------------------------------------------


def set_up_app(page: Page) -> pyotp.TOTP:
    """Set an authenticator app up, by the text beside the picture."""
    page.get_by_role("button", name="Add an authenticator app").click()
    heading(page, "Set up an authenticator app")
    picture(page, "security-info-app", hidden=(".qr", "#secret"))
    secret = page.locator("#secret code").inner_text().replace(" ", "")
    remember(secret)
    app = pyotp.TOTP(secret)
    page.get_by_label("Code that the app shows now").fill(app.now())
    page.get_by_role("button", name="Set up").click()
    heading(page, "Security info")
    return app


def test_an_authenticator_app_is_a_second_factor(pages: Pages) -> None:
    """Set up under security info, asked for at the next sign-in; a wrong code is told."""
    who = pages.person("Hedy")
    page = pages.open()
    page.goto(pages.url("security-info"))
    sign_in(page, who)
    heading(page, "Security info")
    app = set_up_app(page)
    picture(page, "security-info")
    page = pages.open()
    page.goto(pages.authorize())
    sign_in(page, who)
    heading(page, "Show a second factor")
    picture(page, "sign-in-second-factor")
    field = page.get_by_label("Code of your authenticator app")
    field.fill("000000" if app.now() != "000000" else "111111")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("AADSTS500121")
    # The code that set the app up is used; the next one is good already, for clocks that are not quite the same.
    field.fill(app.at(page.evaluate("Math.floor(Date.now() / 1000)"), counter_offset=1))
    page.get_by_role("button", name="Sign in", exact=True).click()
    is_back(page)


def test_a_security_key_is_a_second_factor(pages: Pages) -> None:
    """WebAuthn as the browser does it, with an authenticator of its own."""
    who = pages.person("Ines")
    page = pages.open()
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "usb",
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    page.goto(pages.url("security-info"))
    sign_in(page, who)
    page.get_by_role("button", name="Add a security key").click()
    heading(page, "Register a security key")
    picture(page, "security-info-key")
    page.get_by_role("button", name="Register the key").click()
    heading(page, "Security info")
    page.goto(pages.authorize(prompt="login"))
    sign_in(page, who)
    heading(page, "Show a second factor")
    page.get_by_role("button", name="Use a security key").click()
    is_back(page)


# ---- clients ---------------------------------------------------------------------------------------------------------


def test_a_person_lets_a_device_in(pages: Pages) -> None:
    """SEC-TOKEN-6: what asks, from where and for what is on the page, and the device has its tokens after a yes."""
    assert json.loads(pages.live.call("sign-in", "--device-code", "--json").stdout)["deviceCode"] is True
    client = pages.client
    url = pages.url("oauth2/v2.0/devicecode")
    codes = client.ask("POST", url, data={"client_id": AZURE_CLI, "scope": "https://vault.azure.net/.default"}).json()
    page = pages.open()
    page.goto(codes["verification_uri"])
    heading(page, "Sign in at a device")
    picture(page, "device-code")
    page.get_by_label("Code").fill(codes["user_code"].lower())
    page.get_by_role("button", name="Next").click()
    sign_in(page, pages.person("Jana"))
    heading(page, "Let the device in?")
    for text in ("Microsoft Azure CLI", "127.0.0.1", "https://vault.azure.net", codes["user_code"]):
        expect(page.get_by_role("main").get_by_text(text, exact=True)).to_be_visible()
    picture(page, "device-confirm")
    page.get_by_role("button", name="Yes, let it in").click()
    heading(page, "Signed in")
    asked = {
        "client_id": AZURE_CLI,
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": codes["device_code"],
    }
    assert "access_token" in client.ask("POST", pages.url("oauth2/v2.0/token"), data=asked).json()


def test_a_person_consents(pages: Pages) -> None:
    """What a registered application wants is on the page; it gets its code after a yes, in a form that sends itself."""
    made = pages.administrator.graph(
        "POST", "applications", {"displayName": "Payroll", "web": {"redirectUris": ["http://localhost/back"]}}
    )
    pages.administrator.graph("POST", "servicePrincipals", {"appId": made["appId"]})
    asked = {
        "client_id": made["appId"],
        "redirect_uri": f"{pages.back}/back",
        "scope": "https://vault.azure.net/user_impersonation",
    }
    page = pages.open()
    page.goto(pages.authorize(**asked))
    who = pages.person("Kaya")
    sign_in(page, who)
    heading(page, "Permissions requested")
    expect(page.get_by_text("Payroll")).to_be_visible()
    expect(page.get_by_text("Access Azure Key Vault").first).to_be_visible()
    picture(page, "consent")
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url(re.compile(r"^http://localhost:[0-9]+/back\?error=access_denied"))
    page.goto(pages.authorize(**asked, response_mode="form_post"))
    sign_in(page, who)
    page.get_by_role("button", name="Accept").click()
    page.wait_for_url(f"{pages.back}/back")


def test_what_cannot_be_is_told_on_a_page(pages: Pages) -> None:
    """An error page with the number and the correlation id, and nothing sent anywhere."""
    page = pages.open()
    page.goto(pages.authorize(redirect_uri="https://attacker.example"))
    heading(page, "Sign-in is not possible")
    expect(page.get_by_role("alert")).to_contain_text("AADSTS50011")
    picture(page, "sign-in-error")
    assert CORRELATION.search(page.inner_text("main"))
