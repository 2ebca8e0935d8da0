"""How the management plane's tables are written: one row, whose api-version is its provider's own."""

from __future__ import annotations

from strongroom.arm.etags import Tagged, match
from strongroom.arm.locked import hold
from strongroom.arm.registered import require_registered
from strongroom.core import limits
from strongroom.core.api_versions import parse_arm
from strongroom.core.locks import Effect, effect_of
from strongroom.core.permissions import ControlAction, Requirement
from strongroom.flow.call import Call
from strongroom.flow.operation import Handler, Op, Resolver
from strongroom.http.message import Response


def action(name: str, *, by_handler: bool = False) -> ControlAction:
    """Require an ARM action at the scope in the path; *by_handler*, with what the body says: see `ControlAction`."""
    return ControlAction(name, by_handler)


def row(
    name: str,
    method: str,
    path: str,
    resource_type: str,
    requires: Requirement,
    handler: Handler,
    target: Resolver,
    *,
    success: int = 200,
    body: type | None = None,
    effect: Effect | None = None,
    tagged: Tagged | None = None,
) -> Op:
    """
    Make a row whose handler runs once the api-version is known to be one of the provider's, and no lock holds it.

    What a PUT would make is refused where the provider has been unregistered.

    *effect* is what it does to the scope in its path, where its method does not say that: a POST counts as a change.
    *tagged* says where the record is whose etag its resource shows.
    """
    provider, _, kind = resource_type.partition("/")
    does = effect_of(method) if effect is None else effect

    async def versioned(call: Call) -> Response:
        parse_arm(call.api_version, provider=provider, resource_type=kind, location=call.world.settings.region)
        if method == "PUT":
            require_registered(call, provider)
        hold(call, does)
        if tagged is not None:
            match(call, tagged)
        return await handler(call)

    return Op(
        name=name,
        method=method,
        path=path,
        requires=requires,
        handler=versioned,
        target=target,
        success=success,
        body_limit=limits.ARM_BODY_BYTES if body is not None else limits.BODY_BYTES,
        body=body,
    )
