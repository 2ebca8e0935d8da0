"""Assertions for workload identity: what a run's token file has, renewed as long as the run goes on."""

from __future__ import annotations

from strongroom.control.link import optional_body, require_control
from strongroom.control.wire import AssertionBody, RunAssertion
from strongroom.core.errors import NotFound
from strongroom.core.identity import CredentialKind, ServicePrincipal
from strongroom.core.names import Surface
from strongroom.directory.runs import is_current
from strongroom.directory.tokens import Mint
from strongroom.directory.workload_assertions import make_assertion
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response


async def issue_assertion(call: Call) -> Response:
    """Make an assertion for a run: its program shows it to the token endpoint as the identity that the run was lent."""
    require_control(call)
    body = await optional_body(call, AssertionBody)
    world, run_id = call.world, call.params["run"]
    credential = world.view.credential(run_id)
    if credential is None or credential.kind is not CredentialKind.RUN or not is_current(credential, call.now):
        raise NotFound("There is no such run.")
    call.properties.update(runId=run_id, tenantId=credential.tenant, objectId=credential.owner)
    principal = world.view.principal(credential.tenant, credential.owner)
    if not isinstance(principal, ServicePrincipal) or not principal.enabled:
        raise NotFound("The managed identity of this run has no enabled principal.")
    mint = Mint(world.keys, world.signers, world.view, world.entropy, world.hosts.url(Surface.LOGIN))
    assertion, ends = await make_assertion(mint, principal, credential, lifetime_s=body.lifetime_seconds, now=call.now)
    return json.response(RunAssertion(assertion, ends), headers=[(b"cache-control", b"no-store")])
