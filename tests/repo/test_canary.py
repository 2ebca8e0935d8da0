"""The plugin that looks for secrets in what the test run puts out."""

import base64
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins import canary

ROOT = Path(__file__).resolve().parents[2]

LEAKS = {
    "in a log record": "logging.getLogger('strongroom.x').debug('it is %s', canary)",
    "in a traceback that is logged": (
        "\n    try:\n        raise ValueError(canary)\n    except ValueError:\n        logging.exception('failed')"
    ),
    "in what is printed": "print(canary)",
    "in a refusal": "watch('the answer', canary.encode())",
    "in a file": "(tmp_path / 'audit').mkdir(); (tmp_path / 'audit' / 'n.00000001.jsonl').write_text(canary)",
    "in base64 in a file": ("(tmp_path / 'serve.log').write_bytes(base64.b64encode(b'x' + canary.encode() + b'yz'))"),
    "a password": "remember('correct horse battery'); print('a correct horse battery')",
    "a password without a space, amid others": "remember('correct-horse'); print('a=correct-horse/battery')",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a directory that this run's own search does not come to."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def run(folder: Path, line: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on a test of *line*, and on one that leaks nothing, with the plugin and nothing else of this suite."""
    source = (
        "import base64, logging\nfrom tests.plugins.canary import remember, watch\n\n"
        f"def test_it(canary, tmp_path):\n    {line}\n\ndef test_other(canary, tmp_path):\n    pass\n"
    )
    (folder / "test_it.py").write_text(source, encoding="utf-8")
    options = ("-p", "tests.plugins.canary", "--rootdir", str(folder), "--basetemp", str(folder / "tmp"), *options)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, str(folder / "test_it.py")],
        cwd=folder,
        # The environment's other plugins, which are asked for by name here, take longer to load than the test.
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("how", LEAKS)
def test_a_secret_that_comes_out_fails_the_run(folder: Path, how: str) -> None:
    """Wherever a canary comes out, the run fails and says where."""
    result = run(folder, LEAKS[how])

    assert result.returncode == 1, result.stdout
    assert "a secret came out" in result.stdout


def test_it_works_in_many_processes(folder: Path) -> None:
    """Under xdist the process that made a file searches it, and the whole run fails."""
    result = run(folder, LEAKS["in a file"], "-p", "xdist", "-n", "2")

    assert result.returncode == 1, result.stdout
    assert "n.00000001.jsonl has a canary value in it" in result.stdout


def test_a_run_without_a_leak_passes(folder: Path) -> None:
    """A secret that stays where it belongs fails nothing."""
    result = run(folder, "(tmp_path / 'program.py').write_text(canary)")

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("before", range(6))
@pytest.mark.parametrize("after", range(4))
def test_base64_is_looked_into(before: int, after: int) -> None:
    """A canary is found in base64 wherever it begins and whatever follows it."""
    encoded = base64.urlsafe_b64encode(b"{" * before + canary.plant().encode() + b"}" * after).rstrip(b"=")

    assert "a canary value in base64" in canary.search(encoded)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("xyz8Q~" + "a" * 43, "a client secret"),
        ("eyJ0eXAiOiJKV1QifQ.eyJhdWQiOiJodHRwczovLyJ9.c2ln", "a token"),
        (canary.MARK.encode().hex().upper(), "a canary value in hexadecimal"),
    ],
)
def test_secrets_are_known_by_their_shape(text: str, kind: str) -> None:
    """Client secrets and tokens are found without anybody having said that they are there."""
    assert canary.search(f"before {text} after".encode()) == [kind]


def test_a_short_secret_is_not_remembered() -> None:
    """What is too short to mean anything cannot be searched for, and says so."""
    with pytest.raises(ValueError, match="everywhere"):
        canary.remember("short")
