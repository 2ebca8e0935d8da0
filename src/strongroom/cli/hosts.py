"""`strongroom hosts`: the lines of a hosts file by which this machine finds the instance's own names."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from strongroom.cli.control import read_status
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Halt
from strongroom.cli.text import tell
from strongroom.core.network import reachable_at

HOSTS_FILE = Path("/etc/hosts")
_NAMES_A_LINE = 8
"""Some resolvers cut long lines."""


def hosts(data: Path | None, *, write: bool, as_json: bool, hosts_file: Path = HOSTS_FILE) -> int:
    """
    Print the lines, or put them into the hosts file, where they replace those of an earlier call.

    Raises:
        Halt: the service does not run, or the file is not ours to write.
    """
    instance = find_instance(data)
    names = [str(name).partition(":")[0] for name in read_status(instance).get("ownHosts", [])]
    if not names:
        raise Halt("the service does not say its names: restart it with the same version of strongroom")
    address = reachable_at(instance.address)
    lines = host_lines(address, names)
    if not write:
        tell("\n".join(lines), as_json=as_json, address=address, names=list(dict.fromkeys(names)))
        return 0
    try:
        text = hosts_file.read_text(encoding="utf-8") if hosts_file.exists() else ""
        changed = with_block(text, instance.domain, lines)
        if changed == text:
            tell(f"{hosts_file} has these names already", as_json=as_json, file=str(hosts_file), changed=False)
            return 0
        _overwrite(hosts_file, changed)
    except PermissionError:
        raise Halt(
            f"{hosts_file} is not yours to write: run"
            f" `sudo strongroom hosts --write --data {shlex.quote(str(instance.data))}`,"
            " or add what `strongroom hosts` prints yourself"
        ) from None
    except OSError as error:
        raise Halt(f"{hosts_file} cannot be written: {error.strerror}") from None
    tell(f"wrote {len(names)} names to {hosts_file}", as_json=as_json, file=str(hosts_file), changed=True)
    return 0


def host_lines(address: str, names: Sequence[str]) -> list[str]:
    """Make the lines by which *names* are *address*, in their order, each once."""
    unique = list(dict.fromkeys(names))
    return [
        " ".join([address, *unique[start : start + _NAMES_A_LINE]]) for start in range(0, len(unique), _NAMES_A_LINE)
    ]


def with_block(text: str, domain: str, lines: Sequence[str]) -> str:
    """
    Put *lines* into the text of a hosts file, in a marked block of this domain, in place of the block that is there.

    A begun block without its end is taken to reach no further than its mark: what follows may be someone else's.
    """
    begin, end = f"# strongroom {domain}: begin", f"# strongroom {domain}: end"
    block = [begin, *lines, end]
    old = text.splitlines()
    if begin in old:
        start = old.index(begin)
        stop = old.index(end, start) if end in old[start:] else start
        new = [*old[:start], *block, *old[stop + 1 :]]
    else:
        new = [*old, *block]
    return "\n".join(new) + "\n"


def _overwrite(path: Path, text: str) -> None:
    """Write the file in place: in a container it is a mount of its own, which nothing can be renamed over."""
    if not path.exists():
        path.write_text(text, encoding="utf-8")
        return
    with path.open("r+", encoding="utf-8") as file:
        file.write(text)
        file.truncate()
