"""Role assignments: every rule of giving a role and taking it back."""

from dataclasses import replace

import pytest

from strongroom.core import limits
from strongroom.core.builtin_roles import KEY_VAULT_READER, OWNER
from strongroom.core.errors import Conflict, Failure, Invalid
from strongroom.core.identity import Application, PrincipalType, User
from strongroom.core.rbac import RoleAssignment, RoleDefinition
from strongroom.core.records import tenant_partition
from strongroom.resources.role_assignments import (
    Grant,
    check_description,
    parse_assignment_id,
    parse_principal_id,
    parse_role_id,
    put_role_assignment,
    remove_role_assignment,
)
from strongroom.resources.scopes import Scope, confirm, locate
from strongroom.resources.vaults import delete_vault
from strongroom.store import Transaction
from tests.unit.resources.conftest import APP, NOW, OTHER_TENANT, SUBSCRIPTION, TEAM, TENANT, USER, Place

FIRST = "d0000000-0000-4000-8000-000000000001"
SECOND = "d0000000-0000-4000-8000-000000000002"
CUSTOM = "e0000000-0000-4000-8000-000000000001"
GRANT = Grant(KEY_VAULT_READER, USER)


def give(
    place: Place, grant: Grant = GRANT, *, scope: str | None = None, assignment: str = FIRST
) -> tuple[RoleAssignment, bool]:
    """Give a role at the vault, or elsewhere."""
    where = locate(place.view, TENANT, scope or place.vault.scope)

    async def change(tx: Transaction) -> tuple[RoleAssignment, bool]:
        await confirm(tx, where)
        return await put_role_assignment(
            tx, tenant=TENANT, assignment=assignment, scope=where, grant=grant, now=NOW, by=APP
        )

    return place.commit(change)


def held(place: Place) -> tuple[RoleAssignment, ...]:
    """Every role assignment there is."""
    return place.view.all(RoleAssignment, tenant_partition(TENANT))


def refused(place: Place, grant: Grant, kind: type[Failure], **how: str) -> Failure:
    """Give a role in vain: the refusal, after which nothing has changed."""
    before = held(place)
    with pytest.raises(kind) as refusal:
        give(place, grant, **how)
    assert held(place) == before
    return refusal.value


def test_given(place: Place) -> None:
    """A role that is given says to whom, where, by whom and when."""
    made, new = give(place, replace(GRANT, description="for the test"))
    assert new
    assert made == RoleAssignment(
        id=FIRST,
        tenant=TENANT,
        scope=place.vault.scope,
        role=KEY_VAULT_READER,
        principal=USER,
        principal_type=PrincipalType.USER,
        created=NOW,
        created_by=APP,
        description="for the test",
    )
    assert held(place) == (made,)


@pytest.mark.parametrize(
    ("principal", "kind"),
    [(USER, PrincipalType.USER), (TEAM, PrincipalType.GROUP), (APP, PrincipalType.SERVICE_PRINCIPAL)],
)
def test_kind_is_found_out(place: Place, principal: str, kind: PrincipalType) -> None:
    """What a principal is, the directory says; saying the same in the request is good."""
    assert give(place, Grant(OWNER, principal))[0].principal_type is kind
    assert give(place, Grant(KEY_VAULT_READER, principal, kind), assignment=SECOND)[0].principal_type is kind


def test_wrong_kind(place: Place) -> None:
    """A principal that is said to be something else is refused."""
    failure = refused(place, replace(GRANT, principal_type=PrincipalType.GROUP), Invalid)
    assert failure.code == "UnmatchedPrincipalType"


def test_unknown_principal(place: Place) -> None:
    """A role is not given to nobody."""
    failure = refused(place, replace(GRANT, principal="a0000000-0000-4000-8000-00000000000f"), Invalid)
    assert failure.code == "PrincipalNotFound"
    assert failure.message.startswith(
        f"Principal a0000000000040008000{'00000000000f'} does not exist in the directory {TENANT}."
    )


