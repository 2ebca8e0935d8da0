"""Whom a sign-in at a tenant's own OpenID provider stands for, and what ends a link with all that came of it."""

from __future__ import annotations

import secrets as chance
from typing import Any

import pytest

from strongroom.core.identity import Credential
from strongroom.core.identity_providers import IdentityLink
from strongroom.core.sessions import TokenFamily
from strongroom.directory import deletion, users
from tests.flow.browser import Browser, title, told
from tests.flow.elsewhere import Provider, come_back
from tests.flow.identity_providers import DOMAIN, browser, choose, provider, refused, someone, tokens, trusted
from tests.flow.test_federation import control
from tests.flow.test_sign_in_by_password import claims, reason
from tests.flow.test_sign_in_page import redeem
from tests.flow.users import Person, allow_passwords, partition, person, refresh, sign_in
from tests.world import Simulation

__all__ = ["browser", "provider", "someone", "trusted"]


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
