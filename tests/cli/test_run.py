"""`strongroom run` as a user starts it, against a fake service on a real control socket."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.fake_service import CLIENT_SECRET, IDENTITY_HEADER, VAULT, FakeService

SHOW = "import json, os; print(json.dumps(dict(os.environ)))"
WAIT = """
import pathlib, signal, sys, time
signal.signal(signal.{name}, lambda *_: sys.exit({code}))
pathlib.Path({ready!r}).touch()
time.sleep(60)
"""


def command(data: Path, program: Sequence[str], *options: str) -> list[str]:
    """Write the command line of a run."""
    return [sys.executable, "-m", "strongroom", "run", "--data", str(data), *options, "--", *program]


def run(
    data: Path, program: Sequence[str], *options: str, environment: dict[str, str] | None = None, text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        command(data, program, *options),
        env={**os.environ, **(environment or {})},
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def python(code: str) -> list[str]:
    """Write the command line of a little program."""
    return [sys.executable, "-c", code]


def wait_for(path: Path) -> None:
    """Wait until a program says that it is ready."""
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, "the program did not begin"
        time.sleep(0.02)


# ---- the program ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_the_programs_exit_code_is_ours(service: FakeService, code: int) -> None:
    """A script around `run` sees what the program said, and the credential is revoked whatever that was."""
    assert run(service.data, python(f"raise SystemExit({code})")).returncode == code
    assert service.ended == ["run-1"]


def test_a_program_killed_by_a_signal_is_told_as_a_shell_does(service: FakeService) -> None:
    """128 and the signal's number, and the credential is revoked: SEC-BOOT-6."""
    killed = run(service.data, python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    assert killed.returncode == 128 + signal.SIGKILL
    assert service.ended == ["run-1"]


def test_the_programs_streams_are_its_own(service: FakeService) -> None:
    """What goes in and out is the program's, byte for byte, and `run` adds nothing."""
    result = run(
        service.data,
        python("import sys; sys.stdout.write(sys.stdin.read().upper()); sys.stderr.write('aside')"),
        text="words",
    )
    assert (result.stdout, result.stderr) == ("WORDS", "aside")


def test_the_programs_words_are_its_own(service: FakeService) -> None:
    """Options after the two dashes are not read here."""
    words = ["--data", "x", "--", "--help", "-f", "a b", ""]
    result = run(service.data, [*python("import sys; print(sys.argv[1:])"), *words])
    assert result.stdout.strip() == str(words)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1"])
def test_signals_reach_the_program(service: FakeService, tmp_path: Path, name: str) -> None:
    """What is sent to `run` alone is passed on, and the program decides what it means."""
    ready = tmp_path / "ready"
    with subprocess.Popen(command(service.data, python(WAIT.format(name=name, code=7, ready=str(ready))))) as process:
        wait_for(ready)
        process.send_signal(getattr(signal, name))
        assert process.wait(30) == 7
    assert service.ended == ["run-1"]


def test_an_interrupt_of_the_terminal_is_the_programs_to_judge(service: FakeService, tmp_path: Path) -> None:
    """Control-C reaches the whole group; `run` waits for what the program makes of it."""
    ready = tmp_path / "ready"
    line = command(service.data, python(WAIT.format(name="SIGINT", code=9, ready=str(ready))))
    with subprocess.Popen(line, start_new_session=True) as process:
        wait_for(ready)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 9
    assert service.ended == ["run-1"]


# ---- what it is given -----------------------------------------------------------------------------------------------


def test_the_credential_is_asked_for_as_the_options_say(service: FakeService) -> None:
    """`--identity` and `--service-principal` reach the service; by default there is neither: SEC-BOOT-5."""
    plain = json.loads(run(service.data, python(SHOW)).stdout)
    asked = json.loads(run(service.data, python(SHOW), "--identity", "reader", "--service-principal").stdout)
    assert service.runs == [
        {"identity": None, "servicePrincipal": False},
        {"identity": "reader", "servicePrincipal": True},
    ]
    assert plain["IDENTITY_HEADER"] == asked["IDENTITY_HEADER"] == IDENTITY_HEADER
    assert "AZURE_CLIENT_SECRET" not in plain
    assert asked["AZURE_CLIENT_SECRET"] == CLIENT_SECRET


def test_the_shells_azure_does_not_leak_in(service: FakeService) -> None:
    """The shell's own credential is not there for the program to send to us: SEC-NAME-8."""
    shell = {"AZURE_CLIENT_SECRET": "real", "IMDS_ENDPOINT": "http://real", "AZURE_CONFIG_DIR": "/real", "KEPT": "yes"}
    seen = json.loads(run(service.data, python(SHOW), environment=shell).stdout)
    assert "real" not in "".join(seen.get(name, "") for name in shell)
    assert seen["KEPT"] == "yes"


def test_az_and_azd_remember_in_the_runs_own_directory(service: FakeService) -> None:
    """Token caches are the run's, private, and gone with it: SEC-NAME-6."""
    code = """
import os, pathlib, stat
home = pathlib.Path(os.environ["AZURE_CONFIG_DIR"])
home.mkdir()
(home / "msal_token_cache.json").write_text("a token")
print(home.parent, oct(stat.S_IMODE(home.parent.stat().st_mode)))
"""
    scratch, mode = run(service.data, python(code)).stdout.split()
    assert mode == "0o700"
    assert not Path(scratch).exists()


def test_no_private_key_is_on_disk_while_the_program_runs(service: FakeService, tmp_path: Path) -> None:
    """Neither the authority's key nor the certificate's is in any file that the run makes: SEC-NAME-3."""
    code = """
import os, pathlib
scratch = pathlib.Path(os.environ["SSL_CERT_FILE"]).parent
files = [file for file in scratch.rglob("*") if file.is_file()]
assert len(files) == 5, files
print(sum(b"PRIVATE KEY" in file.read_bytes() for file in files))
"""
    assert run(service.data, python(code), environment={"TMPDIR": str(tmp_path)}).stdout == "0\n"
    assert list(tmp_path.iterdir()) == []


def test_the_authority_vouches_for_no_other_name(service: FakeService) -> None:
    """The run's authority is constrained to the served names, so even its key would be of little use: SEC-NAME-3."""
    code = """
import os
from cryptography import x509
first = x509.load_pem_x509_certificates(open(os.environ["NODE_EXTRA_CA_CERTS"], "rb").read())[0]
constraints = first.extensions.get_extension_for_class(x509.NameConstraints)
assert constraints.critical
print(*(tree.value for tree in constraints.value.permitted_subtrees))
print((first.not_valid_after_utc - first.not_valid_before_utc).total_seconds())
"""
    names, life = run(service.data, python(code)).stdout.splitlines()
    assert f"{VAULT}.vault.azure.net" in names.split()
    assert float(life) <= 86_400


# ---- its clients ----------------------------------------------------------------------------------------------------

CLIENTS = {
    "requests": "import requests, sys; print(requests.get(sys.argv[1]).text)",
    "aiohttp": """
import aiohttp, asyncio, sys
async def main():
    async with aiohttp.ClientSession(trust_env=True) as session, session.get(sys.argv[1]) as answer:
        print(await answer.text())
asyncio.run(main())
""",
    "urllib": "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())",
    "httpx": "import httpx, sys; print(httpx.get(sys.argv[1]).text)",
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("host", [f"{VAULT}.vault.azure.net", f"{VAULT}.vault.localhost:8443"])
def test_pythons_clients_find_their_way(service: FakeService, client: str, host: str) -> None:
    """Each of Python's clients reaches Azure's name and our own, verifying the certificate: clients.md section 0."""
    result = run(service.data, [*python(CLIENTS[client]), f"https://{host}/secrets?api-version=7.4"])
    assert json.loads(result.stdout)["host"] == host, result.stderr


def test_curl_finds_its_way(service: FakeService) -> None:
    """So does curl, by the same variables."""
    result = run(service.data, ["curl", "-sS", f"https://{VAULT}.vault.azure.net/secrets"])
    assert json.loads(result.stdout)["path"] == "/secrets", result.stderr


def test_an_azure_name_that_is_not_served_is_refused_with_a_reason(service: FakeService) -> None:
    """The program's error names the cause, and the user sees one line: SEC-NAME-8."""
    result = run(service.data, [*python(CLIENTS["requests"]), "https://real-vault.vault.azure.net/"])
    assert result.returncode == 1
    assert "403 Not served by Strongroom: real-vault.vault.azure.net" in result.stderr
    assert result.stderr.count("strongroom: real-vault.vault.azure.net:443 is one of Azure's names") == 1


def test_a_shells_exceptions_do_not_lead_past_the_relay(service: FakeService) -> None:
    """With NO_PROXY=* in the shell the program still finds us, and not Azure: SEC-NAME-7."""
    result = run(
        service.data,
        [*python(CLIENTS["requests"]), f"https://{VAULT}.vault.azure.net/"],
        environment={"NO_PROXY": "*", "no_proxy": "*"},
    )
    assert json.loads(result.stdout)["host"] == f"{VAULT}.vault.azure.net", result.stderr


# ---- what goes wrong ------------------------------------------------------------------------------------------------


def test_without_a_service_the_message_says_how_to_start_one(tmp_path: Path) -> None:
    """No run.json: exit 3, and the command that helps; one that would make a new instance is said to."""
    result = run(tmp_path / "its data", python(""))
    assert result.returncode == 3
    assert f"make a new one with `strongroom serve --data '{tmp_path / 'its data'}'" in result.stderr
    (tmp_path / "its data").mkdir()
    (tmp_path / "its data" / "root.key").touch()
    result = run(tmp_path / "its data", python(""))
    assert f"start it with `strongroom serve --data '{tmp_path / 'its data'}'" in result.stderr


def test_a_service_that_was_killed_is_not_running(data: Path) -> None:
    """A run.json left behind by a killed service is not taken for a service."""
    state = {"ready": True, "domain": "localhost", "port": 8443, "controlSocket": str(data / "control.sock")}
    (data / "run.json").write_text(json.dumps(state))
    result = run(data, python(""))
    assert (result.returncode, "no service runs" in result.stderr) == (3, True)


def test_a_ca_that_cannot_be_read_costs_no_credential(service: FakeService) -> None:
    """Without the certificate that the program is to trust there is no run, and the way to have it again is said."""
    (service.data / "ca.pem").unlink()
    result = run(service.data, python(""))
    assert (result.returncode, "ca.pem cannot be read" in result.stderr) == (1, True)
    assert service.runs == []


def test_a_refusal_is_the_services_own_word(service: FakeService) -> None:
    """An identity that is not there is said as the service says it."""
    service.refusal = (404, "There is no managed identity 'nobody'.")
    result = run(service.data, python(""), "--identity", "nobody")
    assert result.returncode == 1
    assert "There is no managed identity 'nobody'." in result.stderr
    assert service.ended == []


@pytest.mark.parametrize("program", ["no-such-program-anywhere", "/no/such/program"])
def test_a_program_that_is_not_there_costs_no_credential(service: FakeService, program: str) -> None:
    """127, as `env` and shells say it, before anything is made."""
    result = run(service.data, [program])
    assert result.returncode == 127
    assert service.runs == []


def test_a_program_that_may_not_be_executed(service: FakeService, tmp_path: Path) -> None:
    """126, as `env` and shells say it."""
    script = tmp_path / "script.py"
    script.write_text("print()")
    assert run(service.data, [str(script)]).returncode == 126


def test_a_program_that_cannot_be_started_ends_its_credential(service: FakeService, tmp_path: Path) -> None:
    """A file that is executable and no program is found out late; the credential is revoked all the same."""
    script = tmp_path / "script"
    script.write_bytes(b"\x7fELF, or so it says")
    script.chmod(0o755)
    assert run(service.data, [str(script)]).returncode == 126
    assert service.ended == ["run-1"]


def test_a_proxy_of_another_kind_is_said(service: FakeService) -> None:
    """A SOCKS proxy cannot be passed through; better to say so than to go past it."""
    result = run(service.data, python(""), environment={"HTTPS_PROXY": "socks5://me:secret@proxy"})
    assert result.returncode == 1
    assert "HTTPS_PROXY" in result.stderr
    assert "secret" not in result.stderr


def test_no_secret_is_said(service: FakeService, tmp_path: Path) -> None:
    """Nothing that `run` prints holds the header, the secret or the relay's password: SEC-BOOT-1."""
    result = run(
        service.data,
        [*python(CLIENTS["requests"]), "https://other.vault.azure.net/"],
        "--service-principal",
    )
    own = "".join(line for line in result.stderr.splitlines() if line.startswith("strongroom:"))
    assert own
    assert IDENTITY_HEADER not in own
    assert CLIENT_SECRET not in own
    assert not re.search(r"run:[\w-]{20,}@", own)


@pytest.mark.toolchain("javac")
def test_javas_own_client_finds_its_way(service: FakeService, tmp_path: Path) -> None:
    """A plain JDK client goes through the relay and trusts it, by JAVA_TOOL_OPTIONS alone: clients.md section 0."""
    source = tmp_path / "Get.java"
    source.write_text(
        """
        public class Get {
            public static void main(String[] arguments) throws Exception {
                var address = new java.net.URI(arguments[0]);
                var old = (java.net.HttpURLConnection) address.toURL().openConnection();
                System.out.println(new String(old.getInputStream().readAllBytes()));
                var request = java.net.http.HttpRequest.newBuilder(address).build();
                var client = java.net.http.HttpClient.newHttpClient();
                var kind = java.net.http.HttpResponse.BodyHandlers.ofString();
                System.out.println(client.send(request, kind).body());
            }
        }
        """
    )
    result = run(service.data, ["java", str(source), f"https://{VAULT}.vault.azure.net/secrets"])
    assert [json.loads(line)["path"] for line in result.stdout.splitlines()] == ["/secrets"] * 2, result.stderr


# ---- workload identity ----------------------------------------------------------------------------------------------

WATCH = """
import os, pathlib, time
path = pathlib.Path(os.environ["AZURE_FEDERATED_TOKEN_FILE"])
first, mode, deadline = path.read_text(), oct(path.stat().st_mode & 0o777), time.monotonic() + 30
while path.read_text() == first:
    assert time.monotonic() < deadline, "the file was not renewed"
    time.sleep(0.02)
print(first, mode, path)
"""


def test_the_token_file_is_renewed_while_the_program_runs(service: FakeService) -> None:
    """It is the user's alone, has a new assertion before the old one ends, and is gone with the run."""
    service.assertion_s = 2
    result = run(service.data, python(WATCH), "--endpoint", "workload-identity")
    assert result.returncode == 0, result.stderr
    first, mode, path = result.stdout.split()
    assert (first, mode) == ("assertion-1", "0o600")
    assert not Path(path).exists()


def test_other_endpoints_get_no_token_file(service: FakeService) -> None:
    """Nothing is made that was not asked for."""
    shown = json.loads(run(service.data, python(SHOW), "--endpoint", "imds").stdout)
    assert "AZURE_FEDERATED_TOKEN_FILE" not in shown
    assert service.assertions == 0


def test_an_endpoint_that_is_not_there_is_wrong_usage(service: FakeService) -> None:
    """It is said before anything is made for the run."""
    result = run(service.data, python(SHOW), "--endpoint", "service-fabric")
    assert result.returncode == 2
    assert "service-fabric" in result.stderr
    assert service.runs == []
