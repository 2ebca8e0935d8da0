"""Official clients sign a person in, unchanged, through `strongroom run`."""

import json
import sys
from pathlib import Path

import pytest

from tests.live import Service
from tests.plugins.canary import remember
from tests.sdk.conftest import PROGRAMS, Live


@pytest.mark.parametrize("how", ["browser", "device", "password"])
def test_a_person_signs_in(tmp_path: Path, canary: str, how: str) -> None:
    """SEC-TOKEN-6, SEC-TOKEN-9: azure-identity through a browser, here or elsewhere, and msal by password."""
    with Service(tmp_path / "data") as service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        live = Live(service)
        allowed = json.loads(live.call("sign-in", "--password-grant", "--device-code", "--json").stdout)
        assert (allowed["passwordGrant"], allowed["deviceCode"]) == (True, True)
        result = live.run(
            [sys.executable, PROGRAMS / "sign_in.py", how, "signed-in"],
            TENANT=service.first["tenantId"],
            USER_NAME=service.first["userName"],
            USER_PASSWORD=service.first["userPassword"],
            VALUE=canary,
            BROWSER=f"{sys.executable} {PROGRAMS / 'person.py'} %s &",
        )
        assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