def test_application_is_no_principal(place: Place) -> None:
    """An application's object id is not its service principal's, and nothing can be given to it."""
    application = Application("a0000000-0000-4000-8000-0000000000aa", TENANT, CUSTOM, "App", NOW)
    place.commit(lambda tx: tx.put(application))
    assert refused(place, replace(GRANT, principal=application.id), Invalid).code == "PrincipalNotFound"


def test_principal_of_another_tenant(place: Place) -> None:
    """A principal of another tenant is as unknown as one that does not exist."""
    stranger = User("a0000000-0000-4000-8000-0000000000bb", OTHER_TENANT, "eve@other.test", "Eve", NOW)
    place.commit(lambda tx: tx.put(stranger))
    assert refused(place, replace(GRANT, principal=stranger.id), Invalid).code == "PrincipalNotFound"


def test_unknown_role(place: Place) -> None:
    """A role that does not exist is not given."""
    assert refused(place, replace(GRANT, role=CUSTOM), Invalid).code == "RoleDefinitionDoesNotExist"


def test_role_of_another_tenant(place: Place) -> None:
    """Another tenant's custom role does not exist here."""
    place.commit(lambda tx: tx.put(RoleDefinition(CUSTOM, OTHER_TENANT, "Theirs")))
    assert refused(place, replace(GRANT, role=CUSTOM), Invalid).code == "RoleDefinitionDoesNotExist"


def test_custom_role_stays_in_its_scopes(place: Place) -> None:
    """A role that is made for some scopes is given there and below, and nowhere else."""
    role = RoleDefinition(CUSTOM, TENANT, "Ours", assignable_scopes=(place.group.scope.upper(),))
    place.commit(lambda tx: tx.put(role))
    failure = refused(place, replace(GRANT, role=CUSTOM), Invalid, scope=place.subscription.scope)
    assert failure.code == "RoleDefinitionNotAssignableAtScope"
    assert give(place, replace(GRANT, role=CUSTOM))[1]


def test_same_triple_under_another_name(place: Place) -> None:
    """The same role for the same principal at the same scope exists once; the refusal says which one it is."""
    give(place)
    failure = refused(place, GRANT, Conflict, assignment=SECOND, scope=place.vault.scope.upper())
    assert failure.code == "RoleAssignmentExists"
    assert failure.message == (
        f"The role assignment already exists. The ID of the existing role assignment is {FIRST.replace('-', '')}."
    )


def test_again_under_the_same_name(place: Place) -> None:
    """Giving it again changes nothing but what is said about it: deployments repeat themselves."""
    made, _ = give(place)
    assert give(place) == (made, False)
    changed, new = give(place, replace(GRANT, description="why"))
    assert (changed, new) == (replace(made, description="why"), False)


@pytest.mark.parametrize("grant", [replace(GRANT, role=OWNER), replace(GRANT, principal=TEAM)])
def test_nothing_else_changes(place: Place, grant: Grant) -> None:
    """An assignment never becomes another one."""
    give(place)
    assert refused(place, grant, Invalid).code == "RoleAssignmentUpdateNotPermitted"


def test_does_not_move(place: Place) -> None:
    """An assignment stays at its scope."""
    give(place)
    assert refused(place, GRANT, Invalid, scope=place.group.scope).code == "RoleAssignmentUpdateNotPermitted"


def test_limit(place: Place) -> None:
    """A subscription has 4000 assignments at most; those elsewhere do not count."""

    async def fill(tx: Transaction) -> None:
        for number in range(limits.ROLE_ASSIGNMENTS_PER_SUBSCRIPTION - 1):
            await tx.put(
                RoleAssignment(
                    id=f"f0000000-0000-4000-8000-{number:012}",
                    tenant=TENANT,
                    scope=f"{place.group.scope}/providers/Microsoft.KeyVault/vaults/v{number}",
                    role=OWNER,
                    principal=USER,
                    principal_type=PrincipalType.USER,
                    created=NOW,
                )
            )

    place.commit(fill)
    assert give(place)[1]
    assert refused(place, replace(GRANT, principal=TEAM), Invalid, assignment=SECOND).code == (
        "RoleAssignmentLimitExceeded"
    )
    assert give(place, replace(GRANT, principal=TEAM), assignment=SECOND, scope="/")[1]


