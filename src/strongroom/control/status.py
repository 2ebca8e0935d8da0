"""How the instance is."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from strongroom.control.link import require_control
from strongroom.control.names import own_hosts, vault_names
from strongroom.control.networks import show_listeners
from strongroom.control.wire import Status
from strongroom.core.names import Surface, azure_names
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response


async def status(call: Call) -> Response:
    """Tell how the instance is and what it goes by."""
    require_control(call)
    world, instance, hosts = call.world, call.world.instance, call.world.hosts
    names = vault_names(world, None)
    answer = Status(
        ready=instance.ready,
        pid=instance.pid,
        version=instance.version,
        domain=hosts.domain,
        port=hosts.port,
        key_protection=world.keys.description,
        token=instance.token,
        recording=world.journal.failure is None,
        main=instance.main,
        managed_identity=instance.managed_identity,
        control_socket=instance.control_socket,
        private_endpoints=show_listeners(world),
        certificate_expires=instance.certificate_expires,
        failing_jobs=world.jobs.failing() if world.jobs is not None else [],
        authority=hosts.url(Surface.LOGIN),
        arm_uri=hosts.url(Surface.MANAGEMENT),
        graph_uri=hosts.url(Surface.GRAPH),
        own_hosts=[*own_hosts(world, names), *_pki_host(instance.pki_url, hosts.domain)],
        azure_hosts=list(azure_names(names)),
    )
    return json.response(answer)


def _pki_host(url: str, domain: str) -> Iterator[str]:
    """Name the host that certificates of private CAs say where to ask, if it is one of the instance's own."""
    netloc = urlsplit(url).netloc
    if netloc.partition(":")[0].endswith(f".{domain}"):
        yield netloc
