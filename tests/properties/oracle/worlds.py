"""
Random worlds of rights, and questions about them, made so that they meet.

Names begin alike, spellings differ in case or encoding, patterns are cut from the actions that are asked, and
conditions are about attributes that are there, or not.

Everything follows from the `random.Random` that is handed in.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.properties.oracle.conditions import CROSSES, Attributes, Scalar
from tests.properties.oracle.rights import EVERYONE, Denial, Grant, Question, World
from tests.properties.oracle.roles import BUILT_IN, Role

TENANT, FOREIGN = "7e4a0000-0000-4000-8000-00000000000a", "7e4a0000-0000-4000-8000-00000000000b"
PRINCIPALS = tuple(f"0b1ec700-0000-4000-8000-{place:012x}" for place in range(9))
GROUPS = ("dev", "dev2", "corp", "corp-dev", "platform")
SUBSCRIPTIONS = ("5ab50000-0000-4000-8000-000000000001", "5ab50000-0000-4000-8000-000000000012", "sub")
GUIDS = (*sorted(BUILT_IN)[:5], "c0500000-0000-4000-8000-000000000001")
CUSTOM = tuple(f"c0500000-0000-4000-8000-{place:012x}" for place in range(1, 5))

_KV = "Microsoft.KeyVault/vaults/"
DATA_ACTIONS = tuple(
    _KV + rest
    for rest in (
        "secrets/getSecret/action", "secrets/setSecret/action", "secrets/readMetadata/action", "secrets/update/action",
        "secrets/delete", "secrets/backup/action", "secrets/recover/action", "secrets/purge/action",
        "secrets/restore/action", "keys/read", "keys/create/action", "keys/sign/action", "keys/wrap/action",
        "keys/delete", "keys/release/action", "keyrotationpolicies/read", "keyrotationpolicies/write",
        "certificates/read", "certificates/create/action", "certificates/delete", "certificatecas/read",
        "certificatecas/write", "certificatecontacts/write",
    )
)  # fmt: skip
CONTROL_ACTIONS = (
    "Microsoft.KeyVault/vaults/read", "Microsoft.KeyVault/vaults/write", "Microsoft.KeyVault/vaults/delete",
    "Microsoft.KeyVault/vaults/accessPolicies/write", "Microsoft.KeyVault/vaults/secrets/read",
    "Microsoft.KeyVault/vaults/secrets/write", "Microsoft.KeyVault/locations/deletedVaults/read",
    "Microsoft.KeyVault/locations/deletedVaults/purge/action", "Microsoft.KeyVault/locations/operationResults/read",
    "Microsoft.KeyVault/managedHsms/write", "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Authorization/roleAssignments/delete", "Microsoft.Authorization/roleAssignments/read",
    "Microsoft.Authorization/denyAssignments/write", "Microsoft.Authorization/elevateAccess/action",
    "Microsoft.Resources/deployments/write", "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Resources/subscriptions/resourceGroups/write", "Microsoft.Management/managementGroups/read",
    "Microsoft.Support/supportTickets/write", "Microsoft.Insights/alertRules/write",
    "Microsoft.EventGrid/eventSubscriptions/write",
)  # fmt: skip

# ---- attributes of every type, with the values that they take

_TEXTS = ("app-1", "APP-1", "app-12", "app", "db", "a.c", "a*c", "abc", "s")
_LIKES = ("app-*", "*", "a?c", "a\\*c", "a\\?c", "*-1", "APP*", "?", "app-1", "*p*-*", "")
_MOMENTS = ("2026-01-01T00:00:00.0000000Z", "2026-06-01T12:00:00.0Z", "2027-01-01T00:00:00Z")
_NUMBERS = (-1, 0, 7, 10, 20)
ATTRIBUTES: dict[tuple[str, str], str] = {
    ("Resource", "Microsoft.KeyVault/vaults:name"): "text",
    ("Resource", "Microsoft.KeyVault/vaults/secrets:name"): "text",
    ("Request", "Microsoft.KeyVault/vaults/secrets:name"): "text",
    ("Request", "Microsoft.Authorization/roleAssignments:RoleDefinitionId"): "guid",
    ("Resource", "Microsoft.Authorization/roleAssignments:RoleDefinitionId"): "guid",
    ("Request", "Microsoft.Authorization/roleAssignments:PrincipalId"): "guids",
    ("Resource", "Microsoft.Authorization/roleAssignments:PrincipalType"): "text",
    ("Environment", "UtcNow"): "moment",
    ("Environment", "isPrivateLink"): "truth",
    ("Environment", "Microsoft.Network/privateEndpoints"): "text",
    ("Environment", "Microsoft.Network/virtualNetworks/subnets"): "texts",
}
_UNHEARD_OF = (
    "@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:Team_Project]",
    "@Resource[Microsoft.KeyVault/vaults:tags]",
    "@Request[Microsoft.KeyVault/vaults:name]",
    "@Environment[name]",
    "@Resource[name]",
)
_TEXT_OPERATORS = tuple(
    f"String{negation}{name}{case}"
    for negation in ("", "Not")
    for name in ("Equals", "StartsWith", "Like")
    for case in ("", "IgnoreCase")
)
_ORDERS = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
_OPERATORS = {
    "text": _TEXT_OPERATORS,
    "guid": ("GuidEquals", "GuidNotEquals"),
    "moment": tuple(f"DateTime{name}" for name in _ORDERS),
    "number": tuple(f"Numeric{name}" for name in _ORDERS),
    "truth": ("BoolEquals", "BoolNotEquals"),
}


def _value(chance: Random, kind: str) -> Scalar:
    if kind == "text":
        return chance.choice(_TEXTS)
    if kind == "guid":
        return _spelled(chance, chance.choice(GUIDS))
    if kind == "moment":
        return chance.choice(_MOMENTS)
    return chance.choice(_NUMBERS) if kind == "number" else chance.random() < 0.5


def attributes(chance: Random) -> Attributes:
    """Make the attributes of a question; each may be missing."""
    made: dict[tuple[str, str], Scalar | tuple[Scalar, ...]] = {}
    for (source, name), kind in ATTRIBUTES.items():
        if chance.random() < 0.2:
            continue
        key = (source.lower(), name.lower())
        if kind.endswith("s"):
            made[key] = tuple(_value(chance, kind[:-1]) for _ in range(chance.randint(1, 3)))
        else:
            made[key] = _value(chance, kind)
    return made


# ---- conditions -----------------------------------------------------------------------------------------------------


def _literal(chance: Random, kind: str, operator: str) -> str:
    if kind == "text" and "Like" in operator:
        return f"'{chance.choice(_LIKES)}'"
    value = _value(chance, kind)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return value if kind == "guid" and chance.random() < 0.7 else f"'{value}'"


def _of_what_is_written(chance: Random) -> str:
    """Compare values with values, as the documentation's examples do: there are no attributes with numbers."""
    operator = chance.choice(_OPERATORS["number"])
    if chance.random() < 0.5:
        return f"{_literal(chance, 'number', operator)} {operator} {_literal(chance, 'number', operator)}"
    left, right = (
        ", ".join(_literal(chance, "number", operator) for _ in range(chance.randint(1, 3))) for _ in range(2)
    )
    return f"{{{left}}} {chance.choice(CROSSES)}:{operator} {{{right}}}"


