"""What an instance is, as a file: the counterpart of `state.read_wanted`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from strongroom.cli.seed.document import VERSION
from strongroom.cli.seed.items import Item, Key
from strongroom.cli.seed.kinds import KINDS
from strongroom.cli.seed.reach import Document, Reach, spell
from strongroom.cli.seed.state import read_found

_NOT_IN_IT = """\
# Certificates are in it by their policies: their private keys are not, nor are the certificates themselves, the keys
# and secrets that are theirs, and the passwords of issuers. Private CAs, ACME accounts, guardrails, audit sinks and
# whatever else is the instance operator's are not in it either, but for tenants, network maps and endpoint listeners.
"""
HEADER = f"""\
# What this instance is, as `strongroom apply` takes it. Values of secrets, URLs of webhooks and secret headers are not
# in it: `keep: true` means what is there.
{_NOT_IN_IT}"""
HEADER_OF_VALUES = f"""\
# What this instance is, as `strongroom apply --allow-literals` takes it. VALUES OF SECRETS ARE IN IT (`literal`):
# whoever reads it knows them.
{_NOT_IN_IT}"""


@dataclass(slots=True)
class Export:
    """A file, and what could not be put into it."""

    document: Document
    left_out: list[str] = field(default_factory=list)


def make_export(reach: Reach, *, values: bool = False) -> Export:
    """
    Describe an instance as far as the operator sees it; with *values*, the values of secrets too.

    Raises:
        Halt: it cannot be read.
    """
    export = Export({"version": VERSION})
    reach.left_out = export.left_out
    found = list(_distinct(read_found(reach), export))
    entries: dict[Key, Document] = {}
    for kind in KINDS:
        # By name: ids are other ones on every instance, and a file that is kept should change where something did.
        for item in sorted((one for one in found if one.kind == kind.name), key=lambda one: one.key):
            above = export.document if item.parent is None else entries.get(item.parent)
            if above is None:
                # It is in what was left out.
                continue
            entry = kind.write(item)
            if values and kind.reveal is not None:
                entry |= kind.reveal(reach, item)
            if kind.merges:
                above.update(entry)
            else:
                above.setdefault(kind.member, []).append(entry)
                entries.setdefault(item.key, entry)
    return export


def write_yaml(document: Mapping[str, Any], *, values: bool = False) -> str:
    """Write a file in YAML, in the order in which it was made; its first lines say whether *values* are in it."""
    return (HEADER_OF_VALUES if values else HEADER) + yaml.dump(
        dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120
    )


class _Dumper(yaml.SafeDumper):
    """Writes everything out: `apply` takes no anchors."""

    def ignore_aliases(self, _: object) -> bool:
        """Say that nothing is referred to."""
        return True

    def text(self, text: str) -> yaml.Node:
        """Write a text; with ends of lines of any kind in quotes, where each is an escape and none becomes another."""
        ends = bool(text) and text.splitlines() != [text]
        return self.represent_scalar("tag:yaml.org,2002:str", text, style='"' if ends else None)


_Dumper.add_representer(str, _Dumper.text)


def _distinct(items: Iterable[Item], export: Export) -> Iterable[Item]:
    """Leave out things that a file could not tell apart."""
    seen: dict[Key, list[Item]] = {}
    for item in items:
        seen.setdefault(item.key, []).append(item)
    for same in seen.values():
        if len(same) == 1:
            yield same[0]
        else:
            export.left_out.append(
                f"{len(same)} things are {spell(same[0].kind)} {same[0].name}: a file has one name for each"
            )
