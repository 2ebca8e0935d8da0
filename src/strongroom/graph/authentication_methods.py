"""Handlers of /users/{id}/authentication and /me/authentication: what a user signs in with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from strongroom.core.guids import parse_guid
from strongroom.core.identity import User
from strongroom.core.second_factors import AuthenticatorApp, SecondFactor, SecurityKey
from strongroom.directory.second_factors import no_such_factor, remove_factor, second_factors_of
from strongroom.directory.user_passwords import password_of
from strongroom.flow.call import Call
from strongroom.flow.operation import Handler
from strongroom.graph.filters import Filterable, Operator
from strongroom.graph.objects import find_me, find_user
from strongroom.graph.odata import collection, entity
from strongroom.graph.render import instant
from strongroom.http.message import Response

PASSWORD_METHOD = "28c10230-6103-485e-b985-444c60001490"  # noqa: S105  the id that every password has in Graph
_RESOURCE = "AuthenticationMethod"


@dataclass(frozen=True, slots=True)
class _Method:
    """One way to sign in, as Graph shows it."""

    id: str
    type: str
    body: Mapping[str, Any]


FILTERS: Mapping[str, Filterable[_Method]] = {"id": Filterable(lambda one: one.id, frozenset({Operator.EQ}))}


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the collections of methods: all of them, or those of one type."""

    segment: str
    types: tuple[str, ...]

    def of(self, call: Call, user: User) -> list[_Method]:
        """List a user's methods of this kind."""
        return [one for one in _methods(call, user) if one.type in self.types]

    @property
    def is_mixed(self) -> bool:
        """True where methods of several types stand together, so that each says which it is."""
        return len(self.types) > 1


_PASSWORD, _APP, _KEY = (
    "#microsoft.graph.passwordAuthenticationMethod",
    "#microsoft.graph.softwareOathAuthenticationMethod",
    "#microsoft.graph.fido2AuthenticationMethod",
)
ALL = Kind("methods", (_PASSWORD, _APP, _KEY))
PASSWORDS = Kind("passwordMethods", (_PASSWORD,))
APPS = Kind("softwareOathMethods", (_APP,))
KEYS = Kind("fido2Methods", (_KEY,))


def listing(kind: Kind) -> Handler:
    """Make the handler that lists a user's methods of a kind."""

    async def list_methods(call: Call) -> Response:
        user = _user(call)
        return collection(call, _collection(user, kind), kind.of(call, user), FILTERS, _RESOURCE, _render(kind))

    return list_methods


def getting(kind: Kind) -> Handler:
    """Make the handler that gets one of a user's methods of a kind."""

    async def get_method(call: Call) -> Response:
        user = _user(call)
        wanted = parse_guid(call.params["method"])
        found = next((one for one in kind.of(call, user) if one.id == wanted), None)
        if found is None:
            raise no_such_factor(call.params["method"])
        return entity(call, _collection(user, kind), _render(kind)(found))

    return get_method


def removing(kind: type[SecondFactor]) -> Handler:
    """Make the handler that removes one of a user's second factors: what was begun with it ends."""

    async def remove_method(call: Call) -> Response:
        user = _user(call)
        factor = parse_guid(call.params["method"])
        if factor is None:
            raise no_such_factor(call.params["method"])
        call.properties.update(userId=user.id, credentialId=factor)
        await call.commit(lambda tx: remove_factor(tx, user, kind, factor))
        return Response(204, content_type=None)

    return remove_method


def _user(call: Call) -> User:
    return find_user(call) if "id" in call.params else find_me(call)


def _collection(user: User, kind: Kind) -> str:
    return f"users('{user.id}')/authentication/{kind.segment}"


def _render(kind: Kind) -> Callable[[_Method], dict[str, Any]]:
    def render(one: _Method) -> dict[str, Any]:
        return {**({"@odata.type": one.type} if kind.is_mixed else {}), **one.body}

    return render


def _methods(call: Call, user: User) -> list[_Method]:
    """List what a user signs in with: the password, and the second factors. Nothing secret is told again."""
    view = call.world.view
    found, password = [], password_of(view, user)
    if password is not None:
        found.append(_method(PASSWORD_METHOD, _PASSWORD, createdDateTime=instant(password.created), password=None))
    for factor in second_factors_of(view, user):
        told = {"displayName": factor.display_name, "createdDateTime": instant(factor.created)}
        match factor:
            case AuthenticatorApp():
                found.append(_method(factor.id, _APP, **told, secretKey=None))
            case SecurityKey():
                told |= {"aaGuid": factor.aaguid, "attestationLevel": "notAttested"}
                found.append(_method(factor.id, _KEY, **told, model=None, attestationCertificates=[]))
    return found


def _method(method_id: str, type_: str, **body: Any) -> _Method:
    return _Method(method_id, type_, {"id": method_id, **body})
