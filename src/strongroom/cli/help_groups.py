"""In which order, and under which titles, `strongroom --help` lists the commands."""

from __future__ import annotations

from collections.abc import Mapping

from cyclopts import App, Group

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Use an instance": (
        "login", "logout", "whoami", "account", "run", "env", "hosts", "identity-token", "completion", "version",
    ),
    "Vaults and what is in them": (
        "vault", "secret", "key", "network-rule", "access-policies", "import", "send", "resource-group",
        "subscription",
    ),
    "The whole in one file": ("apply", "export"),
    "Who may do what": (
        "app", "sp", "user", "group", "identity", "role", "explain", "who-can",
    ),
    "Run the service, on its own machine": (
        "init", "serve", "doctor", "verify", "audit", "audit-sinks", "jobs", "recover",
    ),
    "What the operator of the service decides, there too": (
        "tenants", "sign-in", "signing-keys", "issuers", "identity-provider", "identity-maps", "trusted-services",
        "network-maps", "endpoint-listeners", "release-authorities", "ca", "acme", "policy",
    ),
    "Options": ("--help", "--version"),
}  # fmt: skip


def arrange(application: App) -> None:
    """Put every command under its title; one that has none stays among the others, at the end."""
    there = set(application)
    for place, (title, names) in enumerate(GROUPS.items()):
        shown = Group(title, sort_key=place)
        for name in names:
            if name in there:
                application[name].group = (shown,)
