"""`strongroom explain` and `strongroom who-can`: why a request is allowed or refused, and who can do something."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strongroom.cli import control
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.text import one_line

_FORBIDDEN = 403
_ID_CHARS = 128
_WORDS = {"passed": "passed", "refused": "REFUSED", "notAsked": "not asked"}


def about(operation: str | None, url: str | None, vault: str | None, name: str | None) -> dict[str, str]:
    """
    Put together what a question is about.

    Raises:
        Halt: there is no operation, or not exactly one way to the object.
    """
    if operation is None:
        raise Halt("say what is to be done: --operation SecretGet", Exit.USAGE)
    if (url is None) == (vault is None) or (url is not None and name is not None):
        raise Halt("say to what: --object URL, or --vault NAME and perhaps --object-name NAME", Exit.USAGE)
    return {"operation": operation, "url": url or "", "vault": vault or "", "object": name or ""}


def explain(data: Path | None, asked: Mapping[str, str], *, as_json: bool) -> int:
    """
    Print an explanation.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    found = control.explain(find_instance(data), asked)
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        _print(found)
    return Exit.OK if found["allowed"] else Exit.FAILED


def explain_request(data: Path | None, request_id: str, *, as_json: bool) -> int:
    """
    Explain a request that the journal has, as things are now.

    Raises:
        Halt: no service runs there, the journal has no such request, or there is nothing to explain about it.
    """
    instance = find_instance(data)
    entry = _find_entry(instance.data, request_id)
    properties, claim = entry["properties"], entry["identity"].get("claim")
    said = f"{properties['httpStatusCode']} {properties.get('errorCode', entry['resultSignature'])}"
    if claim is None:
        raise Halt(
            f"nobody had proved who asked when the request of {entry['time']} was answered {said}"
            f" ({properties.get('reason', 'no reason')}): there is no principal to explain it about"
        )
    asked = {
        "principal": claim["oid"],
        "operation": entry["operationName"],
        "url": properties["requestUri"].partition("?")[0],
        "address": entry["callerIpAddress"],
        "endpoint": properties.get("privateEndpointId", ""),
        "client": claim["appid"] if claim.get("idtyp") == "user" else "",
        "apiVersion": entry["operationVersion"],
    }
    if not as_json:
        print(f"The request of {entry['time']} was answered {said}. As things are now:\n")
    try:
        return explain(data, asked, as_json=as_json)
    except Halt as halt:
        raise Halt(
            f"{halt}\n  the journal says of this {entry['operationName']}: {said}:"
            f" {properties.get('reason') or entry['resultDescription'] or 'no reason'}",
            halt.exit_code,
        ) from None


def who_can(data: Path | None, asked: Mapping[str, str], *, as_json: bool) -> int:
    """
    Print who can do something.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    found = control.who_can(find_instance(data), asked)
    if as_json:
        print(json.dumps(list(found), indent=2))
        return Exit.OK
    for one in found:
        notes = [
            *([] if one["enabled"] else ["disabled"]),
            *([f"if {one['condition']}"] if one["condition"] else []),
            *([f"DENIED by {one['deniedBy']}"] if one["deniedBy"] else []),
        ]
        print(one_line(f"{one['principalId']}  {one['principalType']:<16}  {one['displayName']}"))
        role = f"{one_line(one['role'])}, " if one.get("role") else ""
        print(f"  {one_line(one['through'])}: {role}{one_line(one['right'])}")
        for note in notes:
            print(f"  {one_line(note)}")
    return Exit.OK


def _find_entry(data: Path, request_id: str) -> dict[str, Any]:
    """Find the entry of a request: of several with one correlation id the newest that was refused."""
    from strongroom import journal  # noqa: PLC0415  most explanations need none

    if not request_id.isascii() or not request_id.isprintable() or not 0 < len(request_id) <= _ID_CHARS:
        raise Halt("a request's id is at most 128 printable characters", Exit.USAGE)
    newest: dict[str, Any] | None = None
    for recorded in journal.find(data / "audit", json.dumps(request_id).encode()):
        entry: dict[str, Any] = json.loads(recorded.event)
        if request_id not in {entry["correlationId"], entry["properties"].get("requestId")}:
            continue
        if entry["properties"]["httpStatusCode"] == _FORBIDDEN:
            return entry
        newest = newest or entry
    if newest is None:
        raise Halt(f"the journal in {data} has no request with this id")
    return newest


def _print(found: Mapping[str, Any]) -> None:
    question, refusal = found["question"], found.get("refusal")
    on = f"{question['object']} in {question['vault']}" if question["object"] else question["vault"]
    print(f"May {question['principalId']} do {question['operation']} on {on} from {question['address']}?")
    print("Yes.\n" if refusal is None else f"No: {refusal['status']} {refusal['code']}, by the {refusal['step']}.\n")
    for step in found["steps"]:
        refused = f"{step['status']} {step['code']}: " if step["outcome"] == "refused" else ""
        print(f"  {step['name']:<10}  {_WORDS[step['outcome']]:<9}  {refused}{one_line(step['found'])}")
        for one in step.get("evidence", ()):
            print(f"      {'counts' if one['counts'] else 'does not':<8}  {one_line(one['id'])}")
            print(f"                {one_line(one['found'])}")
    _print_remedies([step["remedies"] for step in found["steps"] if step["outcome"] == "refused"])


def _print_remedies(remedies: list[list[Mapping[str, Any]]]) -> None:
    """Print what would allow it: something for each step that refuses, where there are several ways either of them."""
    if not remedies:
        return
    print("\nTo allow it:")
    for ways in remedies:
        for number, one in enumerate(ways):
            print(f"  {'or: ' if number else ''}{one_line(one['change'])}")
            for command in one["commands"]:
                print(f"    {one_line(command)}")
