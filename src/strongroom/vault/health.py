"""`/healthstatus`: the firewall's diagnostic, open to anyone (reference azure-key-vault.md section 1.7)."""

from __future__ import annotations

from strongroom.flow.call import Call
from strongroom.http.message import Response


async def get_health_status(_call: Call) -> Response:
    """Say that the service is up: four characters. The network-info header, which every answer has, is the point."""
    return Response(200, b'"OK"')
