"""
Managed identity endpoints: where a program asks for a token as the identity it was lent.

Owns the table of the kinds of endpoint (`kinds`), how it is proved who asks (`proof`), and the one handler that all
kinds share (`endpoint`). Owns no credential and no token: those are the directory's; and lends nothing: `control` does.
Who may ask is told by the secret of one run, by the Unix user at the other end of the connection or by a network that
the operator mapped, never by mere reach (security.md "Tokens and sign-in").
"""
