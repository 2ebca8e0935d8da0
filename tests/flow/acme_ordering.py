"""An order at a scripted ACME authority, as tests share it."""

from __future__ import annotations

import secrets as chance
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from strongroom.core import acme_limits as limits
from strongroom.core.acme_accounts import AcmeAccount, AcmeChallenge
from strongroom.core.certificates import IssuerParameters, X509Properties
from strongroom.core.issuance import Issued, Refused, Step, Waiting, Wanted
from strongroom.core.records import INSTANCE
from strongroom.objects.issuers.acme import AcmeIssuer
from tests.flow.acme_authority import Authority
from tests.flow.test_acme_accounts import add
from tests.flow.test_federation import control
from tests.world import Simulation

_KEY = ec.generate_private_key(ec.SECP256R1())


def request(*names: x509.GeneralName | str, common_name: str = "") -> bytes:
    """Make a certificate request for some names."""
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if names:
        kinds = [x509.DNSName(one) if isinstance(one, str) else one for one in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(kinds), critical=False)
    return builder.sign(_KEY, hashes.SHA256()).public_bytes(Encoding.DER)


class Ordering:
    """An issuer, its authority, an account, and one certificate that is wanted."""

    def __init__(self, world: Simulation, authority: Authority) -> None:
        self.world, self.authority = world, authority
        self.name = f"a-{chance.token_hex(6)}"
        self.issuer = self.restarted()
        self.csr = request("www.example.com")
        self.tenant = world.first.tenant_id
        self.state = b""
        self.seen: list[Step] = []
        authority.http = self.answered

    def restarted(self) -> AcmeIssuer:
        """Make the issuer that a new process has."""
        world = self.world.world
        self.issuer = AcmeIssuer(world.store, world.view, world.keys, self.authority, world.clock)
        return self.issuer

    def account(self, **more: object) -> AcmeAccount:
        """Have an account, and give it."""
        answer = add(self.world, self.name, **{"tenants": [self.tenant], **more})
        assert answer.status == 201, answer.body
        found = self.world.view.get(AcmeAccount, INSTANCE, self.name)
        assert found is not None
        return found

    def answered(self, _domain: str, token: str) -> str | None:
        """Answer a challenge as every node does: by what the view has."""
        found = self.world.view.get(AcmeChallenge, INSTANCE, token)
        return None if found is None else found.value

    @property
    def presented(self) -> int:
        """How many challenges are answered now."""
        return sum(one.account == self.name for one in self.world.view.all(AcmeChallenge, INSTANCE))

    def wanted(self) -> Wanted:
        """Say what is wanted, now."""
        now = int(self.world.clock())
        return Wanted("r", "v", self.tenant, "c", self.csr, X509Properties(), IssuerParameters("acme"), now, self.name)

    def step(self) -> Step:
        """Make one step, at the time at which it is due."""
        made = self.world.run(self.issuer.step(self.wanted(), self.state))
        self.seen.append(made)
        if isinstance(made, Waiting):
            self.state = made.state
            self.world.advance(max(0, made.until - int(self.world.clock())))
        return made

    def end(self) -> Issued | Refused:
        """Make steps until there is nothing to wait for."""
        for _ in range(40):
            made = self.step()
            if not isinstance(made, Waiting):
                return made
        raise AssertionError(f"no end: {self.seen[-3:]}")

    def refused(self) -> str:
        """Make steps until it is refused, and say with what words."""
        made = self.end()
        assert isinstance(made, Refused), made
        return made.message


@pytest.fixture
def ordering(world: Simulation) -> Iterator[Ordering]:
    """Have an authority, which nobody has an account with yet."""
    before, authority = world.world.egress, Authority(world.clock)
    world.world.egress = authority
    made = Ordering(world, authority)
    yield made
    authority.down = True
    control(world, "DELETE", f"/acme-accounts/{made.name}")
    world.world.egress = before


def leaf(made: Issued | Refused) -> x509.Certificate:
    """Read the certificate that was issued."""
    assert isinstance(made, Issued), made
    return x509.load_der_x509_certificate(made.chain[0])


@pytest.fixture
def hook(ordering: Ordering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a hook that writes down how it is called, and is waited for; the authority's zone is what it wrote."""
    monkeypatch.setattr(limits, "HOOK_PATIENCE_S", 60.0)
    program = tmp_path / "hook"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ntest ! -e {tmp_path}/fails\n')
    program.chmod(stat.S_IRWXU)
    real = ordering.step

    def step() -> Step:
        ordering.authority.records = {(one[2], one[3]) for one in calls(program) if one[0] == "present"}
        return real()

    ordering.step = step  # type: ignore[method-assign]  what the hook did is what the authority finds
    return program


def calls(hook: Path) -> list[list[str]]:
    """Read how the hook was called."""
    file = hook.with_name("calls")
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []
