"""Graph's operations on what users sign in with: passwords, authenticator apps and security keys."""

from __future__ import annotations

from strongroom.core.second_factors import AuthenticatorApp, SecurityKey
from strongroom.flow.operation import Op
from strongroom.graph import authentication_methods as methods
from strongroom.graph import rights
from strongroom.graph.objects import directory_target

_T = directory_target
_WHOSE = (("User", "/{version}/users/{id}/authentication/"), ("Me", "/{version}/me/authentication/"))
_READ = (
    ("AuthenticationMethod", methods.ALL),
    ("PasswordMethod", methods.PASSWORDS),
    ("SoftwareOathMethod", methods.APPS),
    ("Fido2Method", methods.KEYS),
)
_REMOVED = (
    ("SoftwareOathMethod", methods.APPS, AuthenticatorApp),
    ("Fido2Method", methods.KEYS, SecurityKey),
)


def _rows(whose: str, path: str) -> tuple[Op, ...]:
    return (
        *(
            row
            for name, kind in _READ
            for row in (
                Op(f"{whose}{name}List", "GET", path + kind.segment, rights.READ_METHODS, methods.listing(kind), _T),
                Op(f"{whose}{name}Get", "GET", f"{path}{kind.segment}/{{method}}", rights.READ_METHODS,
                   methods.getting(kind), _T),
            )
        ),
        *(
            Op(f"{whose}{name}Delete", "DELETE", f"{path}{kind.segment}/{{method}}", rights.WRITE_METHODS,
               methods.removing(factor), _T, success=204)
            for name, kind, factor in _REMOVED
        ),
    )  # fmt: skip


OPERATIONS: tuple[Op, ...] = tuple(row for whose in _WHOSE for row in _rows(*whose))