def _comparison(chance: Random) -> str:
    if chance.random() < 0.06:
        return _of_what_is_written(chance)
    (source, name), kind = chance.choice(list(ATTRIBUTES.items()))
    several, kind = kind.endswith("s"), kind.removesuffix("s")
    attribute = f"@{source}[{_spelled(chance, name)}]"
    if chance.random() < 0.03:
        attribute = chance.choice(_UNHEARD_OF)
    if chance.random() < 0.08:
        return f"Exists {attribute}"
    # Now and then the values are of another kind than the operator: nobody can know what comes of that.
    of = chance.choice(list(_OPERATORS)) if chance.random() < 0.04 else kind
    operator = chance.choice(_OPERATORS[of])
    if several or (of in {"text", "guid", "number"} and chance.random() < 0.35):
        values = ", ".join(_literal(chance, of, operator) for _ in range(chance.randint(1, 3)))
        return f"{attribute} {chance.choice(CROSSES)}:{operator} {{{values}}}"
    if of == kind == "text" and chance.random() < 0.1:
        return f"{attribute} {operator} @Resource[Microsoft.KeyVault/vaults:name]"
    return f"{attribute} {operator} {_literal(chance, of, operator)}"


def _clause(chance: Random, depth: int) -> str:
    """Make a part of a condition that can stand beside others without parentheses of its own."""
    roll = chance.random()
    if depth == 0 or roll < 0.35:
        return _comparison(chance)
    if roll < 0.5:
        return f"ActionMatches{{'{pattern(chance, DATA_ACTIONS + CONTROL_ACTIONS)}'}}"
    if roll < 0.65:
        return f"{chance.choice(['!', 'NOT ', '! '])}({_clause(chance, depth - 1)})"
    word = chance.choice([" AND ", " && ", " OR ", " || "])
    parts = (_clause(chance, depth - 1) for _ in range(chance.randint(2, 3)))
    return "(" + word.join(f"({part})" if chance.random() < 0.5 else part for part in parts) + ")"