def test_scope_went_away(place: Place) -> None:
    """A vault that is deleted between the look-up and the change gets no role."""
    where = locate(place.view, TENANT, place.vault.scope)
    place.commit(lambda tx: delete_vault(tx, place.vault, now=NOW))

    async def change(tx: Transaction) -> None:
        await confirm(tx, where)

    with pytest.raises(Failure) as refusal:
        place.commit(change)
    assert refusal.value.code == "ResourceNotFound"


class TestRemoval:
    """Taking a role back."""

    def remove(self, place: Place, scope: str, assignment: str = FIRST) -> RoleAssignment | None:
        """Take an assignment back at a scope."""
        return place.commit(lambda tx: remove_role_assignment(tx, tenant=TENANT, assignment=assignment, scope=scope))

    def test_removed(self, place: Place) -> None:
        """What is taken back is answered, and its triple can be given again."""
        made, _ = give(place)
        assert self.remove(place, place.vault.scope.upper()) == made
        assert held(place) == ()
        assert give(place, assignment=SECOND)[1]

    def test_only_at_its_scope(self, place: Place) -> None:
        """Who may take back roles at one scope does not reach an assignment at another."""
        give(place)
        assert self.remove(place, place.group.scope) is None
        assert self.remove(place, "/") is None
        assert len(held(place)) == 1

    def test_unknown(self, place: Place) -> None:
        """There may be nothing to take back."""
        assert self.remove(place, place.vault.scope, SECOND) is None


