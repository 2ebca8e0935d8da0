"""Every kind of thing, in the order in which they are made: each needs only what stands before it."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.cli.seed.applications import (
    APP_ROLE_ASSIGNMENTS,
    APPLICATION_FEDERATION,
    APPLICATION_OWNERS,
    APPLICATION_PASSWORDS,
    APPLICATIONS,
    SERVICE_PRINCIPALS,
)
from strongroom.cli.seed.certificate_issuers import CERTIFICATE_CONTACTS, CERTIFICATE_ISSUERS
from strongroom.cli.seed.certificates import CERTIFICATES
from strongroom.cli.seed.diagnostics import DIAGNOSTIC_SETTINGS
from strongroom.cli.seed.event_subscriptions import EVENT_SUBSCRIPTIONS
from strongroom.cli.seed.keys import KEYS
from strongroom.cli.seed.kind import Kind
from strongroom.cli.seed.locks import LOCKS
from strongroom.cli.seed.networks import ENDPOINT_LISTENERS, NETWORK_MAPS, PRIVATE_ENDPOINTS, VIRTUAL_NETWORKS
from strongroom.cli.seed.plan import Rules
from strongroom.cli.seed.principals import DIRECTORY_ROLES, GROUP_MEMBERS, GROUP_OWNERS, GROUPS, USERS
from strongroom.cli.seed.resources import IDENTITY_FEDERATION, MANAGED_IDENTITIES, RESOURCE_GROUPS, SUBSCRIPTION
from strongroom.cli.seed.rights import DENY_ASSIGNMENTS, ROLE_ASSIGNMENTS, ROLES
from strongroom.cli.seed.secrets import SECRETS
from strongroom.cli.seed.tenants import TENANTS
from strongroom.cli.seed.vaults import VAULTS

KINDS: tuple[Kind, ...] = (
    TENANTS,
    USERS,
    GROUPS,
    APPLICATIONS,
    SERVICE_PRINCIPALS,
    SUBSCRIPTION,
    RESOURCE_GROUPS,
    MANAGED_IDENTITIES,
    APPLICATION_FEDERATION,
    IDENTITY_FEDERATION,
    GROUP_MEMBERS,
    GROUP_OWNERS,
    APPLICATION_OWNERS,
    DIRECTORY_ROLES,
    APP_ROLE_ASSIGNMENTS,
    VIRTUAL_NETWORKS,
    NETWORK_MAPS,
    VAULTS,
    DIAGNOSTIC_SETTINGS,
    PRIVATE_ENDPOINTS,
    ENDPOINT_LISTENERS,
    ROLES,
    ROLE_ASSIGNMENTS,
    # Before what is in vaults: a vault is never open to more people for the time that it takes to fill it.
    DENY_ASSIGNMENTS,
    SECRETS,
    KEYS,
    CERTIFICATE_CONTACTS,
    CERTIFICATE_ISSUERS,
    CERTIFICATES,
    # After the secrets, since they may be kept in a vault.
    APPLICATION_PASSWORDS,
    # After what is in vaults: nobody is told of what the file itself makes.
    EVENT_SUBSCRIPTIONS,
    # When everything is as it is to be; and the first to go, since they hold the rest.
    LOCKS,
)
BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}
RULES: Mapping[str, Rules] = {kind.name: kind.rules for kind in KINDS}
CONTROLLED = frozenset({"tenant", "networkMap", "endpointListener"})
"""What is the instance operator's, and goes through the control socket."""
