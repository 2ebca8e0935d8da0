"""`strongroom key`, as an operator types it at a real service: used from files, and no private part comes out."""

from __future__ import annotations

import base64
import json
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.operators import Operator, first_application
from tests.plugins.canary import remember


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Run a service of these tests' own, since they say what is in the whole vault."""
    with first_application(tmp_path_factory.mktemp("keys")) as found:
        yield found


@pytest.fixture(scope="module")
def vault(operator: Operator) -> str:
    """Name the first vault."""
    return operator.service.first["vaultName"]


def openssl(*words: str, stdin: bytes = b"") -> bytes:
    """Run openssl."""
    return subprocess.run(["openssl", *words], check=True, capture_output=True, input=stdin).stdout


def version_of(bundle: dict[str, dict[str, str]]) -> str:
    """Give the version of a bundle."""
    return bundle["key"]["kid"].rpartition("/")[2]


def test_a_keys_life(operator: Operator, vault: str) -> None:
    """Made twice, listed, shown, changed, deleted, recovered, deleted and purged."""
    made = operator.json("key", "create", vault, "life", "--type", "EC", "--operation", "sign", "--tag", "a=b")
    assert (made["key"]["kty"], made["key"]["key_ops"], made["tags"]) == ("EC", ["sign"], {"a": "b"})
    again = operator.json("key", "create", vault, "life", "--type", "EC", "--curve", "P-384")
    kids = {one["kid"] for one in operator.json("key", "versions", vault, "life")}
    assert kids == {made["key"]["kid"], again["key"]["kid"]}
    assert operator.json("key", "show", vault, "life", version_of(made)) == made
    shown = operator.done("key", "show", vault, "life")
    assert "P-384" in shown
    changed = operator.json("key", "update", vault, "life", "--disabled", "--expires", "2040-01-01", "--tag", "c=d")
    assert (changed["attributes"]["enabled"], changed["attributes"]["exp"], changed["tags"]) == (
        False, 2208988800, {"c": "d"},
    )  # fmt: skip
    assert "life" in operator.done("key", "list", vault)
    assert "add --yes" in operator.fails(2, "key", "delete", vault, "life")
    assert f"strongroom key recover {vault} life" in operator.run("key", "delete", vault, "life", "--yes").stderr
    assert "there is no key called life" in operator.fails(1, "key", "show", vault, "life")
    assert [one["kid"].rpartition("/")[2] for one in operator.json("key", "list-deleted", vault)] == ["life"]
    assert f"strongroom key recover {vault} life" in operator.fails(1, "key", "create", vault, "life", "--type", "EC")
    operator.done("key", "recover", vault, "life")
    operator.done("key", "delete", vault, "life", "--yes")
    operator.done("key", "purge", vault, "life", "--yes")
    assert operator.json("key", "list-deleted", vault) == []
    assert "say what is to be changed" in operator.fails(2, "key", "update", vault, "life")


def test_rotation(operator: Operator, vault: str) -> None:
    """A new version on request; and a policy, which is said whole."""
    first = operator.json("key", "create", vault, "turning", "--type", "EC")
    second = operator.json("key", "rotate", vault, "turning")
    assert second["key"]["kid"] != first["key"]["kid"]
    operator.done(
        "key", "rotation-policy", "set", vault, "turning", "--rotate-after", "P90D", "--expires-after", "P1Y",
    )  # fmt: skip
    told = operator.done("key", "rotation-policy", "show", vault, "turning").split("\n")
    assert [line.split()[-1] for line in told if line] == ["P90D", "P30D", "P1Y"]
    policy = operator.json("key", "rotation-policy", "set", vault, "turning", "--notify-before-expiry", "P7D")
    assert [one["action"]["type"] for one in policy["lifetimeActions"]] == ["Notify"]
    assert "BadParameter" in operator.fails(1, "key", "rotation-policy", "set", vault, "turning", "--rotate-after", "1")


@pytest.mark.toolchain("openssl")
def test_sign_and_verify(operator: Operator, vault: str, tmp_path: Path) -> None:
    """A file is signed, and openssl believes it with the public part that was downloaded."""
    operator.done("key", "create", vault, "signing", "--type", "RSA")
    content, signature, public = (tmp_path / name for name in ("content", "signature", "public.pem"))
    content.write_bytes(b"what is signed")
    use = (vault, "signing", "--algorithm", "RS256", "--file", str(content))
    operator.done("key", "sign", *use, "--raw", "--output", str(signature))
    operator.done("key", "download", vault, "signing", "--output", str(public))
    assert b"OK" in openssl("dgst", "-sha256", "-verify", str(public), "-signature", str(signature), str(content))
    operator.done("key", "verify", *use, "--raw", "--signature", str(signature))
    text = operator.done("key", "sign", *use)
    operator.done("key", "verify", *use, "--signature", "-", stdin=text)
    content.write_bytes(b"something else")
    assert "is not valid" in operator.fails(1, "key", "verify", *use, "--signature", "-", stdin=text)
    assert "is there already" in operator.fails(1, "key", "sign", *use, "--output", str(signature))
    assert "there are RS256" in operator.fails(2, "key", "sign", vault, "signing", "--algorithm", "RSA-OAEP", stdin="x")
    digest = base64.b64decode("l2QnpVTQqgAIWHfDXVJa/NlHoYvhgd4WR3kmV8JBQV0=")
    (tmp_path / "digest").write_bytes(digest)
    by_digest = (vault, "signing", "--algorithm", "RS256", "--digest", "--file", str(tmp_path / "digest"))
    operator.done("key", "verify", *by_digest, "--signature", "-", stdin=operator.done("key", "sign", *by_digest))
    web_key = operator.json("key", "download", vault, "signing")
    assert (web_key["kty"], "d" in web_key) == ("RSA", False)


