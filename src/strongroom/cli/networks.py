"""`strongroom network-maps` and `strongroom endpoint-listeners`: where virtual networks and private endpoints are."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from strongroom.cli.control import ask
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit
from strongroom.cli.text import tell


def show_maps(data: Path | None, *, as_json: bool) -> int:
    """
    Print every map.

    Raises:
        Halt: no service runs there.
    """
    _print_maps(ask(find_instance(data), "GET", "/network-maps")["value"], as_json=as_json)
    return Exit.OK


def set_map(data: Path | None, virtual_network: str, ranges: Sequence[str], *, as_json: bool) -> int:
    """
    Map a virtual network to ranges, and print the map.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    body = {"virtualNetwork": virtual_network, "ranges": list(ranges)}
    _print_maps([ask(find_instance(data), "POST", "/network-maps", body)], as_json=as_json)
    return Exit.OK


def remove_map(data: Path | None, virtual_network: str, *, as_json: bool) -> int:
    """
    Remove a virtual network's map.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    ask(find_instance(data), "POST", "/network-maps/remove", {"virtualNetwork": virtual_network})
    tell(f"no address is in {virtual_network} any more", as_json=as_json, virtualNetwork=virtual_network, removed=True)
    return Exit.OK


def show_listeners(data: Path | None, *, as_json: bool) -> int:
    """
    Print every private endpoint's listener.

    Raises:
        Halt: no service runs there.
    """
    _print_listeners(ask(find_instance(data), "GET", "/endpoint-listeners")["value"], as_json=as_json)
    return Exit.OK


def add_listener(data: Path | None, endpoint: str, address: str, port: int | None, *, as_json: bool) -> int:
    """
    Have an address listened on for a private endpoint, and print the listener.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    body = {"privateEndpoint": endpoint, "address": address, "port": port}
    _print_listeners([ask(find_instance(data), "POST", "/endpoint-listeners", body)], as_json=as_json)
    return Exit.OK


def remove_listener(data: Path | None, endpoint: str, *, as_json: bool) -> int:
    """
    Have a private endpoint's listener closed.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    ask(find_instance(data), "POST", "/endpoint-listeners/remove", {"privateEndpoint": endpoint})
    tell(f"nothing comes through {endpoint} any more", as_json=as_json, privateEndpoint=endpoint, removed=True)
    return Exit.OK


def _print_maps(maps: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(maps, indent=2))
        return
    for one in maps:
        print(one["virtualNetwork"])
        for text in one["ranges"]:
            print(f"  {text}")


def _print_listeners(listeners: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(listeners, indent=2))
        return
    for one in listeners:
        address = f"[{one['address']}]" if ":" in one["address"] else one["address"]
        fault = "  (does not listen)" if one["fault"] else ""
        print(f"{address}:{one['port']}  {one['privateEndpoint']}{fault}")
    for one in listeners:
        if one["fault"]:
            print(f"{one['privateEndpoint']}: {one['fault']}", file=sys.stderr)
