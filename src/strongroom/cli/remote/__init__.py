"""
An instance as its operator's commands see it: its public API, with the operator's own token.

    endpoints   where the parts of an instance are, and what its certificates are verified by
    wire        the HTTP client: an instance's own names need no resolution
    accounts    who signed in where: files of this user's own, with the tokens that were given
    tokens      tokens for a part of the service, by msal
    session     requests to Resource Manager, Graph and vaults
    refusals    what the service refused, and what would help
    output      tables, JSON, progress

Nothing here is imported by `strongroom serve`, and nothing of the service but names of `core`.
"""