def test_encrypt_and_decrypt(operator: Operator, vault: str, tmp_path: Path, canary: str) -> None:
    """What was encrypted comes back through a pipe or into a file of its owner alone, and to no terminal."""
    use = (vault, "signing", "--algorithm", "RSA-OAEP-256")
    operator.json("key", "create", vault, "signing", "--type", "RSA")
    sealed = operator.done("key", "encrypt", *use, stdin=canary)
    assert canary not in sealed
    assert operator.done("key", "decrypt", *use, stdin=sealed) == canary
    wrapped, opened = tmp_path / "wrapped", tmp_path / "opened"
    operator.done("key", "wrap", *use, "--raw", "--output", str(wrapped), stdin=canary)
    operator.done("key", "unwrap", *use, "--raw", "--file", str(wrapped), "--output", str(opened))
    assert (opened.read_text(), stat.S_IMODE(opened.stat().st_mode)) == (canary, 0o600)
    code, shown = operator.at_terminal("key", "decrypt", *use, "--file", str(wrapped), "--raw", types={})
    assert (code, canary in shown, "--output names a file" in shown) == (2, False, True)
    assert "no base64url" in operator.fails(2, "key", "decrypt", *use, stdin="*")
    operator.done("key", "create", vault, "aes", "--type", "oct", "--size", "256")
    told = operator.json("key", "encrypt", vault, "aes", "--algorithm", "A256GCM", stdin=canary)
    parts = ("--iv", told["iv"], "--auth-tag", told["tag"])
    assert (
        operator.done("key", "decrypt", vault, "aes", "--algorithm", "A256GCM", *parts, stdin=told["value"]) == canary
    )
    # One in 64 texts in base64url begins with a hyphen, and is no option for that.
    others = ("--iv", "-" + told["iv"][1:], "--auth-tag", "-" + told["tag"][1:])
    operator.fails(1, "key", "decrypt", vault, "aes", "--algorithm", "A256GCM", *others, stdin=told["value"])


@pytest.mark.toolchain("openssl")
def test_import(operator: Operator, vault: str, tmp_path: Path) -> None:
    """A private key from PEM or a JSON Web Key goes in; its public part is what comes out."""
    file, web_key = tmp_path / "private.pem", tmp_path / "private.json"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(file))
    remember(file.read_text())
    operator.done("key", "import", vault, "brought", "--file", str(file), "--operation", "sign")
    assert operator.done("key", "download", vault, "brought").encode() == openssl("pkey", "-in", str(file), "-pubout")
    octets = base64.urlsafe_b64encode(bytes(range(32))).rstrip(b"=").decode()
    remember(octets)
    web_key.write_text(json.dumps({"kty": "oct", "k": octets, "use": "enc"}))
    made = operator.json("key", "import", vault, "octets", "--file", str(web_key))
    assert (made["key"]["kty"], "k" in made["key"]) == ("oct", False)
    assert "no public part" in operator.fails(1, "key", "download", vault, "octets")
    locked = openssl("pkey", "-in", str(file), "-aes256", "-passout", "pass:x").decode()
    assert "is encrypted" in operator.fails(1, "key", "import", vault, "locked", "--file", "-", stdin=locked)
    assert "no private key" in operator.fails(1, "key", "import", vault, "none", "--file", "-", stdin="none")
    ed25519 = openssl("genpkey", "-algorithm", "ed25519").decode()
    assert "another kind" in operator.fails(1, "key", "import", vault, "none", "--file", "-", stdin=ed25519)


def test_backup_and_restore(operator: Operator, vault: str, tmp_path: Path) -> None:
    """All versions into a file of its owner alone, which nothing overwrites, and out of it again."""
    made = operator.json("key", "create", vault, "backed", "--type", "EC")
    file = tmp_path / "backup"
    operator.done("key", "backup", vault, "backed", "--file", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "is there already" in operator.fails(1, "key", "backup", vault, "backed", "--file", str(file))
    operator.done("key", "delete", vault, "backed", "--yes")
    operator.done("key", "purge", vault, "backed", "--yes")
    assert operator.json("key", "restore", vault, "--file", str(file))["key"]["kid"] == made["key"]["kid"]
