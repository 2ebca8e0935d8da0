"""Signing in at a tenant's own OpenID provider, which is scripted here; what is simulated is the network to it."""

from __future__ import annotations

import json
import secrets as chance
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.identity import Credential
from strongroom.core.identity_providers import IdentityLink
from strongroom.core.sessions import BrowserSession, SignInSettings, TokenFamily
from strongroom.directory import deletion, users
from strongroom.directory.user_passwords import revoke_sessions
from strongroom.egress import Unreachable, Unsuccessful
from tests.assertions import b64url, ec_key, rsa_key
from tests.flow.browser import Browser, title, told
from tests.flow.elsewhere import Provider, come_back
from tests.flow.policies import Policies, policies
from tests.flow.test_federation import control
from tests.flow.test_sign_in_by_password import claims, reason
from tests.flow.test_sign_in_page import redeem
from tests.flow.users import (
    AZURE_CLI,
    SCOPE,
    Person,
    add_app,
    allow_passwords,
    ask_token,
    partition,
    person,
    refresh,
    sign_in,
)
from tests.world import START, Answer, Simulation

__all__ = ["policies"]
DOMAIN = "strongroom.localhost"


@pytest.fixture
def someone(world: Simulation) -> Person:
    """Make a user; the password is used where a test says so alone."""
    return person(world)


@pytest.fixture
def provider(world: Simulation) -> Iterator[Provider]:
    """Add a provider for the tenant's domain, trusted for no claim."""
    made = Provider(world, domains=[DOMAIN])
    yield made
    made.remove()


@pytest.fixture
def trusted(world: Simulation) -> Iterator[Provider]:
    """Add a provider whose `preferred_username` names users of the tenant's domain."""
    made = Provider(world, domains=[DOMAIN], trustedClaim="preferred_username")
    yield made
    made.remove()


@pytest.fixture
def browser(world: Simulation) -> Browser:
    """Make a browser that nobody is signed in at."""
    return Browser(world)


def refused(answer: Answer, number: int, status: int = 400) -> None:
    """Hold a page to tell a refusal by its number."""
    assert answer.status == status, answer.body
    assert f"AADSTS{number}:" in unescape(answer.body.decode())


def choose(browser: Browser, provider: Provider, page: Answer | None = None, **fields: str) -> Answer:
    """Press the provider's button on the sign-in page."""
    return browser.send(page or browser.authorize(), provider=provider.id, **fields)


def tokens(browser: Browser, answer: Answer) -> dict[str, Any]:
    """Redeem the code that the client was given at the end."""
    given = redeem(browser.world, told(answer)["code"])
    assert given.status == 200, given.body
    found: dict[str, Any] = given.json
    return found


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


# ---- who is who ------------------------------------------------------------------------------------------------------


def test_nobody_is_let_in_for_being_known_elsewhere(
    world: Simulation, provider: Provider, browser: Browser, someone: Person
) -> None:
    """SEC-TOKEN-14: without a link there is no user, whatever else a token says; the journal has the subject."""
    provider.claims = {
        "oid": someone.user.id,
        "preferred_username": someone.name,
        "email": someone.name,
        "email_verified": True,
        "upn": someone.name,
        "groups": [someone.user.id],
        "tid": world.first.tenant_id,
    }
    answer = provider.sign_in(browser, choose(browser, provider))
    refused(answer, 50020)
    assert reason(world) == "subject of the identity provider is linked to nobody"
    entry = world.entries()[-1]
    assert entry["operationName"] == "SignInElsewhereReturn"
    assert entry["properties"]["externalSubject"] == provider.subject
    assert entry["properties"]["identityProviderId"] == provider.id
    # The page goes on: another account may do.
    assert "code" in told(browser.sign_in(answer, someone))


def test_a_trusted_claim_links_at_the_first_sign_in(
    world: Simulation, trusted: Provider, browser: Browser, someone: Person
) -> None:
    """The operator trusts it in the provider's domains; then the subject is the user, whatever it is called later."""
    trusted.claims = {"preferred_username": someone.name.upper()}
    assert claims(tokens(browser, trusted.sign_in(browser, choose(browser, trusted)))["access_token"])["upn"] == (
        someone.name
    )
    (link,) = control(world, "GET", f"/identity-providers/{trusted.id}/links").json["value"]
    assert (link["subject"], link["user"]) == (trusted.subject, someone.name)
    trusted.claims = {"preferred_username": person(world).name}
    again = Browser(world)
    assert claims(tokens(again, trusted.sign_in(again, choose(again, trusted)))["access_token"])["upn"] == someone.name