_BROKEN = (
    "", " ", "true", "'app-1'", "()", "!", "ActionMatches", "ActionMatches{}", "ActionMatches('x')", "Exists 'app'",
    "@Resource[Microsoft.KeyVault/vaults:name] StringResembles 'app'",
    "@Resource[Microsoft.KeyVault/vaults:name] StringEquals 'app",
    "@Resource[Microsoft.KeyVault/vaults:name] StringEquals",
    "@Resource[Microsoft.KeyVault/vaults:name StringEquals 'app'",
    "@Resource[] StringEquals 'app'", "@Thing[name] StringEquals 'app'", "StringEquals 'app'",
    "@Resource[Microsoft.KeyVault/vaults:name] ForSomeOfAnyValues:StringEquals {'app'}",
    "@Resource[Microsoft.KeyVault/vaults:name] ForAnyOfAnyValues:StringEquals {}",
    "@Resource[Microsoft.KeyVault/vaults:name] ForAnyOfAnyValues:StringEquals {'app', }",
    "@Resource[Microsoft.KeyVault/vaults:name] ForAnyOfAnyValues:StringEquals {'app' 'db'}",
)  # fmt: skip


def condition(chance: Random) -> str:
    """Make a condition; one in ten cannot be read."""
    action = chance.choice(DATA_ACTIONS + CONTROL_ACTIONS)
    text = (
        f"(!(ActionMatches{{'{action}'}}) OR ({_comparison(chance)}))"
        if chance.random() < 0.5
        else _clause(chance, chance.randint(1, 3))
    )
    roll = chance.random()
    if roll > 0.1:
        return text.replace(" ", "  ", 2) if roll > 0.8 else text
    always = "ActionMatches{'*'}"
    spoiled = (
        f"{text})", f"({text}", f"{text} AND", f"OR {text}", f"{text} {always}", f"{text} # {always}",
        f"{always} OR {chance.choice(_BROKEN) or '()'}", f"{text};", f"not {text}",
        f"{text} XOR {always}", f"{text} or {always}",
    )  # fmt: skip
    return chance.choice(spoiled) if chance.random() < 0.6 else chance.choice(_BROKEN)


# ---- scopes and patterns --------------------------------------------------------------------------------------------


def _spelled(chance: Random, text: str) -> str:
    """Spell a text in one of the ways that mean the same."""
    roll = chance.random()
    if roll < 0.6:
        return text
    if roll < 0.9:
        return text.upper() if roll < 0.75 else text.lower()
    return "".join(letter.upper() if chance.random() < 0.5 else letter.lower() for letter in text)


def scope(chance: Random) -> str:
    """Make a scope of any depth in a small tree, in any spelling, and now and then one that is only like another."""
    roll = chance.random()
    if roll < 0.03:
        return "/"
    if roll < 0.18:
        text = f"/providers/Microsoft.Management/managementGroups/{chance.choice([*GROUPS, TENANT])}"
    else:
        names = [
            "subscriptions", chance.choice(SUBSCRIPTIONS), "resourceGroups", chance.choice(["rg", "rg2"]), "providers",
            "Microsoft.KeyVault", "vaults", chance.choice(["a", "ab", "a-b"]),
            chance.choice(["secrets", "secrets", "keys", "certificates"]), chance.choice(["s", "s1"]),
        ]  # fmt: skip
        depth = chance.choice([2, 4, 4, 8, 8, 8, 10, 10, 10, chance.randint(1, 9)])
        text = "/" + "/".join(names[:depth])
    return _altered(chance, _spelled(chance, text))


