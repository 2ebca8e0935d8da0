"""Graph, as a caller sees it, for the tests of its operations."""

from __future__ import annotations

import secrets as chance
from typing import Any
from urllib.parse import quote

from strongroom.core.first_party import GRAPH
from strongroom.core.identity import User
from tests.flow.users import App, Person, add_app, add_key, allow_passwords, sign_in
from tests.world import GRAPH_AUDIENCE, Answer, Principal, Simulation

MISSING = "11111111-1111-1111-1111-111111111111"
"""The id of nothing."""
PASSWORD = "An-invented-password-1"


class Graph:
    """Graph, as one caller sees it."""

    def __init__(self, world: Simulation, principal: Principal | None = None, *, token: str | None = None) -> None:
        self._world = world
        self._token = token or world.token(principal or world.administrator, GRAPH_AUDIENCE)

    @property
    def now(self) -> float:
        """The present."""
        return self._world.clock()

    def ask(self, method: str, path: str, body: object = None, *, version: str = "v1.0", **how: Any) -> Answer:
        """Ask for a path below the version, or for one that begins with a slash as it is."""
        url = f"{self._world.graph_url}{path}" if path.startswith("/") else f"{self._world.graph_url}/{version}/{path}"
        return self._world.ask(method, url, token=how.pop("token", self._token), body=body, **how)

    def get(self, path: str) -> Any:
        """Get something that is there."""
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    def make(self, path: str, body: object) -> dict[str, Any]:
        """Make something that can be made."""
        answer = self.ask("POST", path, body)
        assert answer.status == 201, answer.body
        made: dict[str, Any] = answer.json
        return made

    def do(self, method: str, path: str, body: object = None) -> None:
        """Do something that answers nothing."""
        answer = self.ask(method, path, body)
        assert (answer.status, answer.body) == (204, b"")

    def ids(self, path: str) -> set[str]:
        """List the ids in a collection."""
        return {one["id"] for one in self.get(path)["value"]}

    def add_user(self, name: str | None = None) -> dict[str, Any]:
        """Make a user."""
        name = name or f"u{chance.token_hex(4)}"
        return self.make("users", user_body(name))

    def user(self, user: str) -> User:
        """Find a user's record."""
        found = self._world.view.principal(self._world.first.tenant_id, user)
        assert isinstance(found, User)
        return found

    def add_app(self, user: str) -> App:
        """Set an authenticator app up for a user, past the pages."""
        return add_app(self._world, self.user(user))

    def add_key(self, user: str) -> str:
        """Register a security key for a user, past the pages."""
        return add_key(self._world, self.user(user))[0]

    def add_group(self, name: str | None = None) -> dict[str, Any]:
        """Make a group."""
        return self.make("groups", group_body(name or f"g{chance.token_hex(4)}"))

    def give_role(self, principal: str, role: str) -> None:
        """Give a principal a directory role."""
        reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{principal}"}
        self.do("POST", f"directoryRoles/{role}/members/$ref", reference)

    def give_permission(self, principal: str, permission: str) -> dict[str, Any]:
        """Give a service principal an application permission of Graph, by its name."""
        (resource,) = self.get(filtered("servicePrincipals", f"appId eq '{GRAPH}'"))["value"]
        (role,) = (one["id"] for one in resource["appRoles"] if one["value"] == permission)
        body = {"principalId": principal, "resourceId": resource["id"], "appRoleId": role}
        return self.make(f"servicePrincipals/{principal}/appRoleAssignments", body)

    def give_owner(self, path: str, owner: str) -> None:
        """Make a principal the owner of what a path names."""
        self.do("POST", f"{path}/owners/$ref", {"@odata.id": f"https://graph.microsoft.com/v1.0/users/{owner}"})

    def add_application(self, name: str | None = None, **more: object) -> dict[str, Any]:
        """Register an application."""
        return self.make("applications", {"displayName": name or f"a{chance.token_hex(4)}", **more})

    def join(self, group: str, member: str) -> Answer:
        """Put a principal into a group."""
        reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{member}"}
        return self.ask("POST", f"groups/{group}/members/$ref", reference)


def user_token(world: Simulation, user: str) -> str:
    """Sign a user in, that was made with the password of `user_body`, for Graph."""
    found = world.view.principal(world.first.tenant_id, user)
    assert isinstance(found, User)
    allow_passwords(world)
    token: str = sign_in(world, Person(found, PASSWORD), scope=f"{GRAPH_AUDIENCE}/.default").json["access_token"]
    return token


def user_body(name: str, **changes: object) -> dict[str, object]:
    """Make a user's body as `az ad user create` sends it, with members changed, or left out where they are None."""
    body: dict[str, object] = {
        "accountEnabled": True,
        "displayName": name,
        "mailNickname": name,
        "userPrincipalName": f"{name}@strongroom.localhost",
        "passwordProfile": {"forceChangePasswordNextSignIn": False, "password": PASSWORD},
        **changes,
    }
    return {key: value for key, value in body.items() if value is not None}


def group_body(name: str, **changes: object) -> dict[str, object]:
    """Make a group's body as `az ad group create` sends it."""
    body: dict[str, object] = {
        "displayName": name,
        "mailNickname": name,
        "mailEnabled": False,
        "securityEnabled": True,
        **changes,
    }
    return {key: value for key, value in body.items() if value is not None}


def policy_body(
    *, conditions: dict[str, object] | None = None, controls: tuple[str, ...] = ("block",), **changes: object
) -> dict[str, object]:
    """Make the body of a conditional access policy: as it stands, switched off, and about nobody."""
    return {
        "displayName": "A policy",
        "state": "disabled",
        "conditions": {
            "users": {"includeUsers": ["None"]},
            "applications": {"includeApplications": ["All"]},
            "clientAppTypes": ["all"],
            **(conditions or {}),
        },
        "grantControls": {"operator": "OR", "builtInControls": list(controls)} if controls else None,
        **changes,
    }


def location_body(*ranges: str, trusted: bool = False) -> dict[str, object]:
    """Make the body of a named location."""
    return {
        "@odata.type": "#microsoft.graph.ipNamedLocation",
        "displayName": "A place",
        "isTrusted": trusted,
        "ipRanges": [
            {"@odata.type": f"#microsoft.graph.iPv{6 if ':' in one else 4}CidrRange", "cidrAddress": one}
            for one in ranges or ("198.51.100.0/24",)
        ],
    }


def filtered(path: str, text: str) -> str:
    """Make a filtered path, encoded as clients encode it."""
    return f"{path}?$filter={quote(text, safe='')}"


def refused(answer: Answer, status: int, code: str) -> str:
    """Check Graph's form of a refusal, and give its message."""
    assert (answer.status, answer.error["code"]) == (status, code), answer.body
    assert set(answer.error) == {"code", "message", "innerError"}
    assert set(answer.error["innerError"]) == {"date", "request-id", "client-request-id"}
    message: str = answer.error["message"]
    return message
