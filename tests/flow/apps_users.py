"""Users of registered applications: codes, and who gets which tokens for whom."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256

from strongroom.core.limits import AUTHORIZATION_CODE_S
from strongroom.directory.codes import AuthorizationCode, seal
from strongroom.sts.goals.authorization import CODE_PURPOSE
from tests.flow.apps import guid
from tests.flow.users import Person, ask_token
from tests.plugins import canary
from tests.world import Answer, Principal, Simulation

REDIRECT = "https://app.example/signed-in"
ORIGIN = "https://app.example"
VERIFIER = secrets.token_urlsafe(48)
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ALL = "offline_access openid profile"


def code(
    world: Simulation,
    who: Person,
    client: str,
    platform: str = "web",
    *,
    challenge: str | None = CHALLENGE,
    redirect_uri: str = REDIRECT,
    scope: str = ALL,
    tenant: str | None = None,
) -> str:
    """Make the code that the authorization endpoint gives a client once the user has signed in and agreed."""
    credential = world.view.credentials_of(who.user.id)[0]
    made = seal(
        world.keys,
        CODE_PURPOSE,
        AuthorizationCode(
            tenant=tenant or world.first.tenant_id,
            family=guid(),
            user=who.user.id,
            credential=credential.id,
            authenticated=int(world.clock()),
            amr=("pwd",),
            client_id=client,
            redirect_uri=redirect_uri,
            challenge=challenge,
            scope=scope,
            nonce=None,
            expires=int(world.clock()) + AUTHORIZATION_CODE_S,
            platform=platform,
        ),
    )
    canary.remember(made)
    return made


def redeem(world: Simulation, made: str, client: Principal, *, secret: bool = True, **form: str | None) -> Answer:
    """Redeem a code, with the client's secret unless it is to do without."""
    members: dict[str, str | None] = {
        "grant_type": "authorization_code",
        "client_id": client.appid,
        "client_secret": client.secret if secret else None,
        "code": made,
        "code_verifier": VERIFIER,
        "redirect_uri": REDIRECT,
        **form,
    }
    return ask_token(world, **members)


def from_page(world: Simulation, origin: str | None, **form: str | None) -> Answer:
    """Ask the token endpoint as a page of an origin does."""
    sent = {name: value for name, value in form.items() if value is not None}
    headers = {"Origin": origin} if origin is not None else {}
    url = f"{world.login_url}/{world.first.tenant_id}/oauth2/v2.0/token"
    return world.ask("POST", url, form=sent, headers=headers)


def on_behalf_of(world: Simulation, api: Principal, shown: str, asked: str, **form: str | None) -> Answer:
    """Ask for a token as an API that was called with an access token for itself."""
    members: dict[str, str | None] = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "requested_token_use": "on_behalf_of",
        "client_id": api.appid,
        "client_secret": api.secret,
        "assertion": shown,
        "scope": asked,
        **form,
    }
    return ask_token(world, **members)