def _altered(chance: Random, text: str) -> str:
    roll = chance.random()
    if roll > 0.16:
        return text
    if roll < 0.04:
        return text + "/"
    if roll < 0.07:
        return text + chance.choice(["2", "b", ".", "%2f", "%20", "/."])
    if roll < 0.09:
        # An encoded letter is not decoded here: it is another name.
        return text[:-1] + f"%{ord(text[-1]):02x}"
    if roll < 0.11:
        return text.replace("/", "//", 1) if roll < 0.1 else text[::-1].replace("/", "//", 1)[::-1]
    return text.removeprefix("/") if roll < 0.12 else text.replace("/providers/", "/", 1) if roll < 0.13 else text


def pattern(chance: Random, actions: tuple[str, ...]) -> str:
    """Cut a pattern from an action: as it is, with words that are wildcards, or with an end that is one."""
    roll = chance.random()
    if roll < 0.05:
        return chance.choice(["*", "*/read", "*/action", "*/write", "Microsoft.KeyVault/*", "*secrets*"])
    action = chance.choice(actions)
    if roll < 0.4:
        return _spelled(chance, action)
    if roll < 0.6:
        return action[: chance.randint(0, len(action))] + "*"
    if roll < 0.7:
        return "*" + action[chance.randint(0, len(action)) :]
    words = action.split("/")
    for _ in range(chance.randint(1, 2)):
        words[chance.randrange(len(words))] = "*"
    return _spelled(chance, "/".join(words))


def _patterns(chance: Random, actions: tuple[str, ...], most: int) -> tuple[str, ...]:
    return tuple(pattern(chance, actions) for _ in range(chance.randint(0, most)))


def _role(chance: Random) -> Role:
    return Role(
        _patterns(chance, CONTROL_ACTIONS, 4),
        _patterns(chance, CONTROL_ACTIONS, 2),
        _patterns(chance, DATA_ACTIONS, 4),
        _patterns(chance, DATA_ACTIONS, 2),
        condition(chance) if chance.random() < 0.15 else None,
        FOREIGN if chance.random() < 0.1 else TENANT,
    )


# ---- worlds and questions -------------------------------------------------------------------------------------------


def _denial(chance: Random, name: str, roles: dict[str, Role], grants: tuple[Grant, ...]) -> Denial:
    """Make a deny assignment, mostly one that takes away some of what an assignment gives."""
    aim = chance.choice(grants)
    given = roles.get(aim.role)
    overlapping = chance.random() < 0.7
    what = given if overlapping and given is not None else _role(chance)
    if overlapping and chance.random() < 0.5:
        what = replace(what, not_actions=_patterns(chance, CONTROL_ACTIONS, 2))
        what = replace(what, not_data_actions=_patterns(chance, DATA_ACTIONS, 2))
    return Denial(
        name,
        FOREIGN if chance.random() < 0.08 else TENANT,
        _altered(chance, aim.scope) if overlapping and chance.random() < 0.7 else scope(chance),
        (EVERYONE,) if chance.random() < 0.5 else tuple(chance.sample(PRINCIPALS, chance.randint(1, 3))),
        replace(what, condition=None),
        tuple(chance.sample(PRINCIPALS, chance.randint(0, 2))),
        chance.random() < 0.3,
        condition(chance) if chance.random() < 0.25 else None,
    )


