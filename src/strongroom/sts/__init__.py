"""
The token service: what Entra's login endpoints answer (reference clients.md sections 1.1, 1.2, 2 and 7).

    a program: token endpoint --> client --> resource --> grant --> policies --> mint --> tokens
    a person:  authorize, deviceauth, password, security-info --> walk: step, step, ... --> goal

Owns the form of requests and answers: token endpoints of both versions, OpenID metadata, key sets, instance discovery,
user realm, the `adfs` alias, which stands for the first tenant, and the pages of signing in. Owns neither who exists
nor what a token says: that is `strongroom.directory`'s and `core.oauth`'s. Every row is Public, and the list is closed;
the token endpoint's rows authenticate their client themselves.

Its words:

- walk: one person's way through signing in at one browser. Where it has come to is sealed into the page and comes back
  with its form, so nothing is kept of who has not signed in (`walk`, `walking`).
- step: what a person is asked on the way, when that is due, and what comes of the form: account, password, second
  factor, consent (`steps`). A step says what is to be changed, and changes nothing.
- goal: what a walk is made for: a client gets a code, a device is let in, a person sees to the own account (`goals`).
  It names what the person goes on to, and says where a refusal is told.
- mint: what making a token takes: keys, threads that sign, directory, chance, and our own name (`directory.tokens`).
  No token is made without one; a grant chooses for whom and until when.
- offer: what a resource has for those who ask for tokens to it, permissions and app roles (`core.offers`). What a
  client may have of it is consent (`directory.consent`).
"""
