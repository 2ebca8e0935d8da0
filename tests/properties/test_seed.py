"""
`apply` and `export` are each other's counterparts, whatever a file says.

Random files are applied to instances that have every rule and adapter of the service, through the command line's own
session. Run with `--hypothesis-seed` to bring a run back; a failure prints the line that does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from strongroom.cli.seed.export import write_yaml
from strongroom.cli.seed.items import same
from tests import seeding
from tests.flow.conftest import quick_passwords
from tests.world import Simulation

__all__ = ["quick_passwords"]
pytestmark = pytest.mark.usefixtures("quick_passwords")

Strategy = st.SearchStrategy[Any]
EXAMPLES = 8
"""Each is a file with two new instances that it is applied to, which takes seconds."""
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""To look for a smaller file takes hundreds of them."""

# What YAML could take for something else is what names and descriptions are made of, besides.
_TRAPS = ["yes", "null", "1e3", "- a", "a: b", "# a", "'", '"', "2030-01-01", "*a", "&a", "!a", "0x1", "{"]
free = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12) | st.sampled_from(_TRAPS)
flags = st.booleans()
tags = st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), free, max_size=2)
DOMAIN = "strongroom.localhost"
_ACTIONS = [f"Microsoft.KeyVault/vaults/secrets/{word}/action" for word in ("getSecret", "setSecret", "update")]
actions = st.lists(st.sampled_from(_ACTIONS), min_size=1, max_size=2, unique=True)


def some(**members: Strategy) -> Strategy:
    """Draw a mapping that has any of these members."""
    return st.fixed_dictionaries({}, optional=members)


def chosen(values: list[Any], most: int = 2) -> Strategy:
    """Draw some of these values, each once."""
    return st.lists(st.sampled_from(values), max_size=most, unique_by=repr) if values else st.just([])


def numbered(prefix: str, draw: Any, most: int, least: int = 0) -> list[str]:
    """Draw how many there are of something, and name them."""
    return [f"{prefix}{number}" for number in range(draw(st.integers(least, most)))]


# ---- principals -----------------------------------------------------------------------------------------------------

_users = some(displayName=free, surname=free, department=free, accountEnabled=flags).map(
    lambda said: {**said, "password": {"generate": {"length": 24}}}
)
_service_principals = some(appRoleAssignmentRequired=flags, tags=st.lists(free, max_size=2, unique=True), notes=free)
_APP_ROLES = [
    {"value": value, "displayName": value, "description": value, "allowedMemberTypes": ["User"]}
    for value in ("A.Read", "B.Read")
]


def _federation(name: str) -> Strategy:
    return st.just([{"name": name, "issuer": "https://issuer.example", "subject": "one"}])


_applications = some(
    notes=free,
    appRoles=chosen(_APP_ROLES),
    redirectUris=some(web=st.just(["https://a.example/signed-in"]), spa=st.just(["https://b.example/page"])),
    federatedCredentials=_federation("deployments"),
)


# ---- resources ------------------------------------------------------------------------------------------------------


@st.composite
def _resource_groups(draw: Any, home: str, principals: list[dict[str, Any]]) -> dict[str, Any]:
    networks = numbered(f"{home}-net", draw, 1)
    vaults = numbered(f"{home}-vault", draw, 2)
    endpoints = numbered(f"{home}-pe", draw, 1) if networks and vaults else []
    subnets = [f"{home}/{one}/main" for one in networks]
    return {
        "name": home,
        "location": "westeurope",
        **draw(some(tags=tags)),
        "identities": [{"name": f"{home}-id", **draw(some(tags=tags, federatedCredentials=_federation("cluster")))}],
        "virtualNetworks": [{"name": one, **draw(_networks)} for one in networks],
        "vaults": [{"name": one, **draw(_vaults(principals, subnets))} for one in vaults],
        "privateEndpoints": [
            {
                "name": one,
                "subnet": subnets[0],
                "connection": {"name": "c", "vault": vaults[0], **draw(some(manual=flags, message=free))},
            }
            for one in endpoints
        ],
    }


_SUBNET = {"name": "main", "addressPrefixes": ["10.0.1.0/24"], "serviceEndpoints": ["Microsoft.KeyVault"]}
_networks = st.fixed_dictionaries(
    {"addressPrefixes": st.just(["10.0.0.0/16"]), "subnets": st.just([_SUBNET])}, optional={"tags": tags}
)
_secrets = some(
    contentType=free,
    enabled=flags,
    expires=st.sampled_from(["2030-01-01T00:00:00Z", "2031-06-30T22:00:01Z"]),
    tags=tags,
).map(lambda said: {**said, "value": {"generate": {}}})


