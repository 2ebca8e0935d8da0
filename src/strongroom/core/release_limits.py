"""The limits of secure key release: see `core.limits`, which says what a limit is."""

RELEASE_AUTHORITIES = 20
"""Attestation authorities of one tenant: ours."""
RELEASE_POLICY_BYTES = 10_240
"""A key's release policy, decoded: ours."""
RELEASE_POLICY_AUTHORITIES = 20
"""Authorities in one release policy: ours."""
RELEASE_POLICY_CONDITIONS = 256
"""Claims that one release policy asks about: ours."""
RELEASE_POLICY_DEPTH = 8
"""How deep `anyOf` and `allOf` nest in a release policy, those of the authorities counted: ours."""
RELEASE_CLAIM_CHARS = 512
"""A claim's path, and a text that a claim is compared with: ours."""
RELEASE_NONCE_CHARS = 1024
"""The `nonce` of a release, which goes into its answer: ours."""
ATTESTATION_CHARS = 65_536
"""The attestation token of a release: ours. Those of a confidential virtual machine have some 10,000."""
RELEASE_KEY_SIGNS_S = 365 * 86_400
"""How long one key signs what a tenant releases before the next one does: ours."""
RELEASE_KEY_AHEAD_S = 90 * 86_400
"""How long the next key is shown before it signs: ours. Environments that compare certificates are told by people."""
RELEASE_KEY_LINGERS_S = 90 * 86_400
"""How long a key is shown after its last signature: ours."""
