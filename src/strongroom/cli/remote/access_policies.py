"""`strongroom access-policies list`, `set` and `remove`: who may do what in a vault that decides by access policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from strongroom.cli.options import At
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.output import Columns, say, show
from strongroom.cli.remote.session import Session, open_session
from strongroom.cli.remote.vaults import VERSION, find_vault
from strongroom.core.access_policy_templates import TEMPLATES

_CATEGORIES = ("secrets", "keys", "certificates")


def _words(category: str) -> Any:
    return lambda row: " ".join(row["permissions"].get(category) or ())


_COLUMNS: Columns = {
    "object id": "objectId",
    "application": "applicationId",
    **{category: _words(category) for category in _CATEGORIES},
}


@dataclass(frozen=True, slots=True)
class Policy:
    """Whose policy, and what it gives: words of each category, or those of a template."""

    object_id: str
    application_id: str | None = None
    template: str | None = None
    secrets: Sequence[str] = ()
    keys: Sequence[str] = ()
    certificates: Sequence[str] = ()

    def permissions(self) -> dict[str, list[str]]:
        """
        Give the words by category.

        Raises:
            Halt: there is no such template, or nothing is said.
        """
        given: dict[str, Sequence[str]] = {
            "secrets": self.secrets, "keys": self.keys, "certificates": self.certificates,
        }  # fmt: skip
        if self.template is None:
            if not any(given.values()):
                raise Halt("say what is given: --secret, --key, --certificate, or a --template", Exit.USAGE)
            return {category: list(words) for category, words in given.items()}
        if any(given.values()):
            raise Halt("--template says it all: leave --secret, --key and --certificate out", Exit.USAGE)
        known = next((words for name, words in TEMPLATES.items() if name.lower() == self.template.lower()), None)
        if known is None:
            raise Halt(f"there is no template {self.template!r}: there are {', '.join(TEMPLATES)}", Exit.USAGE)
        return {category: list(known.get(category, ())) for category in _CATEGORIES}


def list_policies(at: At, name: str, *, as_json: bool) -> int:
    """
    Print a vault's access policies.

    Raises:
        Halt: there is no such vault, or the service refuses.
    """
    with open_session(at.data, subscription=at.subscription) as session:
        return _show(find_vault(session, name, at.group), as_json=as_json)


def set_policy(at: At, name: str, policy: Policy, *, as_json: bool) -> int:
    """
    Give a principal a policy, in the place of the one that it has.

    Raises:
        Halt: there is no such vault, a word is no permission, or the service refuses.
    """
    permissions = policy.permissions()
    with open_session(at.data, subscription=at.subscription) as session:
        vault = find_vault(session, name, at.group)
        entry = {"tenantId": session.tenant, "objectId": policy.object_id, "permissions": permissions}
        return _show(_change(session, vault, "replace", policy, entry), as_json=as_json)


def remove_policy(at: At, name: str, policy: Policy, *, as_json: bool) -> int:
    """
    Take a principal's policy away.

    Raises:
        Halt: there is no such vault or policy, or the service refuses.
    """
    with open_session(at.data, subscription=at.subscription) as session:
        vault = find_vault(session, name, at.group)
        if not any(_is_of(one, policy) for one in vault["properties"].get("accessPolicies") or ()):
            raise Halt(f"{policy.object_id} has no policy there: strongroom access-policies list {name} shows who has")
        # Without a word, the whole of it is meant.
        entry = {"tenantId": session.tenant, "objectId": policy.object_id, "permissions": {}}
        return _show(_change(session, vault, "remove", policy, entry), as_json=as_json)


def _is_of(one: Mapping[str, Any], policy: Policy) -> bool:
    application = str(one.get("applicationId") or "").lower()
    return one["objectId"].lower() == policy.object_id.lower() and application == (policy.application_id or "").lower()


def _change(
    session: Session, vault: Mapping[str, Any], operation: str, policy: Policy, entry: dict[str, Any]
) -> dict[str, Any]:
    """Change one principal's policy, and leave those of others as they are by then."""
    if vault["properties"].get("enableRbacAuthorization"):
        say(f"{vault['name']} decides by role assignments: its access policies count for nothing as long as it does")
    if policy.application_id is not None:
        entry["applicationId"] = policy.application_id
    body = {"properties": {"accessPolicies": [entry]}}
    changed: dict[str, Any] = session.arm("PUT", f"{vault['id']}/accessPolicies/{operation}", body, api_version=VERSION)
    return changed


def _show(vault: Mapping[str, Any], *, as_json: bool) -> int:
    return show(vault["properties"].get("accessPolicies") or (), _COLUMNS, as_json=as_json)
