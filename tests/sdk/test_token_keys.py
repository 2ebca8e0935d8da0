"""azure-keyvault-keys and a premium vault, whose keys two workers hold in a token."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.assertions import key_set, rsa_key
from tests.flow.attesting import Authority, opened, part
from tests.live import Service
from tests.plugins.canary import remember
from tests.sdk.conftest import PROGRAMS, Live
from tests.sdk.test_keys import require_done
from tests.softhsm import soft_token

pytestmark = pytest.mark.toolchain("softhsm2-util")


@pytest.fixture(scope="module")
def premium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Run a service whose first vault is a premium one."""
    folder = tmp_path_factory.mktemp("premium")
    with soft_token() as token:
        service = Service(folder / "data", initialise=False)
        token_options = ("--pkcs11-module", str(token.module), "--pkcs11-pin-file", str(token.pin_file))
        made = service.command(
            "init", "--data", str(service.data), "--port", str(service.port), "--json", *token_options
        )
        service.first = json.loads(made.stdout)
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        with service:
            yield Live(service)


def test_keys_in_a_token(premium: Live, tmp_path: Path) -> None:
    """
    Every type is made, used by either worker, brought in, restored and released.

    Issue 6: "A premium vault's -HSM keys live in the token and leave it only wrapped by it".
    """
    authority = Authority(cast("Any", SimpleNamespace(clock=time.time)), "https://attest.example")
    keys, statement = tmp_path / "keys.json", tmp_path / "statement"
    keys.write_text(json.dumps(key_set(rsa_key(), authority.kid)))
    added = premium.call("release-authorities add", authority.url, "--keys", str(keys))
    assert added.returncode == 0, added.stderr
    require_done(premium.run([sys.executable, PROGRAMS / "keys_in_token.py", authority.token(), statement]))
    released = opened(statement.read_text())
    told = part(statement.read_text(), 1)
    assert told["request"]["nonce"] == "of this test"
    assert isinstance(released, ec.EllipticCurvePrivateKey)
    assert told["response"]["key"]["key"]["kty"] == "EC-HSM"
