"""A surface, as the flow sees it: a table of operations, a way of saying no, and how its callers prove themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from strongroom.core.echo import REDACTED, Form
from strongroom.core.errors import NotFound
from strongroom.core.names import Surface as SurfaceName
from strongroom.flow.operation import Op
from strongroom.http.problems import Dialect
from strongroom.http.routing import Router

SplitTenant = Callable[[bytes], tuple[bytes, str | None]]
Respell = Callable[[str, bytes], bytes]
"""Takes the method, too."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """
    One part of the service.

    Attributes:
        audience: whose tokens it takes; None where every row is Public.
        shown_path: says what the journal may have of a path; None: the whole path, which is made of names.
        words: the words of its paths, in lower case.
        unserved: says in the surface's own words that nothing is served at a path; None takes the router's words.
        respelled: gives a path as the table has it, where clients spell one of a method in another way too.
        split_tenant: takes the caller's tenant out of a path that may name it besides what its template has, and gives
            the rest and that tenant, or None; `authorization` lets nobody name another one than his own.
    """

    name: str
    dialect: Dialect
    router: Router[Op]
    operations: tuple[Op, ...]
    audience: SurfaceName | None = None
    has_vaults: bool = False
    unserved: Callable[[bytes], NotFound] | None = None
    shown_path: Callable[[bytes], str] | None = None
    words: frozenset[str] = frozenset()
    split_tenant: SplitTenant | None = None
    respelled: Respell | None = None


def words_only(operations: Iterable[Op], form: Form | None = None) -> Callable[[bytes], str]:
    """Make a `shown_path` that shows the words of a table, and what has *form*, and nothing else."""
    words = {word for op in operations for word in op.path.split("/") if "{" not in word}

    def shown_path(path: bytes) -> str:
        texts = path.decode("latin-1").split("/")
        return "/".join(text if text in words or (form and form.fullmatch(text)) else REDACTED for text in texts)

    return shown_path


def make_surface(
    name: str,
    dialect: Dialect,
    operations: tuple[Op, ...],
    *,
    audience: SurfaceName | None = None,
    case_insensitive: bool = False,
    unserved: Callable[[bytes], NotFound] | None = None,
    shown_path: Callable[[bytes], str] | None = None,
    split_tenant: SplitTenant | None = None,
    respelled: Respell | None = None,
) -> Surface:
    """Compile a surface's table."""
    router = Router(operations, case_insensitive=case_insensitive)
    return Surface(
        name,
        dialect,
        router,
        operations,
        audience,
        has_vaults=audience is SurfaceName.VAULT,
        unserved=unserved,
        shown_path=shown_path,
        words=frozenset(part.lower() for op in operations for part in op.path.split("/") if "{" not in part),
        split_tenant=split_tenant,
        respelled=respelled,
    )