def test_a_user_is_one_subject_of_a_provider(
    world: Simulation, trusted: Provider, browser: Browser, someone: Person
) -> None:
    """Whoever gets a name that somebody had there before does not become that user here."""
    trusted.link(someone, "the first to have the name")
    trusted.claims = {"preferred_username": someone.name}
    refused(trusted.sign_in(browser, choose(browser, trusted)), 50020)
    assert reason(world) == "user is linked to another subject of the provider"


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("email", {"email": True}),
        ("email", {"email": True, "email_verified": False}),
        ("email", {"email": True, "email_verified": "true"}),
        ("preferred_username", {"email": True, "email_verified": True}),
        ("upn", {"preferred_username": True}),
    ],
)
def test_a_claim_that_says_nobody(
    world: Simulation, browser: Browser, someone: Person, claim: str, said: dict[str, Any]
) -> None:
    """An e-mail address that the provider has not verified, and any claim but the one that is trusted."""
    provider = Provider(world, domains=[DOMAIN], trustedClaim=claim)
    try:
        provider.claims = {
            name: someone.name if value is True and "v" not in name else value for name, value in said.items()
        }
        provider.claims |= {"preferred_username": someone.name} if said == {"preferred_username": True} else {}
        refused(provider.sign_in(browser, choose(browser, provider)), 50020)
    finally:
        provider.remove()


def test_a_verified_address_names_a_user(world: Simulation, browser: Browser, someone: Person) -> None:
    """`email` with `email_verified`, where the operator trusts it."""
    provider = Provider(world, domains=[DOMAIN], trustedClaim="email")
    try:
        provider.claims = {"email": someone.name, "email_verified": True}
        assert "code" in told(provider.sign_in(browser, choose(browser, provider)))
    finally:
        provider.remove()


def test_a_claim_is_trusted_in_the_providers_domains_alone(world: Simulation, browser: Browser) -> None:
    """A provider of one domain names nobody of another, in the same tenant or in another one."""
    tenant = world.tenant("federated.example")
    other = person(world, tenant=tenant)
    provider = Provider(world, domains=[DOMAIN], trustedClaim="preferred_username")
    try:
        for name in (other.name, f"nobody@{DOMAIN}", DOMAIN, f"@{DOMAIN}", 7, "x" * 200 + f"@{DOMAIN}"):
            provider.claims = {"preferred_username": name}
            refused(provider.sign_in(browser, choose(browser, provider)), 50020)
    finally:
        provider.remove()


def test_a_name_that_only_looks_alike(world: Simulation, trusted: Provider, browser: Browser) -> None:
    """Letters that become ASCII where case is not to matter name nobody: the long s, the Kelvin sign."""
    tenant, now = world.first.tenant_id, int(world.clock())
    name = f"sk{chance.token_hex(4)}@{DOMAIN}"

    async def make(tx: Any) -> Any:
        wanted = users.NewUser(name, "Somebody")
        return await users.create_user(tx, tenant, wanted, password=None, now=now, entropy=chance.token_bytes)

    world.commit(make)
    for alike in (name.replace("s", "\u017f", 1), name.replace("k", "\u212a", 1), f" {name}", f"{name}\n"):
        trusted.claims = {"preferred_username": alike}
        refused(trusted.sign_in(browser, choose(browser, trusted)), 50020)
    trusted.claims = {"preferred_username": name.upper()}
    assert "code" in told(trusted.sign_in(browser, choose(browser, trusted)))


def test_a_disabled_user_is_told_so(world: Simulation, provider: Provider, browser: Browser) -> None:
    """The provider has proved who it is; and a user that is deleted is nobody."""
    someone = person(world, enabled=False)
    provider.link(someone)
    refused(provider.sign_in(browser, choose(browser, provider)), 50057)
    properties = world.entries()[-1]["properties"]
    (link,) = (one for one in world.view.credentials_of(someone.user.id) if one.id == properties["credentialId"])
    assert (properties["userId"], link.owner) == (someone.user.id, someone.user.id)
    tenant, now = world.first.tenant_id, int(world.clock())
    world.commit(lambda tx: users.delete_user(tx, tenant, someone.user.id, now=now))
    refused(provider.sign_in(browser, choose(browser, provider)), 50020)


