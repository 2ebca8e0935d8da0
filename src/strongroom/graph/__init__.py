"""
Microsoft Graph, the part of it that runs a directory: applications, service principals, users and groups.

Owns paths, wire forms, `$filter` and paging as `az ad` and Terraform's azuread send them (reference clients.md
sections 4 and 5). Owns no rule of the directory: handlers call the commands of `strongroom.directory`. What is not
understood is refused: a filter that was silently ignored would answer with everything.
"""
