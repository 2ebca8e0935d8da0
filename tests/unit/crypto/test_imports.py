import subprocess
import sys

import pytest

NEEDED_BY_EVERY_START = [
    "context",
    "envelope",
    "handles",
    "passwords",
    "pool",
    "private_files",
    "process",
    "protocol",
    "secret_texts",
    "signing_keys",
    "software",
    "token_signers",
]


@pytest.mark.parametrize("module", NEEDED_BY_EVERY_START)
def test_a_start_imports_nothing_slow(module: str) -> None:
    """What every start needs imports neither joserfc (a quarter of a second) nor cryptography.x509 (a tenth)."""
    program = f"import sys, strongroom.crypto.{module}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True, timeout=60)
    loaded = set(run.stdout.split())
    assert f"strongroom.crypto.{module}" in loaded
    assert not {name for name in loaded if name.split(".")[0] in {"joserfc", "argon2"} or name == "cryptography.x509"}
