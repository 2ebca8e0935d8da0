"""
Fill the reference pages from the tables that the service runs on.

    python docs/reference_pages.py           say what is out of date, and fail if anything is
    python docs/reference_pages.py --write   bring the pages up to date

A page is prose with places for what is known to the code: between `<!-- from the code: NAME -->` and `<!-- end -->`
stands what the function of that name in `BLOCKS` returns. Operations, settings, limits, roles and refusals come from
the package itself, and what a setting or a limit means is its docstring there, so a page cannot say anything else than
the service does.
"""

import ast
import dataclasses
import inspect
import itertools
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType

from strongroom import config
from strongroom.app.dispatch import Surfaces
from strongroom.cli.seed import document as apply_file
from strongroom.cli.seed.schema import Member, Shape
from strongroom.core import (
    acme_limits,
    audit_limits,
    certificate_limits,
    deployment_limits,
    errors,
    event_limits,
    limits,
    network_limits,
    release_limits,
)
from strongroom.core import service_limits as service_limit
from strongroom.core.aadsts import REFUSALS
from strongroom.core.api_versions import DATA_PLANE, KEY_VAULT_ARM
from strongroom.core.builtin_roles import BUILTIN_ROLES
from strongroom.core.delegated_permissions import AS_USER, DELEGATED_PERMISSIONS, OWN_PROFILE
from strongroom.core.directory_roles import APPLICATION_PERMISSIONS, DIRECTORY_ROLES, EVERYTHING, OWNED_APPLICATIONS
from strongroom.core.permissions import (
    AnyOf,
    Authenticated,
    ControlAction,
    DataPermission,
    DirectoryPermission,
    Public,
    Requirement,
)
from strongroom.flow import settings as flow_settings
from strongroom.flow.operation import Op
from strongroom.http import problems
from strongroom.http.problems import Dialect, Moment

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
BLOCK = re.compile(r"(<!-- from the code: (?P<name>[\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
SOURCE = re.compile(r" \((?:reference|security\.md) [^)]*\)")
"""Where a rule comes from is for those who read the code."""

# ---- operations -----------------------------------------------------------------------------------------------------

SURFACES: Mapping[str, str] = {
    "vault": "data plane",
    "login": "token service",
    "management": "management plane",
    "graph": "directory",
    "identity": "managed identity",
    "metadata": "metadata",
    "pki": "private CA",
    "control": "control",
}
"""Every surface that has operations of its own, and what it is called on these pages."""


def operations(surface: str) -> str:
    """Write one surface's operations, with the columns that mean something there."""
    columns = ["operation", "method", "path", "requires", "success"]
    if surface == "vault":
        columns[4:4] = ["versions", "throttle class"]
    return table(columns, (_operation(surface, op) for op in Surfaces()[surface].operations))


def _operation(surface: str, op: Op) -> tuple[str, ...]:
    cells = [f"`{op.name}`", op.method, f"`{op.path}`", requirement(op.requires), str(op.success)]
    if surface == "vault":
        cells[4:4] = [_versions(op), op.throttle]
    return tuple(cells)


def requirement(needed: Requirement) -> str:
    """Say what an operation requires."""
    match needed:
        case Public():
            return "public"
        case Authenticated(None):
            return "any principal of the tenant"
        case Authenticated(delegated):
            return f"the user itself; `scp`: `{delegated}`"
        case ControlAction(action, _):
            return f"`{action}`"
        case DataPermission(category, word, action, _):
            return f"policy `{category}/{word}`; role `{action}`"
        case AnyOf(options):
            return ", or ".join(requirement(option) for option in options)
        case DirectoryPermission(name, write, itself, owner, owned):
            who = "" if write else "; any user of the tenant"
            who += "; itself" if itself else ""
            who += "; an owner" if owner else ""
            who += f"; `{OWNED_APPLICATIONS}` for its own" if owned else ""
            return f"`{name}`{who}"


def _versions(op: Op) -> str:
    if not op.versioned:
        return "none asked"
    return f"from {op.since}"


def public_operations() -> str:
    """Write which operations anyone may ask for, and which of them still want a proof in the request."""
    surfaces = Surfaces()
    rows = [
        (f"`{op.name}`", title, "the request itself" if op.authenticates else "nothing")
        for name, title in SURFACES.items()
        for op in surfaces[name].operations
        if isinstance(op.requires, Public)
    ]
    return table(("operation", "surface", "what proves the caller"), rows)


# ---- settings -------------------------------------------------------------------------------------------------------

_OPTIONS: Mapping[str, str] = {"data": "`--data`", "domain": "`--domain`", "port": "`--port`"}


def settings() -> str:
    """Write every setting, and by which names it is given."""
    own = _described(config, config.Settings)
    flow = _described(flow_settings, flow_settings.FlowSettings)
    rows = [
        _setting(field, own[field.name], "" if field.name == "data" else f"`{field.name}`", "")
        for field in dataclasses.fields(config.Settings)
        if field.name != "flow"
    ]
    rows += [
        _setting(field, flow[field.name], f"`{field.name}` under `[flow]`", "FLOW_")
        for field in dataclasses.fields(flow_settings.FlowSettings)
        if field.name not in config.DERIVED
    ]
    return table((f"in `{config.CONFIG_FILE}`", "environment", "option", "type", "default", "is"), rows)


def _setting(field: dataclasses.Field[object], text: str, key: str, prefix: str) -> tuple[str, ...]:
    variable = f"`{config.ENVIRONMENT_PREFIX}{prefix}{field.name.upper()}`"
    option = "" if prefix else _OPTIONS.get(field.name, "")
    default = "this user's own" if field.default is dataclasses.MISSING else f"`{json.dumps(field.default)}`"
    return (key, variable, option, f"{field.type}".lower(), default, text)


def _described(module: ModuleType, settings_class: type) -> dict[str, str]:
    """Return the docstrings of a class's attributes, and fail if one has none."""
    tree = ast.parse(inspect.getsource(module))
    name = settings_class.__name__
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    described = _documented(found.body)
    silent = [field.name for field in dataclasses.fields(settings_class) if field.name not in described]
    if silent:
        raise SystemExit(f"{module.__name__}.{name} does not say what these are: {', '.join(silent)}")
    return described


# ---- limits ---------------------------------------------------------------------------------------------------------


LIMITS = (
    limits,
    network_limits,
    release_limits,
    audit_limits,
    deployment_limits,
    certificate_limits,
    acme_limits,
    event_limits,
)
"""The modules that name them."""


def fixed_limits() -> str:
    """Write every limit, and fail if one does not say what it limits."""
    rows: list[tuple[str, ...]] = []
    for module in LIMITS:
        described = _documented(ast.parse(inspect.getsource(module)).body)
        names = [name for name in vars(module) if name.isupper()]
        silent = [name for name in names if name not in described]
        if silent:
            raise SystemExit(f"{module.__name__} does not say what these are: {', '.join(silent)}")
        rows += [(f"`{name}`", _amount(name, getattr(module, name)), described[name]) for name in names]
    return table(("limit", "value", "is"), rows)


def service_limits() -> str:
    """Write how much of each class a vault may be asked."""
    rows = [(kind, str(charge.most)) for kind, charge in service_limit.REQUESTS.items()]
    for where, in_token in (("software", False), ("a token", True)):
        rows.append((f"key: made, in {where}", str(service_limit.KEY_CREATES[in_token])))
        rows += [
            (f"key: used, in {where}, {'EC, oct, ' if bits == 2048 else ''}RSA of {bits} bits", str(most))
            for bits, most in service_limit.KEY_USES[in_token].items()
        ]
    return table(("throttle class", f"requests in {service_limit.WINDOW_S} seconds"), rows)


_KIBI = 1024
_UNITS: Mapping[str, str] = {"_S": " s", "_BYTES": " bytes", "_CHARS": " characters", "_DAYS": " days"}


def _amount(name: str, value: float) -> str:
    """Write a number with its unit, which is the last word of its name."""
    if name.endswith("_BYTES") and isinstance(value, int) and value % _KIBI == 0:
        return f"{value // _KIBI**2} MiB" if value % _KIBI**2 == 0 else f"{value // _KIBI} KiB"
    unit = next((text for end, text in _UNITS.items() if name.endswith(end)), "")
    return f"{value:,}".replace(",", " ") + unit


# ---- roles ----------------------------------------------------------------------------------------------------------


def directory_roles() -> str:
    """Write what each directory role gives."""
    rows = [(role.name, f"`{id_}`", _rights(role.gives)) for id_, role in DIRECTORY_ROLES.items()]
    return table(("role", "template id", "gives"), rows)


def application_permissions() -> str:
    """Write what each application permission of Graph gives."""
    rows = [
        (f"`{one.name}`", f"`{id_}`", _rights(one.gives - {one.name})) for id_, one in APPLICATION_PERMISSIONS.items()
    ]
    return table(("permission", "app role id", "gives besides"), rows)


def delegated_permissions() -> str:
    """Write which rights of its user each delegated permission of Graph lets a client use."""
    rights = sorted(EVERYTHING | {OWN_PROFILE})
    rows = []
    for id_, one in DELEGATED_PERMISSIONS.items():
        besides = frozenset(right for right in rights if right != one.name and one.allows(right))
        allowed = "whatever the user may" if one.name == AS_USER else _rights(besides)
        rows.append((f"`{one.name}`", f"`{id_}`", "an administrator" if one.admin else "users", allowed))
    return table(("permission", "scope id", "consent by", "allows besides"), rows)


def _rights(names: frozenset[str]) -> str:
    return "everything" if names == EVERYTHING else "<br>".join(f"`{name}`" for name in sorted(names))


def roles() -> str:
    """Write every built-in role."""
    parts = []
    for role in BUILTIN_ROLES.values():
        patterns = {
            "actions": role.actions,
            "not actions": role.not_actions,
            "data actions": role.data_actions,
            "not data actions": role.not_data_actions,
        }
        rows = [(kind, "<br>".join(f"`{text}`" for text in texts)) for kind, texts in patterns.items() if texts]
        parts += [f"## {role.name}", f"`{role.id}`. {role.description}"]
        if role.condition:
            parts.append("**It has a condition, so it grants nothing until conditions are evaluated.**")
        parts.append(table(("", "patterns"), rows))
    return "\n\n".join(parts)


# ---- refusals -------------------------------------------------------------------------------------------------------

DIALECTS: Mapping[Dialect, str] = {
    problems.KEY_VAULT: "data plane",
    problems.ARM: "management plane, control",
    problems.GRAPH: "directory",
    problems.OAUTH: "token service",
    problems.MANAGED_IDENTITY: "managed identity",
    problems.METADATA: "metadata",
}
_MOMENT = Moment("{request id}", "{correlation id}", "2026-01-02 03:04:05Z", "https://{host}")


def refusals() -> str:
    """Write the status and the default word of each class of failure, in each dialect."""
    kinds = sorted(problems.STATUS, key=problems.STATUS.__getitem__)
    rows = [(_meaning(kind), *(_answer(kind, dialect) for dialect in DIALECTS)) for kind in kinds]
    rows.append(("A fault of the service itself.", *(_answer(None, dialect) for dialect in DIALECTS)))
    return table(("because", *DIALECTS.values()), rows)


def _meaning(kind: type[errors.Failure]) -> str:
    return (inspect.getdoc(kind) or "").partition(" (")[0].rstrip(".") + "."


def _answer(kind: type[errors.Failure] | None, dialect: Dialect) -> str:
    """Render a failure, or a fault of ours, and give the status and the word in it."""
    refused = problems.unexpected(dialect, _MOMENT) if kind is None else problems.render(kind(""), dialect, _MOMENT)
    body = json.loads(refused.body)
    error = body.get("error", body)
    return f"{refused.status} `{error if isinstance(error, str) else error['code']}`"


def forms() -> str:
    """Write what a refusal looks like in each dialect."""
    parts = []
    for dialect, title in DIALECTS.items():
        body = json.loads(problems.render(errors.NotFound("{sentence}"), dialect, _MOMENT).body)
        parts += [f"{title.capitalize()}:", f"```json\n{json.dumps(body, indent=2)}\n```"]
    return "\n\n".join(parts)


def aadsts() -> str:
    """Write every number that the token service says no with."""
    rows = [
        (f"AADSTS{row.number}", f"`{row.error}`", str(problems.status_of(row.kind(""), problems.OAUTH)), row.sentence)
        for row in sorted(REFUSALS.values(), key=lambda row: row.number)
    ]
    return table(("number", "error", "status", "sentence"), rows)


# ---- pages ----------------------------------------------------------------------------------------------------------


def file_shapes() -> str:
    """Write what may stand in a file of `strongroom apply`."""
    return "\n\n".join(_shape(shape, members) for shape, members in apply_file.reference())


def _shape(shape: Shape, members: Iterable[tuple[str, Member]]) -> str:
    rows = ((f"`{name}`", one.kind.words, "yes" if one.required else "", one.about) for name, one in members)
    return f"## {shape.name[0].upper()}{shape.name[1:]}\n\n" + table(["member", "is", "required", "means"], rows)


BLOCKS: Mapping[str, Callable[[], str]] = {
    **{f"{title} operations": partial(operations, name) for name, title in SURFACES.items()},
    "public operations": public_operations,
    "operations by address": lambda: ", ".join(f"`{op.name}`" for op in Surfaces()["bare"].operations),
    "data plane versions": lambda: ", ".join(f"`{version}`" for version in DATA_PLANE),
    "management plane versions": lambda: ", ".join(f"`{version}`" for version in KEY_VAULT_ARM),
    "settings": settings,
    "limits": fixed_limits,
    "service limits": service_limits,
    "roles": roles,
    "directory roles": directory_roles,
    "application permissions": application_permissions,
    "delegated permissions": delegated_permissions,
    "refusals": refusals,
    "forms": forms,
    "aadsts": aadsts,
    "file shapes": file_shapes,
}


def _documented(body: Sequence[ast.stmt]) -> dict[str, str]:
    """Return the docstring that follows each assignment that has one, by the name assigned."""
    found = {}
    for node, following in itertools.pairwise(body):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        text = following.value if isinstance(following, ast.Expr) else None
        if isinstance(target, ast.Name) and isinstance(text, ast.Constant):
            found[target.id] = SOURCE.sub("", inspect.cleandoc(str(text.value)).replace("\n", " "))
    return found


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def filled(text: str) -> str:
    """
    Return a page's text with its blocks written anew.

    Raises:
        KeyError: it has a block that nothing fills.
    """
    return BLOCK.sub(lambda block: f"{block[1]}\n{BLOCKS[block['name']]()}\n\n{block[3]}", text)


def main() -> int:
    """Write the pages, or say which need writing."""
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
    places = Counter(block["name"] for text in pages.values() for block in BLOCK.finditer(text))
    if places != Counter(BLOCKS.keys()):
        wrong = sorted(set(places - Counter(BLOCKS.keys())) | set(Counter(BLOCKS.keys()) - places))
        print(f"not in exactly one place, or filled by nothing: {', '.join(wrong)}", file=sys.stderr)
        return 1
    outdated = {path: filled(text) for path, text in pages.items() if filled(text) != text}
    if "--write" in sys.argv[1:]:
        for path, text in outdated.items():
            path.write_text(text, encoding="utf-8")
        return 0
    if outdated:
        names = ", ".join(path.name for path in outdated)
        print(f"out of date: {names}: run python docs/reference_pages.py --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
