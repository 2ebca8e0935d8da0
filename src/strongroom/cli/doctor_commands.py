"""The grammar of `strongroom doctor`: see `commands`."""

from __future__ import annotations

from strongroom.cli.options import Data, Json


def doctor(*, data: Data = None, json: Json = False) -> int:
    """
    Check the instance and the machine it is on, and say what mends what is wrong; nothing is changed.

    Works whether the service runs or not, and where there is no instance yet. Exit code 1: a problem was found.
    """
    from strongroom.cli.doctor import examine  # noqa: PLC0415  each command loads what it needs
    from strongroom.cli.doctor.report import tell  # noqa: PLC0415  as above
    from strongroom.cli.instance import data_directory  # noqa: PLC0415  as above

    directory = data_directory(data)
    return tell(directory, examine(directory), as_json=json)
