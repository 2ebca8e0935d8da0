"""`strongroom apply` and `strongroom export` as an operator runs them, on a service of its own."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from strongroom.cli.outcome import Exit
from tests.cli.operators import Operator
from tests.live import Service
from tests.plugins.canary import remember

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "seed"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service of its own: what is on it is exactly what the files say."""
    with Service(tmp_path_factory.mktemp("apply") / "data") as service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        yield service


@pytest.fixture
def operator(live: Service, tmp_path: Path) -> Operator:
    """Be the first application, as a CI job is."""
    return Operator.of_environment(live, tmp_path / "config")


def write(path: Path, document: object) -> str:
    """Write a file."""
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return str(path)


def in_vault(live: Service, **members: Any) -> dict[str, Any]:
    """Make a file about the first vault."""
    vault = {"name": live.first["vaultName"], **members}
    return {"version": 1, "resourceGroups": [{"name": "default", "location": "local", "vaults": [vault]}]}


def test_the_example_as_the_readme_says_it(operator: Operator, tmp_path: Path) -> None:
    """The example's own lines work: a plan, the whole, nothing the second time, and an export that changes nothing."""
    shutil.copytree(EXAMPLE, tmp_path / "seed")
    key = secrets.token_hex(12)
    remember(key)
    operator.environment["SHOP_API_KEY"] = key
    file, made = str(tmp_path / "seed" / "shop.yaml"), tmp_path / "new-credentials.jsonl"
    common = (file, "--credentials", str(made))

    shown = operator.run("apply", *common, "--dry-run", "--detailed-exitcode")
    assert shown.returncode == Exit.WOULD_CHANGE
    assert "+ vault shop-vault\n" in shown.stdout
    assert "+ secret shop-vault/payment-api-key\n    expires: 2030-01-01T00:00:00Z\n    value: set\n" in shown.stdout
    assert shown.stdout.endswith("33 to create; 0 as wanted\n")
    assert not made.exists()

    told = operator.run("apply", *common, "--yes")
    assert told.returncode == Exit.OK, told.stdout + told.stderr
    assert "created  secret shop-vault/payment-api-key\n" in told.stdout
    assert f"new credentials are in {made}" in told.stderr
    assert made.stat().st_mode & 0o777 == 0o600
    for line in made.read_text(encoding="utf-8").splitlines():
        remember(json.loads(line)["password"])

    # As the command says: it is kept elsewhere, and the file goes.
    made.unlink()

    again = operator.run("apply", *common, "--yes", "--dry-run", "--detailed-exitcode")
    assert (again.returncode, again.stdout) == (Exit.OK, "nothing to do; 33 as wanted\n")
    assert operator.done("apply", *common) == "nothing to do; 33 as wanted\n"

    # The archive goes by access policies, and the operator has none there: its secrets are left out, and that is said.
    exported = tmp_path / "instance.yaml"
    left_out = operator.fails(Exit.REFUSED, "export", "--output", str(exported))
    assert "left out: the secrets of vault shop-archive: " in left_out
    assert exported.stat().st_mode & 0o777 == 0o600
    assert key not in exported.read_text(encoding="utf-8")
    assert operator.done("apply", str(exported)).startswith("nothing to do; ")
    everything = operator.json("apply", str(exported))
    assert (everything["steps"], everything["impossible"]) == ([], [])


def test_asking(operator: Operator, tmp_path: Path) -> None:
    """At a terminal it asks; where nobody can be asked it does nothing unless it is told to."""
    file = write(tmp_path / "file.yaml", {"version": 1, "groups": [{"displayName": "Asked"}]})
    assert "say --yes to apply it, or --dry-run" in operator.fails(Exit.USAGE, "apply", file)
    code, screen = operator.at_terminal("apply", file, types={"Apply this? [y/N]": "n"})
    assert (code, "nothing was changed" in screen) == (Exit.FAILED, True)
    code, screen = operator.at_terminal("apply", file, types={"Apply this? [y/N]": "y"})
    assert code == Exit.OK
    assert "created  group Asked" in screen
    assert operator.done("apply", file) == "nothing to do; 1 as wanted\n"


