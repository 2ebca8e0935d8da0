from __future__ import annotations

import pytest

from strongroom.core.errors import Conflict, Invalid
from tests.unit.directory.conftest import Directory


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
