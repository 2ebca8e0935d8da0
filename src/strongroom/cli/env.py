"""`strongroom env`: what a shell needs to use the instance directly, under its own names."""

from __future__ import annotations

import json
import os
import shlex
from datetime import UTC, datetime
from pathlib import Path

from strongroom.cli.control import begin_run
from strongroom.cli.endpoints import ARC, WORKLOAD_IDENTITY, require_endpoint, write_key_file, write_token_file
from strongroom.cli.environment import is_stray, shell_environment
from strongroom.cli.instance import find_instance
from strongroom.cli.trust import write_trust

LIFETIME_S = 8 * 3600
"""How long the credential is asked to last: a working day. It is revoked earlier when the service is told so."""
_DIRECTORY = "env"


def env(data: Path | None, identity: str | None, *, service_principal: bool, endpoint: str, as_json: bool) -> int:
    """
    Print the variables, as lines for a POSIX shell to evaluate or as one JSON object.

    Raises:
        Halt: the service does not run or refuses, or there is no such endpoint.
    """
    require_endpoint(endpoint, service_principal=service_principal)
    instance = find_instance(data)
    directory = instance.data / _DIRECTORY
    directory.mkdir(mode=0o700, exist_ok=True)
    trust = write_trust(directory, [instance.read_ca()], os.environ)
    grant = begin_run(instance, identity=identity, service_principal=service_principal, lifetime_s=LIFETIME_S)
    if endpoint == ARC:
        # Nothing says when a shell is done with it: a later run or shell removes the file once its secret is worthless.
        write_key_file(grant)
    if endpoint == WORKLOAD_IDENTITY:
        write_token_file(instance, grant, directory, LIFETIME_S)
    variables = shell_environment(os.environ, grant, trust, directory, endpoint)
    if as_json:
        print(json.dumps(variables, indent=2))
        return 0
    ends = f" until {datetime.fromtimestamp(grant.expires_on, UTC):%Y-%m-%d %H:%M} UTC" if grant.expires_on else ""
    print(f'# For this shell{ends}: eval "$(strongroom env)". The header below is a credential: do not log it.')
    for name in sorted(name for name in os.environ if is_stray(name) and name not in variables):
        print(f"unset {name}")
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0
