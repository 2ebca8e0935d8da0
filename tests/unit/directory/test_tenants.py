from __future__ import annotations

import pytest

from strongroom.core.errors import Conflict, Invalid, NotFound
from strongroom.core.limits import DOMAINS_PER_TENANT
from strongroom.directory import tenants, users
from tests.unit.directory.conftest import NOW, Directory


def test_a_tenant_is_found_by_its_domains(directory: Directory) -> None:
    """A tenant is known by its GUID and by every verified domain, in any case."""
    made = directory.add_tenant("Contoso.example", "contoso.test")

    assert made.domains == ("contoso.example", "contoso.test")
    assert directory.view.tenant(made.id) == made
    assert directory.view.tenant("contoso.test") == made


def test_two_tenants_do_not_share_a_domain(directory: Directory) -> None:
    """A domain is verified by one tenant alone."""
    with pytest.raises(Conflict, match=r"one\.example"):
        directory.add_tenant("new.example", "one.example")
    assert directory.view.tenant("new.example") is None


@pytest.mark.parametrize(
    "domain", ["", "localhost", "-a.example", "a..example", "a.example\n", "a b.example", "ä.example"]
)
def test_a_domain_is_a_domain_name(directory: Directory, domain: str) -> None:
    """What is no domain name of two labels is refused."""
    with pytest.raises(Invalid):
        directory.add_tenant(domain)


def test_a_tenant_has_a_domain(directory: Directory) -> None:
    """A tenant without a domain would have users without a name."""
    with pytest.raises(Invalid):
        directory.add_tenant()


class TestNames:
    """What a tenant is called."""

    def test_it_is_renamed(self, directory: Directory) -> None:
        """Its domains stay."""
        directory.commit(lambda tx: tenants.rename_tenant(tx, directory.tenant, "Fabrikam"))
        found = directory.view.tenant(directory.tenant)
        assert found is not None
        assert (found.display_name, found.domains) == ("Fabrikam", ("one.example",))

    def test_a_domain_more_and_less(self, directory: Directory) -> None:
        """Users have names in every domain; the default goes on to the next when it is taken."""
        directory.commit(lambda tx: tenants.add_domain(tx, directory.tenant, "Two.example"))
        directory.add_user("a", domain="two.example")
        directory.commit(lambda tx: tenants.remove_domain(tx, directory.tenant, "ONE.example"))
        found = directory.view.tenant("two.example")
        assert found is not None
        assert (found.id, found.domains) == (directory.tenant, ("two.example",))
        assert directory.view.tenant("one.example") is None

    def test_another_tenants_domain_is_not_to_be_had(self, directory: Directory) -> None:
        """A domain is one tenant's in the whole service, and free again when it is taken from it."""
        with pytest.raises(Conflict):
            directory.commit(lambda tx: tenants.add_domain(tx, directory.tenant, "other.example"))
        directory.commit(lambda tx: tenants.add_domain(tx, directory.other, "free.example"))
        directory.commit(lambda tx: tenants.remove_domain(tx, directory.other, "other.example"))
        directory.commit(lambda tx: tenants.add_domain(tx, directory.tenant, "other.example"))
        with pytest.raises(Conflict):
            directory.commit(lambda tx: tenants.add_domain(tx, directory.tenant, "other.example"))

    def test_a_domain_in_use_stays(self, directory: Directory) -> None:
        """By a user, by one who can be restored, and by an application's identifier URI."""
        for domain in ("users.example", "deleted.example", "uris.example"):
            directory.commit(lambda tx, domain=domain: tenants.add_domain(tx, directory.tenant, domain))
        directory.add_user("a", domain="users.example")
        gone = directory.add_user("b", domain="deleted.example")
        directory.commit(lambda tx: users.delete_user(tx, directory.tenant, gone.id, now=NOW))
        directory.add_application(uris=("api://uris.example/app",))
        for domain in ("users.example", "deleted.example", "uris.example"):
            with pytest.raises(Conflict, match="in use"):
                directory.commit(lambda tx, domain=domain: tenants.remove_domain(tx, directory.tenant, domain))

    def test_the_last_domain_stays(self, directory: Directory) -> None:
        """A tenant without a domain would have users without a name."""
        with pytest.raises(Conflict, match="last"):
            directory.commit(lambda tx: tenants.remove_domain(tx, directory.tenant, "one.example"))

    def test_what_is_not_there(self, directory: Directory) -> None:
        """Another tenant's domain is not this one's, and a tenant that is not there has none."""
        with pytest.raises(NotFound):
            directory.commit(lambda tx: tenants.remove_domain(tx, directory.tenant, "other.example"))
        for command in (tenants.rename_tenant, tenants.add_domain, tenants.remove_domain):
            with pytest.raises(NotFound):
                directory.commit(lambda tx, command=command: command(tx, "t", "new.example"))

    def test_how_many_there_may_be(self, directory: Directory) -> None:
        """`DOMAINS_PER_TENANT`, and no more."""
        for number in range(1, DOMAINS_PER_TENANT):
            directory.commit(lambda tx, number=number: tenants.add_domain(tx, directory.tenant, f"d{number}.example"))
        with pytest.raises(Conflict, match=str(DOMAINS_PER_TENANT)):
            directory.commit(lambda tx: tenants.add_domain(tx, directory.tenant, "past.example"))
