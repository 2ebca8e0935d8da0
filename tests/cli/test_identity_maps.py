"""`strongroom identity-maps`, and what a map opens: on a service that runs, over connections that the kernel knows."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from tests.cli.in_process import run_in_process
from tests.live import Service, free_port

NAMED = "127.0.0.2"
"""A second address of this machine, in place of the one that a metadata service has."""
QUERY = {"api-version": "2018-02-01", "resource": "https://vault.azure.net"}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service with a listener on a named address as well."""
    service = Service(tmp_path_factory.mktemp("mapped") / "data")
    settings = service.data / "config.toml"
    named = f'metadata_address = "{NAMED}"\nmetadata_port = {free_port()}\n'
    settings.write_text(named + settings.read_text())
    with service:
        yield service


def command(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the service's data directory."""
    return run_in_process("identity-maps", *words, "--data", str(service.data))


def origin(service: Service, name: str = "managedIdentity") -> str:
    """Say where the endpoint is, by what run.json says."""
    facts = json.loads((service.data / "run.json").read_text())
    place: str = facts[name]
    return place


def ask(place: str) -> httpx.Response:
    """Ask as a program of this user, in IMDS's form."""
    url = f"{place}/metadata/identity/oauth2/token"
    return httpx.get(url, params=QUERY, headers={"Metadata": "true"}, trust_env=False, timeout=30)


@pytest.mark.parametrize("name", ["managedIdentity", "metadata"])
def test_this_user_is_known_to_the_kernel(live: Service, name: str) -> None:
    """SEC-TOKEN-17, SEC-TOKEN-20: a program gets a token because of its user, on loopback and on the named address."""
    assert ask(origin(live, name)).json()["error_description"] == "Identity not found"
    added = command(live, "add", "default", "--user", str(os.geteuid()), "--json")
    assert added.returncode == 0, added.stderr
    (made,) = json.loads(added.stdout)
    answer = ask(origin(live, name))
    assert answer.status_code == 200, answer.text
    removed = command(live, "remove", made["id"])
    assert removed.returncode == 0, removed.stderr
    assert ask(origin(live, name)).status_code == 400


@pytest.mark.parametrize("who", [("--user", str(os.geteuid() + 1)), ("--network", "10.0.0.0/8")])
def test_another_users_map_is_not_this_ones(live: Service, who: tuple[str, str]) -> None:
    """SEC-TOKEN-20: a map of somebody else opens nothing to this user."""
    (made,) = json.loads(command(live, "add", "default", *who, "--json").stdout)
    try:
        assert ask(origin(live)).json()["error_description"] == "Identity not found"
    finally:
        assert command(live, "remove", made["id"]).returncode == 0


def test_maps_are_listed_for_people(live: Service) -> None:
    """A line for each map, with who and which identity."""
    (made,) = json.loads(command(live, "add", "default", "--user", "root", "--json").stdout)
    lines = command(live, "list").stdout.splitlines()
    command(live, "remove", made["id"])
    assert lines[0].split() == ["id", "who", "identity"]
    assert "user root (0)" in lines[1]
    assert lines[1].endswith("/userAssignedIdentities/default")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("add", "default"), 2, "--user or --network"),
        (("add", "default", "--user", "1", "--network", "10.0.0.0/8"), 2, "--user or --network"),
        (("add", "default", "--user", "no-such-user-here"), 1, "there is no user"),
        (("add", "default", "--network", "0.0.0.0/0"), 1, "everybody"),
        (("add", "nobody", "--user", "1"), 1, "There is: default"),
        (("remove", "no-such-map"), 1, "no such identity map"),
    ],
)
def test_what_cannot_be_mapped_is_said(live: Service, words: tuple[str, ...], code: int, said: str) -> None:
    """A wrong map is refused with the reason, and nothing is mapped."""
    result = command(live, *words)
    assert (result.returncode, said in result.stderr) == (code, True), result.stderr
    assert json.loads(command(live, "list", "--json").stdout) == []
