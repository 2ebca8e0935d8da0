"""
Strongroom: Azure Key Vault with its whole authentication system, on your own machines.

The package owns one path, from a connection to an audited answer, and everything that stands on it.
`docs/request-flow.md` walks along that path; `docs/architecture.md` says which package owns which part of it. This
module holds the version alone, so that importing it costs nothing.
"""

__version__ = "0.1.0"
