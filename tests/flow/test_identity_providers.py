"""Signing in at a tenant's own OpenID provider, which is scripted here; what is simulated is the network to it."""

from __future__ import annotations

import pytest

from strongroom.core import limits
from strongroom.core.sessions import SignInSettings
from strongroom.directory.user_passwords import revoke_sessions
from tests.flow.browser import Browser, title, told
from tests.flow.elsewhere import Provider, come_back
from tests.flow.identity_providers import DOMAIN, browser, choose, provider, refused, someone, tokens, trusted
from tests.flow.policies import Policies, policies
from tests.flow.test_sign_in_by_password import claims
from tests.flow.users import AZURE_CLI, SCOPE, Person, add_app, ask_token, refresh
from tests.world import Simulation

__all__ = ["browser", "policies", "provider", "someone", "trusted"]


# ---- the way there and back ------------------------------------------------------------------------------------------


def test_a_linked_person_signs_in(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """By the button: the tokens are ours, with `fed` as the method and the provider's issuer as `idp`, as in Entra."""
    provider.link(someone)
    given = tokens(browser, provider.sign_in(browser, choose(browser, provider)))
    access, identity = claims(given["access_token"]), claims(given["id_token"])
    assert (access["upn"], access["oid"], access["amr"]) == (someone.name, someone.user.id, ["fed"])
    assert access["idp"] == identity["idp"] == provider.issuer
    assert access["iss"] == f"https://sts.windows.net/{world.first.tenant_id}/"
    again = refresh(world, given["refresh_token"])
    assert claims(again.json["access_token"])["idp"] == provider.issuer


def test_what_a_provider_is_asked(provider: Provider, browser: Browser) -> None:
    """Code, PKCE with S256, state and nonce of this departure, and the one redirect URI; nobody's name but its own."""
    asked = provider.arrive(choose(browser, provider, username="somebody@elsewhere.example"))
    assert asked["response_type"] == "code"
    assert asked["client_id"] == "strongroom"
    assert asked["scope"] == "openid profile email"
    assert asked["redirect_uri"] == provider.made["redirectUri"]
    assert asked["redirect_uri"] == f"https://login.localhost:8443/{provider.made['tenantId']}/oauth2/callback"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == len(asked["nonce"]) == 43
    assert not {"login_hint", "prompt", "max_age"} & asked.keys()
    another = provider.arrive(choose(browser, provider))
    assert not {another[name] for name in ("state", "nonce", "code_challenge")} & set(asked.values())


def test_a_name_says_where_its_user_signs_in(provider: Provider, browser: Browser) -> None:
    """Home-realm discovery: the domain of a hint, or of a name without a password; it tells nobody who exists."""
    name = f"anybody@{DOMAIN.upper()}"
    for authority in (None, "common", "organizations"):
        asked = provider.arrive(browser.authorize(authority, login_hint=name))
        assert asked["login_hint"] == name
        page = browser.authorize(authority)
        assert "Leave it empty if your organization" in page.body.decode()
        assert provider.arrive(browser.send(page, username=name, password=""))["login_hint"] == name


def test_a_form_leads_elsewhere_by_a_page(provider: Provider, browser: Browser) -> None:
    """A redirect after a form would have to stand in the page's `form-action`: a link and a script go on instead."""
    page = choose(browser, provider)
    assert (page.status, title(page)) == (200, "Sign in elsewhere")
    assert "Example &amp; Sons" in page.body.decode()
    assert "form-action 'self';" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"


def test_who_has_a_password_may_use_it(provider: Provider, browser: Browser, someone: Person) -> None:
    """While the provider is away there is a way in; a wrong password is wrong, and leads nowhere else."""
    page = browser.authorize()
    wrong = browser.sign_in(page, someone, password="Wrong1!Wrong1!")
    refused(wrong, 50126)
    assert "code" in told(browser.sign_in(wrong, someone))
    assert provider.asked == []


def test_other_names_are_not_sent_elsewhere(world: Simulation, provider: Provider, browser: Browser) -> None:
    """Another domain's, another tenant's, and what is no name: they get the page, and an empty password is wrong."""
    tenant = world.tenant("other-realm.example")
    for hint in ("a@elsewhere.example", "a@other-realm.example", DOMAIN, f"a@x.{DOMAIN}", "@", "x" * 1000):
        assert title(browser.authorize(login_hint=hint)) == "Sign in"
        refused(browser.send(browser.authorize(), username=hint, password=""), 50126)
    page = browser.authorize(tenant, login_hint=f"a@{DOMAIN}")
    assert title(page) == "Sign in"
    assert "Example" not in page.body.decode()
    refused(browser.send(page, username="a@other-realm.example", password="", provider=provider.id), 50107)
    assert provider.asked == []


def test_nothing_is_offered_by_default(browser: Browser) -> None:
    """Without a provider the page is what it was: a password is required."""
    text = browser.authorize().body.decode()
    assert 'name="provider"' not in text
    assert 'autocomplete="current-password" required' in text


def test_who_is_signed_in_goes_before(provider: Provider, browser: Browser, someone: Person) -> None:
    """A hint of somebody who is signed in sends nobody away; another account begins anew, on the page."""
    browser.sign_in(browser.authorize(), someone)
    assert "code" in told(browser.authorize(login_hint=someone.name))
    choice = browser.authorize(login_hint=someone.name, prompt="select_account")
    assert title(choice) == "Choose an account"
    assert title(browser.send(choice, account="another")) == "Sign in"
    assert provider.asked == []


def test_a_device_wants_a_fresh_sign_in(
    world: Simulation, provider: Provider, browser: Browser, someone: Person
) -> None:
    """SEC-TOKEN-6: at the provider too; then the page asks whether the device is to be let in."""
    tenant = world.first.tenant_id
    world.commit(lambda tx: tx.put(SignInSettings(tenant, tenant, device_code=True)))
    provider.link(someone)
    form = {"client_id": AZURE_CLI, "scope": SCOPE}
    asked = world.ask("POST", f"{world.login_url}/{tenant}/oauth2/v2.0/devicecode", form=form).json
    page = browser.send(browser.open(f"{tenant}/oauth2/deviceauth"), user_code=asked["user_code"])
    sent = provider.arrive(choose(browser, provider, page))
    assert (sent["prompt"], sent["max_age"]) == ("login", "0")
    let_in = come_back(browser, sent, provider.agree(sent))
    assert title(let_in) == "Let the device in?"
    assert title(browser.send(let_in, answer="yes")) == "Signed in"
    given = ask_token(
        world, grant_type="urn:ietf:params:oauth:grant-type:device_code", device_code=asked["device_code"], scope=None
    )
    assert claims(given.json["access_token"])["amr"] == ["fed"]


def test_a_clients_discovery_says_managed(world: Simulation, provider: Provider) -> None:
    """ADR 14: at `Federated` msal would send the password to WS-Trust's place, and there is none."""
    answer = world.ask("GET", f"{world.login_url}/common/userrealm/a@{DOMAIN}?api-version=1.0")
    assert answer.json["account_type"] == "Managed"
    assert provider.asked == []


def test_a_client_that_wants_nothing_asked(provider: Provider, browser: Browser) -> None:
    """`prompt=none` sends nobody anywhere."""
    assert told(browser.authorize(prompt="none", login_hint=f"a@{DOMAIN}"))["error"] == "login_required"


def test_a_browser_remembers_who_signed_in_elsewhere(
    world: Simulation, provider: Provider, browser: Browser, someone: Person
) -> None:
    """The next client gets its code at once, with the time at which the provider says that it was."""
    provider.link(someone)
    provider.claims = {"auth_time": int(world.clock()) - 500}
    provider.sign_in(browser, choose(browser, provider))
    said = claims(tokens(browser, browser.authorize())["access_token"])
    assert (said["upn"], said["amr"], said["auth_time"]) == (someone.name, ["fed"], int(world.clock()) - 500)


@pytest.mark.parametrize("choice", ["basic", "post"])
def test_how_we_prove_ourselves(provider: Provider, browser: Browser, someone: Person, choice: str) -> None:
    """Basic, as the standard has it by default; in the form if the provider takes nothing else."""
    provider.link(someone)
    if choice == "post":
        provider.metadata["token_endpoint_auth_methods_supported"] = ["private_key_jwt", "client_secret_post"]
    assert "code" in told(provider.sign_in(browser, choose(browser, provider)))
    form, headers = provider.posted[-1]
    assert ("client_secret" in form) is (choice == "post")
    assert ("Authorization" in headers) is (choice == "basic")


# ---- beside what else is asked of a sign-in --------------------------------------------------------------------------


def test_a_second_factor_is_asked_for_here(
    world: Simulation, trusted: Provider, browser: Browser, someone: Person
) -> None:
    """Whoever has one shows it, at the first sign-in too: what was shown at the provider is `fed` and nothing more."""
    app = add_app(world, someone.user)
    trusted.claims = {"preferred_username": someone.name, "amr": ["mfa", "pwd"]}
    page = trusted.sign_in(browser, choose(browser, trusted))
    assert 'name="step" value="second_factor"' in page.body.decode()
    given = tokens(browser, browser.send(page, code=app.code()))
    assert claims(given["access_token"])["amr"] == ["fed", "otp", "mfa"]


def test_a_policy_that_wants_a_newer_sign_in(
    world: Simulation, policies: Policies, provider: Provider, browser: Browser, someone: Person
) -> None:
    """Who signed in at the provider long ago is sent there once more, to do it anew; so is a session too old."""
    provider.link(someone)
    policies.about(someone, age={"type": "hours", "value": 1})
    now = int(world.clock())
    provider.claims = {"auth_time": now - 3601}
    asked = provider.arrive(choose(browser, provider))
    assert "max_age" not in asked
    again = provider.arrive(come_back(browser, asked, provider.agree(asked)))
    assert (again["prompt"], again["max_age"]) == ("login", "0")
    refused(come_back(browser, again, provider.agree(again)), 50027)
    provider.claims = {}
    assert claims(tokens(browser, come_back(browser, again, provider.agree(again)))["access_token"])["auth_time"] == now
    world.advance(3601)
    later = provider.arrive(browser.authorize())
    assert (later["prompt"], later["max_age"]) == ("login", "0")
    assert "code" in told(come_back(browser, later, provider.agree(later)))


def test_a_policy_at_a_first_sign_in(
    world: Simulation, policies: Policies, trusted: Provider, browser: Browser, someone: Person
) -> None:
    """The link is made, and the person is sent there once more."""
    policies.about(someone, age={"type": "hours", "value": 1})
    trusted.claims = {"preferred_username": someone.name, "auth_time": int(world.clock()) - 3601}
    answer = trusted.sign_in(browser, choose(browser, trusted))
    assert answer.status == 302
    trusted.claims = {}
    assert "code" in told(trusted.sign_in(browser, answer))


def test_who_was_signed_out_of_everything(
    world: Simulation, provider: Provider, browser: Browser, someone: Person
) -> None:
    """A sign-in at the provider from before does not count: the person is sent there once more."""
    provider.link(someone)
    given = tokens(browser, provider.sign_in(browser, choose(browser, provider)))
    before = int(world.clock())
    world.advance(100)
    tenant, now = world.first.tenant_id, int(world.clock())
    world.commit(lambda tx: revoke_sessions(tx, tenant, someone.user.id, now=now))
    assert refresh(world, given["refresh_token"]).status == 400
    world.advance(1)
    provider.claims = {"auth_time": before}
    answer = provider.sign_in(browser, choose(browser, provider))
    asked = provider.arrive(answer)
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    provider.claims = {}
    assert "code" in told(come_back(browser, asked, provider.agree(asked)))


def test_a_session_of_a_sign_in_long_ago(
    world: Simulation, provider: Provider, browser: Browser, someone: Person
) -> None:
    """The browser's session is a day from now, whenever the provider signed the person in."""
    provider.link(someone)
    provider.claims = {"auth_time": int(world.clock()) - 3 * limits.BROWSER_SESSION_S}
    provider.sign_in(browser, choose(browser, provider))
    world.advance(limits.BROWSER_SESSION_S - 1)
    assert "code" in told(browser.authorize())
    world.advance(1)
    assert title(browser.authorize()) == "Sign in"


def test_a_sign_in_of_unknown_age_is_older_than_anything_demands(
    world: Simulation, policies: Policies, provider: Provider, browser: Browser, someone: Person
) -> None:
    """A provider need not say when it was: then a policy of age, or a revocation, has the person sign in there anew."""
    provider.link(someone)
    provider.claims = {"auth_time": None}
    asked = provider.arrive(choose(browser, provider))
    said = claims(tokens(browser, come_back(browser, asked, provider.agree(asked)))["access_token"])
    assert "auth_time" not in said
    policies.about(someone, age={"type": "hours", "value": 1})
    other = Browser(world)
    asked = provider.arrive(choose(other, provider))
    again = provider.arrive(come_back(other, asked, provider.agree(asked)))
    assert (again["prompt"], again["max_age"]) == ("login", "0")
    policies.clear()
    world.commit(lambda tx: revoke_sessions(tx, someone.user.tenant, someone.user.id, now=int(world.clock())))
    asked = provider.arrive(choose(Browser(world), provider))
    third = Browser(world)
    asked = provider.arrive(choose(third, provider))
    again = provider.arrive(come_back(third, asked, provider.agree(asked)))
    assert again["prompt"] == "login"
