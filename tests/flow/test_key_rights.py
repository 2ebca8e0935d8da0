"""
Who may do what with keys: the built-in roles and the words of access policies, as tables.

Reference azure-key-vault.md sections 3.2 to 3.4. What is asked for is not there, so whoever has the right is told that.
"""

from __future__ import annotations

import secrets as chance

import pytest

from strongroom.core import builtin_roles as roles
from strongroom.core.access_policy import PERMISSIONS
from strongroom.core.vaults import AccessPolicy
from strongroom.flow.operation import Op
from strongroom.vault.key_operations import KEY_ROWS
from tests.flow.cases import CASES, VERSION
from tests.world import Simulation

pytestmark = pytest.mark.usefixtures("restored")

ROWS = {op.name for op in KEY_ROWS}

READ = {
    "KeyGet",
    "KeyAttestationGet",
    "KeyList",
    "KeyListVersions",
    "KeyListDeleted",
    "KeyGetDeleted",
    "RandomBytesGet",
}
USE = {"KeyEncrypt", "KeyDecrypt", "KeySign", "KeyVerify", "KeyWrap", "KeyUnwrap"}
LIFE = {"KeyCreate", "KeyImport", "KeyUpdate", "KeyDelete", "KeyRecover", "KeyPurge", "KeyBackup", "KeyRestore"}
ROTATION = {"KeyRotate", "KeyRotationPolicyGet", "KeyRotationPolicySet"}
EVERYTHING = ROWS

BY_ROLE: dict[str, tuple[str, set[str]]] = {
    "Administrator": (roles.KEY_VAULT_ADMINISTRATOR, EVERYTHING),
    "Crypto Officer": (roles.KEY_VAULT_CRYPTO_OFFICER, EVERYTHING),
    "Crypto User": (roles.KEY_VAULT_CRYPTO_USER, READ | USE | {"KeyUpdate", "KeyBackup"}),
    "Crypto Service Encryption User": (
        roles.KEY_VAULT_CRYPTO_SERVICE_ENCRYPTION_USER,
        READ | {"KeyWrap", "KeyUnwrap"},
    ),
    "Crypto Service Release User": (roles.KEY_VAULT_CRYPTO_SERVICE_RELEASE_USER, {"KeyRelease"}),
    "Reader": (roles.KEY_VAULT_READER, READ | {"KeyRotationPolicyGet"}),
    "Certificate User": (roles.KEY_VAULT_CERTIFICATE_USER, READ),
    "Certificates Officer": (roles.KEY_VAULT_CERTIFICATES_OFFICER, set()),
    "Secrets Officer": (roles.KEY_VAULT_SECRETS_OFFICER, set()),
    "Secrets User": (roles.KEY_VAULT_SECRETS_USER, set()),
    "Contributor of vaults": (roles.KEY_VAULT_CONTRIBUTOR, set()),
    "Purge Operator": (roles.KEY_VAULT_PURGE_OPERATOR, set()),
    "Data Access Administrator": (roles.KEY_VAULT_DATA_ACCESS_ADMINISTRATOR, set()),
    "Owner": (roles.OWNER, set()),
    "Contributor": (roles.CONTRIBUTOR, set()),
}

BY_WORD: dict[str, set[str]] = {
    "get": {"KeyGet", "KeyAttestationGet", "KeyGetDeleted", "RandomBytesGet"},
    "list": {"KeyList", "KeyListVersions", "KeyListDeleted"},
    "update": {"KeyUpdate"},
    "create": {"KeyCreate"},
    "import": {"KeyImport"},
    "delete": {"KeyDelete"},
    "recover": {"KeyRecover"},
    "backup": {"KeyBackup"},
    "restore": {"KeyRestore"},
    "decrypt": {"KeyDecrypt"},
    "encrypt": {"KeyEncrypt"},
    "unwrapKey": {"KeyUnwrap"},
    "wrapKey": {"KeyWrap"},
    "verify": {"KeyVerify"},
    "sign": {"KeySign"},
    "purge": {"KeyPurge"},
    "release": {"KeyRelease"},
    "rotate": {"KeyRotate"},
    "getrotationpolicy": {"KeyRotationPolicyGet"},
    "setrotationpolicy": {"KeyRotationPolicySet"},
    "all": EVERYTHING,
}


def let_in(world: Simulation, op: Op, token: str, refusal: str) -> bool:
    """Ask for an operation on a key that is not there, and tell whether its right was there."""
    case = CASES[op.name]
    url = f"{world.vault_url}{case.path.format(name=f's-{chance.token_hex(6)}')}?api-version={VERSION}"
    answer = world.ask(op.method, url, token=token, body=case.unprepared())
    if answer.status != 403:
        found = case.makes or "{name}" not in op.path or op.name == "KeyListVersions"
        assert answer.status in {200 if found else 404, 400}, answer.body
        return True
    assert answer.error["innererror"] == {"code": refusal}
    return False


@pytest.mark.parametrize("role", BY_ROLE)
def test_what_a_role_lets_do(world: Simulation, role: str) -> None:
    """A built-in role lets its bearer do exactly what Azure's does, and an owner's owns no key."""
    id_, allowed = BY_ROLE[role]
    who = world.principal()
    world.grant(who.oid, id_, world.vault.scope)
    token = world.token(who)
    assert {op.name for op in KEY_ROWS if let_in(world, op, token, "ForbiddenByRbac")} == allowed & ROWS


@pytest.mark.parametrize("word", BY_WORD)
def test_what_a_word_lets_do(world: Simulation, word: str) -> None:
    """A word in an access policy lets do what it says and nothing else; it is of no use where roles decide."""
    who = world.principal()
    policy = AccessPolicy(world.first.tenant_id, who.oid, keys=(word.lower(),))
    world.set_vault(rbac=False, access_policies=(policy,))
    token = world.token(who)
    assert {op.name for op in KEY_ROWS if let_in(world, op, token, "ForbiddenByPolicy")} == BY_WORD[word] & ROWS
    world.set_vault(rbac=True)
    assert not any(let_in(world, op, token, "ForbiddenByRbac") for op in KEY_ROWS)


def test_the_tables_are_whole() -> None:
    """Every word that a policy may have is here, and every operation has a word and a role."""
    assert set(BY_WORD) == {*PERMISSIONS["keys"], "all"}
    assert set().union(*(operations for word, operations in BY_WORD.items() if word != "all")) >= ROWS
    assert READ | USE | LIFE | ROTATION | {"KeyRelease"} >= ROWS


def test_words_for_secrets_are_of_no_use(world: Simulation) -> None:
    """What a policy gives for secrets and certificates opens no key."""
    who = world.principal()
    every = ("all",)
    policy = AccessPolicy(world.first.tenant_id, who.oid, secrets=every, certificates=every, storage=every)
    world.set_vault(rbac=False, access_policies=(policy,))
    token = world.token(who)
    assert not any(let_in(world, op, token, "ForbiddenByPolicy") for op in KEY_ROWS)