def test_what_changed_while_it_was_asked(operator: Operator, tmp_path: Path) -> None:
    """What was agreed to is done, and nothing else: whoever changes something meanwhile is not overrun."""
    file = write(tmp_path / "file.yaml", {"version": 1, "groups": [{"displayName": "Meanwhile"}]})
    other = write(tmp_path / "other.yaml", {"version": 1, "groups": [{"displayName": "Meanwhile"}]})

    def meanwhile() -> str:
        operator.done("apply", other, "--yes")
        return "y"

    code, screen = operator.at_terminal("apply", file, types={"Apply this? [y/N]": meanwhile})
    assert (code, "something changed in the meantime, and nothing was done" in screen) == (Exit.FAILED, True)
    write(tmp_path / "file.yaml", {"version": 1, "groups": [{"displayName": "As JSON"}]})
    code, screen = operator.at_terminal("apply", file, "--json", types={"Apply this? [y/N]": "y"})
    assert (code, "+ group As JSON" in screen.partition("Apply this?")[0]) == (Exit.OK, True)


def test_changes_are_told(operator: Operator, live: Service, tmp_path: Path) -> None:
    """A change says what was and what will be; `--json` says the same to programs."""
    file = write(tmp_path / "file.yaml", in_vault(live, tags={"team": "shop"}))
    operator.done("apply", file, "--yes")
    write(tmp_path / "file.yaml", in_vault(live, tags={"team": "ops"}))
    name = live.first["vaultName"]
    shown = operator.done("apply", file, "--dry-run")
    assert shown == f"~ vault {name}\n    tags: team=shop -> team=ops\n1 to change; 1 as wanted\n"
    told = operator.json("apply", file, "--yes")
    (step,) = told["steps"]
    line = Path(file).read_text(encoding="utf-8").splitlines().index(f"  - name: {name}") + 1
    assert step == {
        "line": line,
        "action": "change",
        "kind": "vault",
        "name": name,
        "status": "done",
        "changes": [{"member": "tags", "old": {"team": "shop"}, "new": {"team": "ops"}}],
    }


def test_prune(operator: Operator, tmp_path: Path) -> None:
    """What a list no longer names goes with `--prune` alone."""
    both = [{"displayName": "Kept"}, {"displayName": "Gone"}]
    file = write(tmp_path / "file.yaml", {"version": 1, "groups": both})
    operator.done("apply", file, "--yes")
    listed = json.loads(operator.run("export", "--json").stdout)["groups"]
    kept = [{"displayName": one["displayName"]} for one in listed if one["displayName"] != "Gone"]
    write(tmp_path / "file.yaml", {"version": 1, "groups": kept})
    assert operator.done("apply", file).startswith("nothing to do")
    assert "- group Gone\n" in operator.done("apply", file, "--prune", "--dry-run")
    assert "deleted  group Gone\n" in operator.done("apply", file, "--prune", "--yes")


def test_files_that_are_not_valid(operator: Operator, live: Service, tmp_path: Path) -> None:
    """A fault ends with 2, its line and what is expected; nothing was asked for or changed."""
    path = tmp_path / "file.yaml"
    path.write_text("version: 1\ngroups:\n  - displayname: Lower\n", encoding="utf-8")
    told = operator.fails(Exit.USAGE, "apply", str(path), "--yes")
    assert f"{path} is not valid, and nothing was changed:\n  line 3: groups[0]: displayname is not known here" in told
    assert "  line 3: groups[0]: displayName must be said\n" in told
    assert "cannot be read" in operator.fails(Exit.USAGE, "apply", str(tmp_path / "missing.yaml"))
    new = {"version": 1, "users": [{"userPrincipalName": "new@strongroom.localhost", "password": {"generate": {}}}]}
    assert "say --credentials FILE" in operator.fails(Exit.USAGE, "apply", write(path, new), "--yes")
    unset = in_vault(live, secrets=[{"name": "unset", "value": {"env": "NOT_SET_ANYWHERE"}}])
    told = operator.fails(Exit.USAGE, "apply", write(path, unset), "--yes")
    assert "line 9: the environment variable NOT_SET_ANYWHERE is not set" in told


