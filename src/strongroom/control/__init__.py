"""
The control surface: the instance operator's rights, and what `strongroom run` asks, on the owner-only Unix socket.

Owns the rows for tenants and how their people sign in, runs, issuers, attestation authorities, private CAs, identity
maps, networks and their listeners, trusted services, guardrails, explanations, recovery, signing keys and the status,
and their wire structs.
Owns no rule and no credential: those are the directory's and the resources'. Reaching the socket is the proof: its
directory is 0700 and it is 0600, so whoever connects is the user who runs the service (security.md "Bootstrap, keys,
data"). Nothing here is reachable from any other listener, and each handler makes sure of that again.
"""
