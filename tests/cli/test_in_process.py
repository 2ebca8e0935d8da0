"""A command inside the process of the tests ends as one that is a process of its own: one of each group, both ways."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from tests.cli.operators import Operator
from tests.live import Service
from tests.plugins.canary import remember

VAULT = "(the first vault)"
GROUPS = [
    ("account", "subscriptions"),
    ("access-policies", "list", VAULT),
    ("app", "list"),
    ("apply", "-", "--dry-run", "--detailed-exitcode"),
    ("audit", "list", "--json"),
    ("audit-sinks", "list"),
    ("doctor", "--data", "/nowhere/at/all"),
    ("endpoint-listeners", "list"),
    ("event-subscription", "list", VAULT),
    ("explain", "--request", "none"),
    ("export",),
    ("group", "list"),
    ("identity", "list", "--json"),
    ("identity-maps", "list"),
    ("identity-provider", "list"),
    ("import", "dotenv", "/nowhere/.env", "--vault", VAULT),
    ("issuers", "list", "--json"),
    ("key", "show", VAULT, "none"),
    ("network-maps", "list"),
    ("network-rule", "list", VAULT),
    ("policy", "check"),
    ("resource-group", "list"),
    ("role", "assignment", "list"),
    ("secret", "show", VAULT, "none"),
    ("send", "json", "/nowhere/file", "--vault", VAULT),
    ("sign-in",),
    ("signing-keys", "list"),
    ("sp", "show", "none"),
    ("subscription", "show"),
    ("tenants", "list"),
    ("trusted-services", "list"),
    ("user", "list", "--name", "none", "--unheard"),
    ("vault", "list", "--help"),
    ("who-can", "--operation", "SecretGet", "--vault", VAULT),
]
FILE = '{"version": 1, "groups": [{"displayName": "Gru\\u00dfk\\u00f6nige"}]}'


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Run a service, and be its first application."""
    folder = tmp_path_factory.mktemp("both")
    with Service(folder / "data") as service:
        remember(service.first["clientSecret"])
        yield Operator.of_environment(service, folder / "config")


@pytest.mark.parametrize("words", GROUPS, ids=lambda words: words[0])
def test_both_ways_end_alike(operator: Operator, words: tuple[str, ...]) -> None:
    """With the same exit code and the same words on either stream; and this process is as it was."""
    words = tuple(operator.service.first["vaultName"] if word == VAULT else word for word in words)
    before = dict(os.environ), (sys.stdin, sys.stdout, sys.stderr)
    inside = operator.run(*words, stdin=FILE)
    assert (dict(os.environ), (sys.stdin, sys.stdout, sys.stderr)) == before
    outside = operator.process(*words, stdin=FILE)
    assert (inside.returncode, inside.stdout, inside.stderr) == (outside.returncode, outside.stdout, outside.stderr)