# That P30D before expiry is noted, every policy has, and so it is not said.
_keys = some(
    operations=st.just(["sign"]) | st.just(["verify", "sign"]),
    enabled=flags,
    expires=st.just("2040-01-01T00:00:00Z"),
    tags=tags,
    rotationPolicy=some(rotateAfter=st.just("P90D"), notifyBeforeExpiry=st.sampled_from(["P14D", "P7D"])),
).map(lambda said: {**said, "type": "EC", "curve": "P-256"})

# How long one is good stays as it is said; what happens by itself may be nothing, which is not the default.
_policies = some(
    alternativeNames=some(dnsNames=st.just(["a.example", "*.b.example"]), ipAddresses=st.just(["192.0.2.1", "::1"])),
    reuseKey=flags,
    exportable=flags,
    contentType=st.sampled_from(["application/x-pkcs12", "application/x-pem-file"]),
    validityMonths=st.integers(1, 24),
    keyUsage=chosen(["digitalSignature", "keyAgreement"]),
    extendedKeyUsage=chosen(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]),
    lifetimeActions=chosen([{"action": "EmailContacts", "daysBeforeExpiry": 5}], 1),
).map(lambda said: {**said, "issuer": "Self", "subject": 'CN=a.example, O="B, C"', "keyType": "EC", "curve": "P-256"})
_certificates = some(enabled=flags, preserveOrder=flags, tags=tags)
_contacts = chosen([{"email": "a@b.example"}, {"email": "c@b.example", "name": "C", "phone": "1"}])
_people = chosen([{"firstName": "A", "email": "a@b.example"}, {"phone": "2"}])
_issuers = some(accountId=free, organization=free, administrators=_people, enabled=flags).map(
    lambda said: {**said, "provider": "DigiCert"}
)


@st.composite
def _vaults(draw: Any, principals: list[dict[str, Any]], subnets: list[str]) -> dict[str, Any]:
    words = st.lists(st.sampled_from(["get", "list", "set"]), min_size=1, unique=True)
    vault: dict[str, Any] = draw(
        some(
            tags=tags,
            sku=st.sampled_from(["standard", "premium"]),
            enabledForDeployment=flags,
            softDeleteRetentionInDays=st.integers(7, 90),
            enablePurgeProtection=st.just(value=True),
            networkAcls=_acls(subnets),
        )
    )
    vault["enableRbacAuthorization"] = True
    if draw(flags):
        vault["accessPolicies"] = [
            {"principal": one, "permissions": {"secrets": draw(words)}} for one in draw(chosen(principals))
        ]
    if draw(flags):
        vault["secrets"] = [{"name": one, **draw(_secrets)} for one in numbered("s", draw, 2)]
    if draw(flags):
        vault["keys"] = [{"name": one, **draw(_keys)} for one in numbered("k", draw, 1)]
    if draw(flags):
        vault["certificateContacts"] = draw(_contacts)
        vault["certificateIssuers"] = [{"name": one, **draw(_issuers)} for one in numbered("i", draw, 1)]
        vault["certificates"] = [
            {"name": one, "policy": draw(_policies), **draw(_certificates)} for one in numbered("c", draw, 1)
        ]
    return vault


def _acls(subnets: list[str]) -> Strategy:
    # What is filled must admit who fills it: the address that everybody comes from here.
    more = chosen(["192.0.2.0/24", "198.51.100.7/32", "2001:db8::/48"])
    closed = {"defaultAction": st.just("Deny"), "ipRules": more.map(lambda ranges: ["203.0.113.7/32", *ranges])}
    rest = {
        "bypass": st.sampled_from(["AzureServices", "None"]),
        "virtualNetworkRules": chosen([{"subnet": one} for one in subnets]),
    }
    return st.fixed_dictionaries(closed, optional=rest) | some(**rest)


# ---- the whole ------------------------------------------------------------------------------------------------------


def _assignments(principals: list[dict[str, Any]], scopes: list[dict[str, Any]]) -> Strategy:
    if not principals:
        return st.just([])
    roles = st.sampled_from(["Reader", "Key Vault Secrets User", "Key Vault Reader"])
    required = {"principal": st.sampled_from(principals), "role": roles, "scope": st.sampled_from(scopes)}
    one = st.fixed_dictionaries(required, optional={"description": free})
    return st.lists(one, max_size=4, unique_by=lambda it: repr((it["principal"], it["role"], it["scope"])))


def _locks(scopes: list[dict[str, Any]], applications: list[str]) -> Strategy:
    required = {
        "name": st.sampled_from(["keep", "Keep #2 (really)", "l\u00f6ck"]),
        "scope": st.sampled_from(scopes),
        "level": st.sampled_from(["CanNotDelete", "ReadOnly"]),
    }
    optional = {"notes": free, "owners": chosen(applications)}
    one = st.fixed_dictionaries(required, optional=optional)
    return st.lists(one, max_size=3, unique_by=lambda it: repr((it["name"], it["scope"])))


