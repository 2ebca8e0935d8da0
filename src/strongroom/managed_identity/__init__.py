"""
Managed identity endpoints, and the operator's control surface that lends an identity to a run.

Owns the App Service endpoint on the loopback listener (reference clients.md sections 1.3 and 7) and, on the owner-only
Unix socket, `POST /run`, `DELETE /run/{id}` and `GET /status`. Owns no credential and no token: those are the
directory's. Who may ask is told by a secret that one run was given, never by mere reach (security.md "Tokens and
sign-in"); on the control socket, by being the user who owns it.
"""