def test_who_has_no_password_has_none(world: Simulation, provider: Provider) -> None:
    """The password grant refuses as it does a wrong password."""
    allow_passwords(world)
    tenant, now = world.first.tenant_id, int(world.clock())
    name = f"n{chance.token_hex(4)}@{DOMAIN}"

    async def make(tx: Any) -> Any:
        wanted = users.NewUser(name, "Without a password")
        return await users.create_user(tx, tenant, wanted, password=None, now=now, entropy=chance.token_bytes)

    someone = Person(world.commit(make), "Pw1!anything-at-all")
    provider.link(someone)
    answer = sign_in(world, someone)
    assert answer.json["error_codes"] == [50126]
    assert reason(world) == "unknown user"


# ---- what ends it ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["unlink", "remove", "disabled user", "deleted user"])
def test_what_ends_sessions_and_tokens(world: Simulation, browser: Browser, someone: Person, end: str) -> None:
    """With the link or the provider go the browser's session, the refresh token and the access token."""
    provider = Provider(world, domains=[DOMAIN])
    link = provider.link(someone)
    given = tokens(browser, provider.sign_in(browser, choose(browser, provider)))
    url = f"{world.vault_url}/secrets?api-version=7.4"
    assert world.ask("GET", url, token=given["access_token"]).status == 403
    tenant, now = world.first.tenant_id, int(world.clock())
    if end == "unlink":
        assert control(world, "DELETE", f"/identity-providers/{provider.id}/links/{link}").status == 204
    elif end == "remove":
        provider.remove()
        assert world.entries()[-1]["properties"]["count"] == 1
    elif end == "disabled user":
        world.commit(
            lambda tx: users.update_user(
                tx, tenant, someone.user.id, users.UserChange(enabled=False), now=int(world.clock())
            )
        )
    else:
        world.commit(lambda tx: users.delete_user(tx, tenant, someone.user.id, now=now))
    assert world.ask("GET", url, token=given["access_token"]).status == 401
    assert refresh(world, given["refresh_token"]).json["error_codes"] == [50173]
    assert title(browser.authorize()) == "Sign in"
    if end != "remove":
        provider.remove()


def test_a_user_that_is_gone_leaves_no_link(world: Simulation, provider: Provider, someone: Person) -> None:
    """Deleted it keeps its link, as what may be restored does; removed for good it leaves nothing behind."""
    link = provider.link(someone)
    tenant, now = world.first.tenant_id, int(world.clock())
    world.commit(lambda tx: users.delete_user(tx, tenant, someone.user.id, now=now))
    assert world.view.get(IdentityLink, partition(world), link) is not None
    world.commit(lambda tx: deletion.delete_for_good(tx, tenant, someone.user.id, now))
    assert world.view.get(IdentityLink, partition(world), link) is None
    assert world.view.get(Credential, partition(world), link) is None


