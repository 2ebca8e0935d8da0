"""A real browser with a security key in software: the pages' own script, as it runs."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.live import Service
from tests.plugins.canary import remember

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "usb",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Run a service."""
    with Service(tmp_path / "data") as service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        yield service


@pytest.fixture
def page() -> Iterator[Page]:
    """Open a browser that has a security key, and no name but our own to resolve. What a page breaks fails the test."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--host-resolver-rules=MAP *.localhost 127.0.0.1"],
        )
        # The certificate is our own; that it is checked is for other tests. A key would not be shown otherwise.
        context = browser.new_context(ignore_https_errors=True)
        page = context.new_page()
        broken: list[str] = []
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.on("console", lambda said: broken.append(said.text) if "Content Security Policy" in said.text else None)
        devtools = context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        yield page
        browser.close()
    assert broken == []


def sign_in(page: Page, service: Service) -> None:
    """Open security info, and type in name and password."""
    first = service.first
    page.goto(f"{first['authority']}/{first['tenantId']}/security-info")
    page.get_by_label("User name").fill(first["userName"])
    page.get_by_label("Password").fill(first["userPassword"])
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.toolchain("chromium")
def test_a_person_sets_second_factors_up_and_shows_them(service: Service, page: Page) -> None:
    """A key is registered and shown, an app set up and its code typed in; then one is removed. By name and keyboard."""
    heading = page.get_by_role("heading")
    sign_in(page, service)
    page.get_by_role("button", name="Add a security key").click()
    page.get_by_label("What you call the key").fill("blue key")
    page.get_by_role("button", name="Register the key").press("Enter")
    expect(page.get_by_text("blue key")).to_be_visible()

    page.get_by_role("button", name="Add an authenticator app").click()
    expect(page.get_by_role("img", name=re.compile("QR code"))).to_be_visible()
    secret = page.locator("#secret").inner_text()
    remember(secret)
    remember(secret.replace(" ", ""))
    expect(page.get_by_label("Code that the app shows now")).to_be_focused()
    page.get_by_label("Code that the app shows now").fill(pyotp.TOTP(secret.replace(" ", "")).now())
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Remove Authenticator app")).to_be_visible()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("status")).to_be_visible()

    sign_in(page, service)
    expect(heading).to_have_text("Show a second factor")
    page.get_by_label("Code of your authenticator app").fill("000000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").first).to_contain_text("AADSTS500121")
    page.get_by_role("button", name="Use a security key").click()
    expect(heading).to_have_text("Security info")

    page.get_by_role("button", name="Remove blue key").click()
    page.get_by_role("button", name="Yes, remove it").click()
    # What was shown is gone, so another is asked for.
    expect(heading).to_have_text("Show a second factor")
    expect(page.get_by_role("button", name="Use a security key")).to_have_count(0)


@pytest.mark.toolchain("chromium")
def test_a_key_that_does_not_answer_is_said_on_the_page(service: Service, page: Page) -> None:
    """The browser's refusal is told in words, where a screen reader reads it out, and nothing is sent."""
    sign_in(page, service)
    page.get_by_role("button", name="Add a security key").click()
    # What is put into a page is gone with it, so the next one has to be there.
    expect(page.get_by_role("heading")).to_have_text("Register a security key")
    page.evaluate(
        "() => { navigator.credentials.create = () => Promise.reject(new DOMException('', 'NotAllowedError')) }"
    )
    page.get_by_role("button", name="Register the key").click()
    expect(page.get_by_role("alert")).to_contain_text("gave no answer")
    expect(page.get_by_role("heading")).to_have_text("Register a security key")
