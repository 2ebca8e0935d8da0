"""
The token service: what Entra's login endpoints answer (reference clients.md sections 1.1, 1.2, 2 and 7).

Owns the form of requests and answers: token endpoints of both versions, OpenID metadata, key sets, instance discovery,
user realm, and the `adfs` alias, which stands for the first tenant. Owns neither who exists nor what a token says: that
is `strongroom.directory`'s and `core.oauth`'s. Every row is Public, and the list is closed; the token endpoint's rows
authenticate their client themselves.
"""