@st.composite
def files(draw: Any) -> dict[str, Any]:
    """Draw a file in which every kind of thing may be, and every reference means something."""
    users = [f"{one}@{DOMAIN}" for one in numbered("user", draw, 2)]
    groups, applications = numbered("group ", draw, 2), numbered("app ", draw, 2)
    people: list[dict[str, Any]] = [{"user": one} for one in users]
    principals = [*people, *({"group": one} for one in groups), *({"application": one} for one in applications)]
    homes = [draw(_resource_groups(one, principals)) for one in numbered("rg", draw, 2, 1)]
    principals += [{"identity": f"{home['name']}/{one['name']}"} for home in homes for one in home["identities"]]
    networks = [f"{home['name']}/{one['name']}" for home in homes for one in home["virtualNetworks"]]
    vaults = [one["name"] for home in homes for one in home["vaults"]]
    containers = [{"subscription": True}, *({"resourceGroup": home["name"]} for home in homes)]
    networks_as_scopes = [{"virtualNetwork": one} for one in networks]
    scopes = [*containers, *({"vault": one} for one in vaults), *({"vault": one, "secret": "s0"} for one in vaults)]
    membership = some(description=free, members=chosen(people), owners=chosen(people))
    return {
        "version": 1,
        "users": [{"userPrincipalName": one, **draw(_users)} for one in users],
        "groups": [{"displayName": one, **draw(membership)} for one in groups],
        "applications": [
            {"displayName": one, "servicePrincipal": draw(_service_principals), **draw(_applications)}
            for one in applications
        ],
        **draw(some(subscriptionTags=tags)),
        "resourceGroups": homes,
        "networkMaps": [
            {"virtualNetwork": one, "ranges": [f"10.{place}.0.0/24"]}
            for place, one in enumerate(networks)
            if draw(flags)
        ],
        "roleDefinitions": [
            {"name": one, "dataActions": draw(actions), "assignableScopes": [draw(st.sampled_from(containers))]}
            for one in numbered("Role ", draw, 2)
        ],
        "roleAssignments": draw(_assignments(principals, scopes)),
        "denyAssignments": [
            {
                "name": f"Deny {place}",
                "scope": draw(st.sampled_from(scopes)),
                "principals": [principal],
                "dataActions": draw(actions),
                **draw(some(description=free)),
            }
            for place, principal in enumerate(principals[:2])
        ],
        "locks": draw(_locks([*containers, *({"vault": one} for one in vaults), *networks_as_scopes], applications)),
    }


@contextmanager
def instance() -> Iterator[Simulation]:
    """Make a new instance for one example."""
    with tempfile.TemporaryDirectory() as folder:
        world = Simulation(Path(folder))
        try:
            yield world
        finally:
            world.close()


def applied(world: Simulation, document: object) -> None:
    """Apply a file; nothing of it fails, and a second time there is nothing to do."""
    _, outcome = seeding.apply(world, document)
    assert not outcome.failed, outcome.failed
    again = seeding.plan(world, document)
    assert (again.changes, again.impossible) == ((), ())


def exported(world: Simulation, besides: dict[str, Any]) -> dict[str, Any]:
    """Export an instance as YAML would be read, without what was there before anything was applied."""
    document = seeding.load(write_yaml(seeding.export(world).document))
    del document["version"]
    return {
        name: [one for one in value if one not in besides.get(name, [])] if isinstance(value, list) else value
        for name, value in document.items()
    }


def portable(document: dict[str, Any]) -> dict[str, Any]:
    """Make a file of an export that can be applied elsewhere: there is no value to keep, and no password."""
    text = write_yaml({"version": 1, **document}).replace("keep: true", "generate: {}")
    made: dict[str, Any] = seeding.load(text)
    for user in made.get("users", ()):
        user["password"] = {"generate": {"length": 24}}
    return made


_UNSAID = frozenset({"password", "value", "version"})


def says(shown: Any, wanted: Any) -> bool:
    """Tell whether what is shown says all that was wanted."""
    if isinstance(wanted, dict):
        return all(name in _UNSAID or says((shown or {}).get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list) and any(isinstance(one, dict) for one in wanted):
        return all(any(says(one, it) for one in shown or ()) for it in wanted)
    # That a secret is enabled is not said, since it is what they are.
    return same(shown, wanted) or (shown is None and isinstance(wanted, bool))


@settings(max_examples=EXAMPLES, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(files())
def test_apply_then_export_is_the_identity(document: dict[str, Any]) -> None:
    """What was applied is exported; the export changes nothing there, and makes the same of another instance."""
    with instance() as first, instance() as second:
        before, elsewhere = exported(first, {}), exported(second, {})
        applied(first, document)
        after = exported(first, before)
        assert says(after, document)
        again = seeding.plan(first, write_yaml(seeding.export(first).document))
        assert again.changes == ()
        applied(second, portable(after))
        made = exported(second, elsewhere)
        assert made == after
