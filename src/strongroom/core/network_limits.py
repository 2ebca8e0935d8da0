"""The limits of firewalls, networks, endpoints and perimeters: see `core.limits`, which says what a limit is."""

IP_RULES = 1000
"""IP rules of one vault."""
VNET_RULES = 200
"""Virtual network rules of one vault."""
PRIVATE_ENDPOINTS_PER_VAULT = 64
"""Private endpoint connections of one vault."""
VAULTS_WITH_ENDPOINTS = 400
"""Vaults of one subscription that have a private endpoint connection."""
PRIVATE_ENDPOINTS_PER_NETWORK = 1000
"""Private endpoints in one virtual network: Azure's own limit."""
REQUEST_MESSAGE_CHARS = 140
"""What a private endpoint's maker tells whoever approves it: Azure's own limit."""
CONNECTION_DESCRIPTION_CHARS = 1024
"""What a vault's owner says of a connection: ours."""
VIRTUAL_NETWORKS = 1000
"""Virtual networks of one subscription: Azure's own limit."""
SUBNETS = 3000
"""Subnets of one virtual network: Azure's own limit."""
NETWORK_PREFIXES = 1000
"""Address prefixes of one virtual network: ours."""
SUBNET_PREFIXES = 100
"""Address prefixes of one subnet: ours."""
NETWORK_NAME_CHARS = 80
"""The name of a resource of Microsoft.Network: Azure's own limit."""
PERIMETERS = 1000
"""Network security perimeters of one subscription: ours. Azure recommends 100 and enforces nothing that is known."""
PERIMETER_PROFILES = 200
"""Profiles of one perimeter: Azure's own limit."""
PERIMETER_RULE_ELEMENTS = 200
"""Inbound, and outbound, elements (prefixes, subscriptions, names) of one profile: Azure's own limit."""
PERIMETER_ASSOCIATIONS = 1000
"""Resources that are associated with one perimeter: Azure's own limit."""