def test_a_disabled_provider(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """Nobody is sent there, nobody comes back from it, and who is signed in by it stays so."""
    provider.link(someone)
    given = tokens(browser, provider.sign_in(browser, choose(browser, provider)))
    other = Browser(world)
    asked = provider.arrive(choose(other, provider))
    path = f"/identity-providers/{provider.id}"
    assert control(world, "PATCH", path, {"enabled": False}).json["enabled"] is False
    refused(come_back(other, asked, provider.agree(asked)), 50107)
    page = other.authorize(login_hint=f"a@{DOMAIN}")
    assert title(page) == "Sign in"
    assert "Example" not in page.body.decode()
    refused(choose(other, provider, page, username="x"), 50107)
    assert refresh(world, given["refresh_token"]).status == 200
    assert control(world, "PATCH", path, {"enabled": True}).json["enabled"] is True
    assert provider.arrive(other.authorize(login_hint=f"a@{DOMAIN}"))


def test_a_link_that_goes_meanwhile(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """A code that a client was given before is worth nothing any more."""
    link = provider.link(someone)
    code = told(provider.sign_in(browser, choose(browser, provider)))["code"]
    assert control(world, "DELETE", f"/identity-providers/{provider.id}/links/{link}").status == 204
    assert redeem(world, code).json["error_codes"] == [50173]
    assert not [one for one in world.view.all(TokenFamily, partition(world)) if one.credential == link]


# ---- what is checked of the id token, one by one ---------------------------------------------------------------------

NOW = int(START)
BAD_CLAIMS = {
    "another issuer": ({"iss": "https://another.example/tenant"}, "id token of another issuer"),
    "issuer with a slash": ({"iss": "slash"}, "id token of another issuer"),
    "no audience": ({"aud": None}, "id token for another audience"),
    "another audience": ({"aud": "another"}, "id token for another audience"),
    "several audiences": ({"aud": ["strongroom", "another"]}, "id token for another audience"),
    "another party": ({"azp": "another"}, "id token for another authorized party"),
    "no nonce": ({"nonce": None}, "id token of another sign-in"),
    "another nonce": ({"nonce": "n" * 43}, "id token of another sign-in"),
    "odd nonce": ({"nonce": "\ud800"}, "id token of another sign-in"),
    "nonce that is no text": ({"nonce": 1}, "id token of another sign-in"),
    "no exp": ({"exp": None}, "id token without exp or iat"),
    "no iat": ({"iat": None}, "id token without exp or iat"),
    "exp that is no number": ({"exp": "soon"}, "exp is no number"),
    "exp that is true": ({"exp": True}, "exp is no number"),
    "no subject": ({"sub": None}, "id token without a subject"),
    "empty subject": ({"sub": ""}, "id token without a subject"),
    "odd subject": ({"sub": "a\nb"}, "id token without a subject"),
    "long subject": ({"sub": "s" * (limits.SUBJECT_CHARS + 1)}, "id token without a subject"),
}


@pytest.mark.parametrize("case", BAD_CLAIMS)
def test_a_claim_that_does_not_hold(
    world: Simulation, provider: Provider, browser: Browser, someone: Person, case: str
) -> None:
    """AADSTS50027 for each, the reason in the journal alone, and nobody is signed in."""
    provider.link(someone)
    changes, why = BAD_CLAIMS[case]
    provider.claims = {name: f"{provider.issuer}/" if value == "slash" else value for name, value in changes.items()}
    refused(provider.sign_in(browser, choose(browser, provider)), 50027)
    assert reason(world) == why
    assert "__Host-sessions" not in browser.cookies


@pytest.mark.parametrize(
    ("claim", "limit", "beyond", "why"),
    [
        ("exp", -limits.ID_TOKEN_LEEWAY_S + 1, -limits.ID_TOKEN_LEEWAY_S, "id token has expired"),
        ("iat", limits.ID_TOKEN_LEEWAY_S, limits.ID_TOKEN_LEEWAY_S + 1, "id token of the future"),
        ("nbf", limits.ID_TOKEN_LEEWAY_S, limits.ID_TOKEN_LEEWAY_S + 1, "id token of the future"),
        ("auth_time", limits.ID_TOKEN_LEEWAY_S, limits.ID_TOKEN_LEEWAY_S + 1, "sign-in of the future"),
    ],
)
def test_the_times_of_an_id_token(
    world: Simulation,
    provider: Provider,
    browser: Browser,
    someone: Person,
    claim: str,
    limit: int,
    beyond: int,
    why: str,
) -> None:
    """`ID_TOKEN_LEEWAY_S`, to the second."""
    provider.link(someone)
    now = int(world.clock())
    provider.claims = {claim: now + beyond}
    refused(provider.sign_in(browser, choose(browser, provider)), 50027)
    assert reason(world) == why
    provider.claims = {claim: now + limit}
    assert "code" in told(provider.sign_in(browser, choose(browser, provider)))


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256"])
def test_the_algorithms(provider: Provider, browser: Browser, someone: Person, alg: str) -> None:
    """The three that a provider may sign with."""
    provider.link(someone)
    provider.key, kid = (ec_key(), "e1") if alg == "ES256" else (rsa_key(), "k1")
    provider.header = {"alg": alg, "kid": kid}
    assert "code" in told(provider.sign_in(browser, choose(browser, provider)))


def test_an_id_token_without_a_kid(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """It is the only key's, or nobody's."""
    provider.link(someone)
    provider.header = {"alg": "RS256"}
    refused(provider.sign_in(browser, choose(browser, provider)), 50027)
    provider.keys["keys"] = provider.keys["keys"][:1]
    world.advance(limits.DOCUMENT_FRESH_S)
    assert "code" in told(provider.sign_in(browser, choose(browser, provider)))


class TestForged:
    """Id tokens that the provider's key did not sign, by an algorithm that is its own."""

    def refuse(self, provider: Provider, browser: Browser, why: str, id_token: Any = None) -> None:
        """Send one and hold it to be refused."""
        page = choose(browser, provider)
        asked = provider.arrive(page)
        if id_token is not None:
            provider.answer = json.dumps({"id_token": id_token(asked)}).encode()
        refused(come_back(browser, asked, provider.agree(asked)), 50027)
        assert why in reason(provider.world)
        assert "__Host-sessions" not in browser.cookies

    @pytest.fixture(autouse=True)
    def _linked(self, provider: Provider, someone: Person) -> None:
        provider.link(someone)

    def test_none(self, provider: Provider, browser: Browser) -> None:
        """`alg` none, with and without a signature."""

        def unsigned(asked: dict[str, str], signature: str = "") -> str:
            _, payload, _ = provider.id_token(asked).split(".")
            return f"{b64url(json.dumps({'alg': 'none', 'kid': 'k1'}).encode())}.{payload}.{signature}"

        self.refuse(provider, browser, "malformed", unsigned)
        self.refuse(provider, browser, "algorithm", lambda asked: unsigned(asked, "AAAA"))

    def test_hmac_with_the_clients_secret(self, provider: Provider, browser: Browser) -> None:
        """HS256, which OpenID Connect knows: a key that both sides have proves nothing here."""
        import jwt  # noqa: PLC0415  another library than ours makes it

        def make(asked: dict[str, str]) -> str:
            said = claims(provider.id_token(asked))
            return jwt.encode(said, provider.client_secret.ljust(32, "x"), "HS256", headers={"kid": "k1"})

        self.refuse(provider, browser, "algorithm", make)

    def test_another_key(self, provider: Provider, browser: Browser) -> None:
        """A key of somebody else under the provider's name for its own."""
        provider.key = rsa_key(1)
        self.refuse(provider, browser, "bad_signature")

    def test_a_key_that_is_not_published(self, provider: Provider, browser: Browser) -> None:
        """And one that the token brings along."""
        provider.header = {"alg": "RS256", "kid": "k2"}
        self.refuse(provider, browser, "names no key")
        provider.header = {"alg": "RS256", "kid": "k2", "jwk": provider.keys["keys"][0]}
        self.refuse(provider, browser, "names no key")

    def test_a_key_of_another_kind(self, provider: Provider, browser: Browser) -> None:
        """The algorithm is one of the key's own."""
        provider.header = {"alg": "ES256", "kid": "k1"}
        self.refuse(provider, browser, "algorithm")

    def test_an_altered_payload(self, provider: Provider, browser: Browser) -> None:
        """The signature is of what is said."""

        def alter(asked: dict[str, str]) -> str:
            header, _, signature = provider.id_token(asked).split(".")
            said = claims(provider.id_token(asked)) | {"sub": "another"}
            return f"{header}.{b64url(json.dumps(said).encode())}.{signature}"

        self.refuse(provider, browser, "bad_signature", alter)


def test_keys_that_roll_over(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """A `kid` that is not known makes the key set be asked for again, once a minute at most."""
    provider.link(someone)
    assert "code" in told(provider.sign_in(browser, choose(browser, provider)))
    provider.keys["keys"][0]["kid"] = "k2"
    provider.header["kid"] = "k2"
    world.advance(limits.FETCH_PAUSE_S)
    assert "code" in told(provider.sign_in(browser, choose(browser, provider, browser.authorize(prompt="login"))))


# ---- whose answer it is ----------------------------------------------------------------------------------------------


def test_a_state_is_its_browsers(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """Nobody signs somebody else in by sending them where a provider would have (CSRF)."""
    provider.link(someone)
    asked = provider.arrive(choose(browser, provider))
    other = Browser(world)
    refused(come_back(other, asked, provider.agree(asked)), 9002313)
    assert reason(world) == "state of another browser"
    other.authorize()
    refused(come_back(other, asked, provider.agree(asked)), 9002313)
    assert provider.posted == []
    assert "code" in told(come_back(browser, asked, provider.agree(asked)))


def test_a_state_ends(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """`SIGN_IN_ELSEWHERE_S`, to the second."""
    provider.link(someone)
    asked = provider.arrive(choose(browser, provider))
    world.advance(limits.SIGN_IN_ELSEWHERE_S - 1)
    assert "code" in told(come_back(browser, asked, provider.agree(asked)))
    asked = provider.arrive(choose(browser, provider, browser.authorize(prompt="login")))
    world.advance(limits.SIGN_IN_ELSEWHERE_S)
    refused(come_back(browser, asked, provider.agree(asked)), 9002313)
    assert reason(world) == "came back too late"


@pytest.mark.parametrize("state", ["", "x", "A" * 200, "\u00e9"])
def test_a_state_that_is_none(world: Simulation, provider: Provider, browser: Browser, state: str) -> None:
    """What nobody here made is nothing, and asks nobody anything; what a page carries is no state either."""
    asked = provider.arrive(choose(browser, provider))
    refused(come_back(browser, asked, {"code": "c", "state": state}), 9002313)
    page = browser.authorize().body.decode()
    carried = page.partition('name="request" value="')[2].partition('"')[0]
    refused(come_back(browser, asked, {"code": "c", "state": carried}), 9002313)
    assert reason(world) == "not a state of this instance"
    assert provider.posted == []


def test_a_state_is_its_tenants(world: Simulation, provider: Provider, browser: Browser) -> None:
    """SEC-TENANT-2: at another tenant's callback it is refused as any that is not good there."""
    asked = provider.arrive(choose(browser, provider))
    elsewhere = {**asked, "redirect_uri": asked["redirect_uri"].replace(world.first.tenant_id, world.tenant())}
    refused(come_back(browser, elsewhere, provider.agree(asked)), 9002313)
    assert provider.posted == []


def test_a_code_and_an_id_token_are_their_departures(
    world: Simulation, provider: Provider, browser: Browser, someone: Person
) -> None:
    """Another's code does not fit our verifier, and another's id token not our nonce: neither can be slipped in."""
    provider.link(someone)
    thief = Browser(world)
    stolen = provider.arrive(choose(thief, provider))
    asked = provider.arrive(choose(browser, provider))
    refused(come_back(browser, asked, {**provider.agree(stolen), "state": asked["state"]}), 40015)
    provider.answer = json.dumps({"id_token": provider.id_token(stolen)}).encode()
    refused(come_back(browser, asked, provider.agree(asked)), 50027)
    assert reason(world) == "id token of another sign-in"


def test_a_code_that_comes_again(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """The provider gives it once, so that a page of the browser's history is worth nothing."""
    provider.link(someone)
    asked = provider.arrive(choose(browser, provider))
    sent = provider.agree(asked)
    assert "code" in told(come_back(browser, asked, sent))
    refused(come_back(browser, asked, sent), 40015)
    assert reason(world) == "token endpoint of the identity provider: the answer's status is 400"


@pytest.mark.parametrize("names_itself", [False, True])
def test_an_answer_of_another_provider(
    world: Simulation, provider: Provider, browser: Browser, someone: Person, *, names_itself: bool
) -> None:
    """RFC 9207: `iss`, if it is there, is the provider's; and it is there if the provider says that it always is."""
    provider.link(someone)
    provider.metadata["authorization_response_iss_parameter_supported"] = names_itself
    for changes in ({"iss": "https://another.example"}, {"iss": ""}, *([{}] if names_itself else [])):
        refused(provider.sign_in(browser, choose(browser, provider), **changes), 50027)
        assert reason(world) == "answer of another issuer"
    assert provider.posted == []
    assert "code" in told(provider.sign_in(browser, choose(browser, provider), iss=provider.issuer))


@pytest.mark.parametrize("wanted", ["prompt", "max_age"])
def test_a_sign_in_that_has_to_be_fresh(
    world: Simulation, provider: Provider, browser: Browser, someone: Person, wanted: str
) -> None:
    """`prompt=login` goes on to the provider, which has to say when the person signed in; `max_age` likewise."""
    provider.link(someone)
    query = {"prompt": "login"} if wanted == "prompt" else {"max_age": "100"}
    begun, age = int(world.clock()), 0 if wanted == "prompt" else 100
    asked = provider.arrive(choose(browser, provider, browser.authorize(**query)))
    assert asked["max_age"] == str(age)
    assert asked.get("prompt") == ("login" if wanted == "prompt" else None)
    world.advance(200)
    for said in (None, begun - age - limits.ID_TOKEN_LEEWAY_S - 1):
        provider.claims = {"auth_time": said}
        refused(come_back(browser, asked, provider.agree(asked)), 50027)
    provider.claims = {"auth_time": begun - age - limits.ID_TOKEN_LEEWAY_S}
    assert "code" in told(come_back(browser, asked, provider.agree(asked)))


def test_a_new_password_is_nobodys_elsewhere(
    world: Simulation, provider: Provider, browser: Browser, someone: Person
) -> None:
    """Whoever is let in by a provider cannot give the user a password: the page wants the old one."""
    page = browser.open(f"{world.first.tenant_id}/password")
    assert "Example" not in page.body.decode()
    refused(browser.send(page, username=someone.name, password="", provider=provider.id), 50107)
    refused(browser.send(page, username=someone.name, password=""), 50126)


# ---- a provider that does not do its part ----------------------------------------------------------------------------


@pytest.mark.parametrize(("error", "number"), [("access_denied", 65004), ("server_error", 40015), ("x" * 50, 40015)])
def test_an_error_of_the_provider(
    world: Simulation, provider: Provider, browser: Browser, someone: Person, error: str, number: int
) -> None:
    """It is told on the page, where a password may do; what the provider wrote is neither told nor recorded."""
    asked = provider.arrive(choose(browser, provider))
    words = "Ring 0800 and <b>ask</b> for Eve"
    answer = come_back(browser, asked, {"error": error, "error_description": words, "state": asked["state"]})
    refused(answer, number)
    assert "Ring 0800" not in unescape(answer.body.decode())
    shown = error if len(error) < 50 else "REDACTED"
    assert reason(world) == f"identity provider says {shown}"
    assert "Ring" not in json.dumps(world.entries()[-1])
    assert "code" in told(browser.sign_in(answer, someone))


def test_an_answer_without_anything(world: Simulation, provider: Provider, browser: Browser) -> None:
    """Neither code nor error."""
    asked = provider.arrive(choose(browser, provider))
    refused(come_back(browser, asked, {"state": asked["state"]}), 40015)
    assert reason(world) == "identity provider gave no code"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"<html>",
        b"\xff",
        b"{}",
        b'{"id_token": 1}',
        b'{"id_token": "%s"}' % (b"x" * (limits.TOKEN_CHARS + 1)),
    ],
)
def test_garbage_of_the_token_endpoint(
    world: Simulation, provider: Provider, browser: Browser, someone: Person, answer: bytes
) -> None:
    """AADSTS40008: it is the provider that is at fault."""
    provider.link(someone)
    provider.answer = answer
    refused(provider.sign_in(browser, choose(browser, provider)), 40008)
    assert reason(world).startswith("token endpoint's answer ")


@pytest.mark.parametrize("token", ["x", "a.b", "a.b.c", "e30.e30.e30", "\u00e9.x.y"])
def test_an_id_token_that_is_none(provider: Provider, browser: Browser, someone: Person, token: str) -> None:
    """Of whatever form it is."""
    provider.link(someone)
    provider.answer = json.dumps({"id_token": token}).encode()
    refused(provider.sign_in(browser, choose(browser, provider)), 50027)


def test_a_token_endpoint_that_hangs(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """AADSTS40010 with 503; it is left alone for `POST_PAUSE_S`, to the second, so that it takes nobody's place."""
    provider.link(someone)
    provider.answer = Unreachable("no whole answer in time")
    refused(provider.sign_in(browser, choose(browser, provider)), 40010, 503)
    assert reason(world) == "token endpoint of the identity provider: no whole answer in time"
    provider.answer = None
    world.advance(limits.POST_PAUSE_S - 1)
    refused(provider.sign_in(browser, choose(browser, provider)), 40010, 503)
    assert len(provider.posted) == 1
    world.advance(1)
    assert "code" in told(provider.sign_in(browser, choose(browser, provider)))


def test_a_token_endpoint_that_refuses(provider: Provider, browser: Browser, someone: Person) -> None:
    """It has answered, so it is asked again at once."""
    provider.link(someone)
    provider.answer = Unsuccessful("the answer's status is 401")
    refused(provider.sign_in(browser, choose(browser, provider)), 40015)
    provider.answer = None
    assert "code" in told(provider.sign_in(browser, choose(browser, provider)))


def test_a_provider_that_is_away(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """By a form or by a hint: 503 on the page, whose form still takes a password; asked again after a minute."""
    url = f"{provider.issuer}/.well-known/openid-configuration"
    issuer, provider.issuer = provider.issuer, "https://gone.example"
    for answer in (choose(browser, provider), Browser(world).authorize(login_hint=someone.name)):
        refused(answer, 40010, 503)
    assert provider.asked == [url]
    fresh = Browser(world)
    assert "code" in told(fresh.sign_in(fresh.authorize(login_hint=someone.name), someone))
    provider.issuer = issuer
    world.advance(limits.FETCH_PAUSE_S)
    assert provider.arrive(choose(browser, provider))


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://another.example"},
        {"issuer": None},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "http://idp.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://user@idp.example/"},
        {"token_endpoint": "https://idp.example/#x"},
        {"token_endpoint": 1},
        {"jwks_uri": None},
        {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
        {"token_endpoint_auth_methods_supported": "client_secret_basic"},
    ],
)
def test_metadata_that_are_wrong(
    world: Simulation, provider: Provider, browser: Browser, changes: dict[str, Any]
) -> None:
    """AADSTS40008; nobody is sent anywhere."""
    provider.metadata |= changes
    refused(choose(browser, provider), 40008)
    assert reason(world).startswith("metadata of the identity provider: ")


@pytest.mark.parametrize("document", [b"", b"[]", b'{"keys":[]}', b"\xff"])
def test_a_key_set_that_is_none(
    world: Simulation, provider: Provider, browser: Browser, someone: Person, document: bytes
) -> None:
    """AADSTS40008; it may be mended."""
    provider.link(someone)
    place = provider.metadata["jwks_uri"]
    provider.documents[place] = document
    refused(provider.sign_in(browser, choose(browser, provider)), 40008)
    assert reason(world).startswith("keys of the identity provider: ")
    del provider.documents[place]
    world.advance(limits.FETCH_PAUSE_S)
    assert "code" in told(provider.sign_in(browser, choose(browser, provider)))


def test_a_request_that_is_too_long_to_carry(world: Simulation, provider: Provider, browser: Browser) -> None:
    """`SIGN_IN_ELSEWHERE_CHARS`, to the character, so that the way back fits into a URL."""
    lengths = range(3000, 5000)
    low, high = lengths.start, lengths.stop
    while high - low > 1:
        middle = (low + high) // 2
        answer = browser.authorize(login_hint=f"a@{DOMAIN}", state="s" * middle)
        low, high = (middle, high) if answer.status == 302 else (low, middle)
    asked = provider.arrive(browser.authorize(login_hint=f"a@{DOMAIN}", state="s" * low))
    # Three bytes are four characters.
    assert limits.SIGN_IN_ELSEWHERE_CHARS - 4 < len(asked["state"]) <= limits.SIGN_IN_ELSEWHERE_CHARS
    refused(come_back(browser, asked, provider.agree(asked)), 50020)
    refused(browser.authorize(login_hint=f"a@{DOMAIN}", state="s" * high), 9002313)


def test_the_secret_is_told_to_nobody(world: Simulation, provider: Provider) -> None:
    """It is sealed in the store, and in no answer of the control socket."""
    for answer in (
        control(world, "GET", "/identity-providers"),
        control(world, "PATCH", f"/identity-providers/{provider.id}", {"enabled": True}),
    ):
        assert provider.client_secret not in answer.body.decode()
    assert provider.client_secret not in json.dumps(provider.made)


def test_sessions_name_the_link(world: Simulation, provider: Provider, browser: Browser, someone: Person) -> None:
    """What a session began with is the link's credential, which is no password and no secret."""
    link = provider.link(someone)
    provider.sign_in(browser, choose(browser, provider))
    (session,) = [one for one in world.view.all(BrowserSession, partition(world)) if one.user == someone.user.id]
    assert session.credential == link
    credential = world.view.credential(link)
    assert credential is not None
    assert (credential.kind.value, credential.verifier, credential.owner) == ("link", b"", someone.user.id)


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