class TestIds:
    """The ids that requests carry."""

    @pytest.mark.parametrize(
        "prefix", ["", f"/subscriptions/{SUBSCRIPTION}", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g"]
    )
    def test_role_id_at_any_scope(self, prefix: str) -> None:
        """A role's id is its GUID, whatever scope it is written at."""
        text = f"{prefix}/providers/Microsoft.Authorization/roleDefinitions/{OWNER.upper()}"
        assert parse_role_id(text) == OWNER

    @pytest.mark.parametrize(
        "text",
        [
            "",
            OWNER,
            "Owner",
            "/providers/Microsoft.Authorization/roleDefinitions/Owner",
            f"/providers/Microsoft.Authorization/roleDefinitions/{OWNER}/x",
            f"x/providers/Microsoft.Authorization/roleDefinitions/{OWNER}",
            f"/providers/Microsoft.Authorization/roleAssignments/{OWNER}",
        ],
    )
    def test_no_role_id(self, text: str) -> None:
        """Anything else is refused, a bare GUID or name too."""
        with pytest.raises(Invalid) as refusal:
            parse_role_id(text)
        assert refusal.value.code == "InvalidRoleDefinitionId"

    def test_names_are_guids(self) -> None:
        """Assignments and principals are named by GUIDs, compared without case."""
        assert parse_assignment_id(FIRST.upper()) == FIRST
        assert parse_principal_id(USER.upper()) == USER
        for parse, code in (
            (parse_assignment_id, "InvalidRoleAssignmentId"),
            (parse_principal_id, "InvalidPrincipalId"),
        ):
            for text in ("", "me", FIRST.replace("-", ""), f"{FIRST}\n", f"{{{FIRST}}}"):
                with pytest.raises(Invalid) as refusal:
                    parse(text)
                assert refusal.value.code == code

    def test_description_limit(self) -> None:
        """A description has its limit."""
        longest = "x" * limits.ROLE_ASSIGNMENT_DESCRIPTION_CHARS
        assert check_description(longest) == longest
        with pytest.raises(Invalid):
            check_description(f"{longest}x")


class TestScopes:
    """Where roles are given."""

    def test_canonical(self, place: Place) -> None:
        """However a scope is spelled, what is kept is what the resources are called."""
        vault = place.vault.scope
        table = {
            "/": "/",
            place.subscription.scope.upper(): place.subscription.scope,
            f"{place.group.scope.lower()}/": place.group.scope,
            vault.upper(): vault,
            f"{vault.lower()}/SECRETS/My-Secret": f"{vault}/secrets/My-Secret",
            f"{vault}/keys/k": f"{vault}/keys/k",
            f"{vault}/certificates/c": f"{vault}/certificates/c",
        }
        for text, path in table.items():
            assert locate(place.view, TENANT, text).path == path, text

    @pytest.mark.parametrize(
        ("tail", "code"),
        [
            ("/resourceGroups/rg9", "ResourceGroupNotFound"),
            ("/resourceGroups/rg1/providers/Microsoft.KeyVault/vaults/none", "ResourceNotFound"),
            ("/resourceGroups/rg1/providers/Microsoft.ManagedIdentity/userAssignedIdentities/none", "ResourceNotFound"),
            ("/resourceGroups", "InvalidScope"),
            ("//resourceGroups/rg1", "InvalidScope"),
            ("/resourceGroups/rg1//providers/Microsoft.KeyVault/vaults/kv-one", "InvalidScope"),
            ("/providers/Microsoft.KeyVault", "InvalidScope"),
            ("/resourceGroups/rg1/providers/Microsoft.KeyVault/vaults", "InvalidScope"),
            ("/resourceGroups/rg1/providers/Microsoft.KeyVault/vaults/kv-one/secrets", "InvalidScope"),
            ("/resourceGroups/rg1/providers/Microsoft.KeyVault/vaults/kv-one/storage/x", "InvalidScope"),
            ("/resourceGroups/rg1/providers/Microsoft.KeyVault/vaults/kv-one/secrets/a/b", "InvalidScope"),
            ("/resourceGroups/rg1/providers/Microsoft.KeyVault/vaults/kv-one/secrets/a_b", "BadParameter"),
            ("/resourceGroups/rg1/providers/Microsoft.Network/virtualNetworks/v", "ResourceNotFound"),
        ],
    )
    def test_refused(self, place: Place, tail: str, code: str) -> None:
        """A scope that does not exist, or of a kind that is not served, is refused."""
        with pytest.raises(Failure) as refusal:
            locate(place.view, TENANT, place.subscription.scope + tail)
        assert refusal.value.code == code

    @pytest.mark.parametrize(
        "text", ["/subscriptions", "/tenants/x", "/providers/Microsoft.Management/managementGroups/g"]
    )
    def test_no_scope(self, place: Place, text: str) -> None:
        """What is no scope at all is refused."""
        with pytest.raises(Invalid) as refusal:
            locate(place.view, TENANT, text)
        assert refusal.value.code == "InvalidScope"

    def test_another_tenant(self, place: Place) -> None:
        """SEC-TENANT-2: another tenant's subscription, group or vault answers as a random one does."""
        unknown = "59999999-0000-4000-8000-000000000001"
        for tail in ("", "/resourceGroups/rg1", place.vault.scope.removeprefix(place.subscription.scope)):
            texts = []
            for subscription in (SUBSCRIPTION, unknown):
                with pytest.raises(Failure) as refusal:
                    locate(place.view, OTHER_TENANT, f"/subscriptions/{subscription}{tail}")
                texts.append((type(refusal.value), refusal.value.code, refusal.value.message.replace(subscription, "")))
            assert texts[0] == texts[1]

    def test_deleted_vault(self, place: Place) -> None:
        """A deleted vault is no scope."""
        place.commit(lambda tx: delete_vault(tx, place.vault, now=NOW))
        with pytest.raises(Failure) as refusal:
            locate(place.view, TENANT, place.vault.scope)
        assert refusal.value.code == "ResourceNotFound"

    def test_tenant_scope_counts_against_no_subscription(self, place: Place) -> None:
        """The root is of the tenant, everything else of its subscription."""
        assert locate(place.view, TENANT, "/") == Scope("/")
        assert locate(place.view, TENANT, place.vault.scope).subscription == SUBSCRIPTION