def world(chance: Random) -> World:
    """Make a world of up to two dozen assignments and a handful of deny assignments."""
    roles = {**BUILT_IN, **{name: _role(chance) for name in CUSTOM}}
    named = [*CUSTOM, *CUSTOM, *BUILT_IN, "c0500000-0000-4000-8000-00000000dead"]
    grants = tuple(
        Grant(
            f"a5510000-0000-4000-8000-{place:012x}",
            FOREIGN if chance.random() < 0.04 else TENANT,
            chance.choice(PRINCIPALS),
            chance.choice(named),
            scope(chance),
            condition(chance) if chance.random() < 0.4 else None,
        )
        for place in range(chance.randint(2, 24))
    )
    denials = tuple(
        _denial(chance, f"de510000-0000-4000-8000-{place:012x}", roles, grants)
        for place in range(chance.choice([0, 1, 1, 2, 2, 3, 4]))
    )
    parents: dict[str, str] = {}
    for place, group in enumerate(GROUPS):
        # Each group is below one that was made before it, or below the root.
        if place and chance.random() < 0.7:
            parents[f"group:{group}"] = chance.choice(GROUPS[:place])
    for subscription in SUBSCRIPTIONS:
        if chance.random() < 0.8:
            parents[f"subscription:{subscription}"] = chance.choice(GROUPS)
    return World(TENANT, roles, grants, denials, parents)


def _asked_action(chance: Random, role: Role, *, data: bool) -> str:
    """Ask for what a role has a pattern for, or nearly."""
    given = (role.data_actions if data else role.actions) or ("*",)
    actions = DATA_ACTIONS if data else CONTROL_ACTIONS
    words = chance.choice(given).split("*")
    fitting = [action for action in actions if action.lower().startswith(words[0].lower())] or list(actions)
    return chance.choice(fitting)


def question(chance: Random, about: World) -> Question:
    """Ask, mostly about something that one of the world's assignments is for."""
    principals = set(chance.sample(PRINCIPALS, chance.randint(1, 3)))
    data = chance.random() < 0.65
    where, action = scope(chance), chance.choice(DATA_ACTIONS if data else CONTROL_ACTIONS)
    if chance.random() < 0.8:
        aims: list[Grant | Denial] = [*about.grants, *about.grants, *about.denials]
        aim = chance.choice(aims)
        if isinstance(aim, Grant):
            principals.add(aim.principal)
        role = about.roles.get(aim.role, Role()) if isinstance(aim, Grant) else aim.what
        if chance.random() < 0.9:
            data = bool(role.data_actions) and (not role.actions or chance.random() < 0.7)
        action = _asked_action(chance, role, data=data)
        if chance.random() < 0.8:
            where = _below(chance, aim.scope)
    if chance.random() < 0.03:
        # As a plane mixed up would ask.
        data = not data
    return Question(frozenset(principals), where, _spelled(chance, action), data, attributes(chance))


_REST = ("resourceGroups", "rg", "providers", "Microsoft.KeyVault", "vaults", "a", "secrets", "s")


def _below(chance: Random, above: str) -> str:
    """Name a scope at or below another, or one whose name only begins like it."""
    names = [name for name in above.split("/") if name]
    if names[1:2] and names[1].lower() == "microsoft.management" and chance.random() < 0.8:
        text = "/" + "/".join(("subscriptions", chance.choice(SUBSCRIPTIONS), *_REST[: chance.choice([0, 2, 6, 8])]))
    elif len(names) < 10 and chance.random() < 0.75:
        depth = max(len(names) - 2, 0)
        start = "" if names else f"/subscriptions/{chance.choice(SUBSCRIPTIONS)}"
        more = _REST[depth : max(depth, chance.choice([2, 6, 8]))]
        text = start + above.rstrip("/") + "".join(f"/{name}" for name in more)
    else:
        text = above
    if chance.random() < 0.06:
        text = text.rstrip("/") + chance.choice(["2", "b"])
    return _altered(chance, _spelled(chance, text))


def rephrased(chance: Random, asked: Question) -> Question:
    """Ask once more with one thing changed, as whoever remembers answers too long would get wrong."""
    roll = chance.random()
    if roll < 0.5:
        return replace(asked, attributes=attributes(chance))
    if roll < 0.7:
        return replace(asked, data=not asked.data)
    if roll < 0.85:
        return replace(asked, principals=frozenset(chance.sample(PRINCIPALS, 2)))
    return replace(asked, scope=_spelled(chance, asked.scope))
