"""
The directory: principals, their credentials, and the tokens that say who they are.

Owns the commands that change tenants, users, groups, memberships, applications, service principals, credentials,
directory roles and signing keys, each over a Transaction; and the two rules that use them: whether a credential proves
its owner, and what a token says. Owns no HTTP, no form of request, and no right over a resource: role assignments are
`resources`' concern, and stay when their principal goes, as they do in Azure.

    credential --proves--> principal --signed by a signing key of its tenant--> token
         |                     |                     |
      removed               disabled              revoked         each ends the token at once, and no other token

What costs time (hashing a password, generating a key) is computed before the command and handed in.
"""