def test_a_value_in_the_file_itself(operator: Operator, live: Service, tmp_path: Path) -> None:
    """It is refused without its own option, taken with it and a warning, and shown in neither case."""
    value = secrets.token_hex(12)
    remember(value)
    file = write(tmp_path / "file.yaml", in_vault(live, secrets=[{"name": "inline", "value": {"literal": value}}]))
    refused = operator.fails(Exit.USAGE, "apply", file, "--yes")
    assert "the value of a secret stands in the file itself" in refused
    taken = operator.run("apply", file, "--yes", "--allow-literals")
    assert taken.returncode == Exit.OK
    assert "WARNING: " in taken.stderr
    assert operator.done("apply", file, "--allow-literals").startswith("nothing to do")


def test_values_are_exported_to_a_file_alone(operator: Operator, live: Service, tmp_path: Path) -> None:
    """Values leave only when they are asked for, and only into a file of mode 0600; such a file can be applied."""
    value = secrets.token_hex(12)
    remember(value)
    operator.environment["V"] = value
    file = write(tmp_path / "file.yaml", in_vault(live, secrets=[{"name": "exported", "value": {"env": "V"}}]))
    operator.done("apply", file, "--yes")
    assert "say --output FILE" in operator.fails(Exit.USAGE, "export", "--values")
    path = tmp_path / "values.yaml"
    path.write_text("old")
    path.chmod(0o644)
    operator.run("export", "--values", "--output", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert "VALUES OF SECRETS ARE IN IT" in path.read_text(encoding="utf-8").splitlines()[0]
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    vaults = [one for group in document["resourceGroups"] for one in group.get("vaults", ())]
    found = {s["name"]: s["value"] for one in vaults for s in one.get("secrets", ())}
    for one in found.values():
        remember(one["literal"])
    assert found["exported"] == {"literal": value}
    assert operator.done("apply", str(path), "--allow-literals").startswith("nothing to do")
    path.unlink()


def test_a_part_that_fails(operator: Operator, tmp_path: Path) -> None:
    """What was done, what failed and why, and what was not tried are told; the exit code is 1, and then it goes on."""
    file = tmp_path / "file.yaml"

    def document(action: str) -> dict[str, Any]:
        role = {"name": "Partial role", "actions": [action]}
        assignment = {"principal": {"group": "Partial"}, "role": "Partial role", "scope": {"subscription": True}}
        return {
            "version": 1,
            "groups": [{"displayName": "Partial"}],
            "roleDefinitions": [role],
            "roleAssignments": [assignment],
        }

    done = operator.run("apply", write(file, document("nonsense")), "--yes")
    assert done.returncode == Exit.FAILED
    assert "created  group Partial\n" in done.stdout
    assert "FAILED   role definition Partial role (line " in done.stdout
    assert "not tried  role Partial role for group Partial at the subscription\n" in done.stdout
    assert "1 failed, 1 not tried: mend it and apply again" in done.stderr
    operator.done("apply", write(file, document("Microsoft.KeyVault/vaults/read")), "--yes")
    assert operator.done("apply", str(file)) == "nothing to do; 3 as wanted\n"


def test_another_tenant(operator: Operator, live: Service, tmp_path: Path) -> None:
    """A file that belongs to one tenant is applied to no other."""
    own = {"version": 1, "tenant": "strongroom.localhost", "subscription": live.first["subscriptionId"]}
    assert operator.done("apply", write(tmp_path / "own.yaml", own)).startswith("nothing to do")
    other = {"version": 1, "tenant": "other.example"}
    told = operator.fails(Exit.REFUSED, "apply", write(tmp_path / "other.yaml", other))
    assert "this is about the tenant other.example, and you are signed in to strongroom.localhost" in told


def test_standard_input(operator: Operator) -> None:
    """A file may come from a pipe, in JSON as well."""
    text = json.dumps({"version": 1, "groups": [{"displayName": "Piped"}]})
    assert operator.done("apply", "-", "--yes", stdin=text).endswith("created  group Piped\n")
    assert operator.done("apply", "-", stdin=text) == "nothing to do; 1 as wanted\n"
