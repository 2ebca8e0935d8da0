"""
Managed identity endpoints: where a program asks for a token as the identity it was lent.

Owns the App Service endpoint on the loopback listener (reference clients.md sections 1.3 and 7). Owns no credential and
no token: those are the directory's; and lends nothing: `control` does. Who may ask is told by a secret that one run was
given, never by mere reach (security.md "Tokens and sign-in").
"""
