"""The grammar of `strongroom jobs`: see `commands`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import Data, Json

jobs = App(name="jobs", help="What the service does without being asked, how it went, and one of it now.")


@jobs.command(name="list")
def jobs_list(*, data: Data = None, json: Json = False) -> int:
    """Print every job: when it last ran, how that ended, how much it did and what waits, and when it runs next."""
    from strongroom.cli import jobs as command  # noqa: PLC0415  each command loads what it needs

    return command.show(data, as_json=json)


@jobs.command(name="run")
def jobs_run(
    name: Annotated[str, Parameter(help="The job's name, as the list shows it.")],
    *,
    data: Data = None,
    json: Json = False,
) -> int:
    """Run a job now, and print how it ended; one that fails ends this with 1."""
    from strongroom.cli import jobs as command  # noqa: PLC0415  each command loads what it needs

    return command.run(data, name, as_json=json)
