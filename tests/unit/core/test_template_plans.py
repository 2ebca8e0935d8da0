"""What a template comes to: its parameters, its resources and their order, its bodies and outputs."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core import deployment_limits as limits
from strongroom.core.templates.bodies import evaluate_body, evaluate_outputs
from strongroom.core.templates.differences import differences
from strongroom.core.templates.document import read_template
from strongroom.core.templates.faults import Needed, TemplateFault
from strongroom.core.templates.hiding import hide, shown_template, texts_in
from strongroom.core.templates.scopes import ScopeKind, parse_place, type_and_names
from tests.unit.core.templating import GROUP, bind, plan, resource, template

AB = f"{GROUP}/providers/A.B/c"


def ids(tree: Any, given: dict[str, Any] | None = None) -> list[str]:
    """Plan a template, and give the ids of what is deployed, without the scope."""
    return [one.id.removeprefix(f"{GROUP}/providers/") for one in plan(tree, given).deployed]


class TestParameters:
    """What a template asks for."""

    @pytest.mark.parametrize(
        ("definition", "good", "bad"),
        [
            ({"type": "string"}, ["", "a"], [1, True, [], {}]),
            ({"type": "int"}, [0, -1], ["1", True, 1.5]),
            ({"type": "bool"}, [True], [1, "true"]),
            ({"type": "object"}, [{}], [[], "a"]),
            ({"type": "array"}, [[]], [{}, "a"]),
            ({"type": "secureString"}, ["a"], [1]),
            ({"type": "secureObject"}, [{}], ["a"]),
            ({"type": "string", "nullable": True}, [None, "a"], [1]),
            ({"type": "string", "allowedValues": ["a", "b"]}, ["a"], ["c", "A"]),
            ({"type": "array", "allowedValues": ["a", "b"]}, [["a"], []], [["c"]]),
            ({"type": "string", "minLength": 2, "maxLength": 3}, ["ab", "abc"], ["a", "abcd"]),
            ({"type": "array", "minLength": 1, "maxLength": 1}, [[1]], [[], [1, 2]]),
            ({"type": "int", "minValue": 1, "maxValue": 2}, [1, 2], [0, 3]),
            ({"$ref": "#/definitions/pair"}, [{"a": "x"}, {"a": "x", "b": 1}], [{}, {"a": 1}, {"a": "x", "c": 1}]),
            ({"type": "array", "items": {"type": "int"}}, [[1, 2]], [["a"]]),
            ({"type": "array", "prefixItems": [{"type": "int"}], "items": {"type": "string"}}, [[1, "a"]], [[1, 2]]),
            (
                {
                    "type": "object",
                    "discriminator": {"propertyName": "kind", "mapping": {"p": {"$ref": "#/definitions/one"}}},
                },
                [{"kind": "p", "n": 1}],
                [{"kind": "q"}, {"kind": "p", "n": "a"}, {}],
            ),
        ],
    )
    def test_values(self, definition: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
        """A value is of the parameter's type and within its bounds, or it is refused."""
        definitions = {
            "pair": {
                "type": "object",
                "properties": {"a": {"type": "string"}, "b": {"type": "int", "nullable": True}},
                "additionalProperties": False,
            },
            "one": {"type": "object", "properties": {"kind": {"type": "string"}, "n": {"type": "int"}}},
        }
        tree = template({}, parameters={"p": definition}, definitions=definitions)
        for value in good:
            assert bind(tree, {"P": value}).parameters == {"p": value}
        for value in bad:
            with pytest.raises(TemplateFault, match="'p' is not valid"):
                bind(tree, {"p": value})

    @pytest.mark.parametrize("kind", ["string", "int", "bool", "object", "array", "secureString", "secureObject"])
    def test_null(self, kind: str) -> None:
        """Null is no value of any type that does not allow it: it is as if nothing had been given."""
        with pytest.raises(TemplateFault, match="'p' is not provided"):
            bind(template({}, parameters={"p": {"type": kind}}), {"p": None}).parameters["p"]

    def test_defaults(self) -> None:
        """Default values may ask for other parameters, the moment and new GUIDs; each is evaluated once."""
        parameters = {
            "a": {"type": "string", "defaultValue": "[concat(parameters('b'), utcNow())]"},
            "b": {"type": "string", "defaultValue": "x"},
            "c": {"type": "string", "defaultValue": "[newGuid()]"},
            "d": {"type": "string", "defaultValue": "[newGuid()]"},
            "e": {"type": "string", "defaultValue": "[parameters('c')]"},
            "f": {"type": "string", "defaultValue": "[utcNow('yyyy-MM')]"},
        }
        bound = bind(template(parameters=parameters)).parameters
        assert bound["a"] == "x20260304T050607Z"
        assert bound["f"] == "2026-03"
        assert bound["c"] == bound["e"] != bound["d"]

    def test_unknown(self) -> None:
        """A parameter that the template has not is refused, and it says which it has."""
        with pytest.raises(TemplateFault, match=r"'q'.*only supported parameters for this template are 'p'"):
            bind(template(parameters={"p": {"type": "int", "defaultValue": 1}}), {"q": 1})

    @pytest.mark.parametrize(
        ("parameters", "told"),
        [
            ({"a": {"type": "string", "defaultValue": "[parameters('a')]"}}, "depends on itself"),
            ({"a": {"$ref": "#/definitions/no"}}, "is not found"),
            ({"a": {"$ref": "#/definitions/loop"}}, "in a circle"),
            ({"a": {"type": "int"}, "A": {"type": "int"}}, "have one name"),
        ],
    )
    def test_definitions(self, parameters: dict[str, Any], told: str) -> None:
        """A definition that leads nowhere, or to itself, is refused."""
        with pytest.raises(TemplateFault, match=told):
            bind(template({}, parameters=parameters, definitions={"loop": {"$ref": "#/definitions/loop"}}))


class TestCounts:
    """How many parts a template has: as many as the limit, and not one more."""

    @pytest.mark.parametrize(
        ("part", "most", "one"),
        [
            ("parameters", limits.TEMPLATE_PARAMETERS, {"type": "int", "defaultValue": 1}),
            ("variables", limits.TEMPLATE_VARIABLES, 1),
            ("outputs", limits.TEMPLATE_OUTPUTS, {"type": "int", "value": 1}),
        ],
    )
    def test_parts(self, part: str, most: int, one: Any) -> None:
        """Parameters, variables, outputs."""
        read_template(template(**{part: {f"n{number}": one for number in range(most)}}))
        with pytest.raises(TemplateFault, match=f"{part} exceeds the limit of '{most}'"):
            read_template(template(**{part: {f"n{number}": one for number in range(most + 1)}}))

    def test_secure_texts(self) -> None:
        """Texts in secure values."""
        most = [f"text {number}" for number in range(limits.TEMPLATE_SECURE_TEXTS)]
        assert texts_in([{"a": most}]) == set(most)
        with pytest.raises(TemplateFault, match=str(limits.TEMPLATE_SECURE_TEXTS)):
            texts_in([{"a": [*most, "more"]}])

    def test_copies(self) -> None:
        """Iterations of a loop."""
        name = "[concat('a', copyIndex())]"
        loop = {"name": "l", "count": limits.TEMPLATE_COPIES}
        assert len(ids(template([resource(name, copy=loop)]))) == limits.TEMPLATE_COPIES
        with pytest.raises(TemplateFault, match="copy count"):
            ids(template([resource(name, copy={**loop, "count": limits.TEMPLATE_COPIES + 1})]))

    def test_resources(self) -> None:
        """Resources, those of loops too."""
        loop = {"name": "l", "count": limits.TEMPLATE_RESOURCES - 1}
        many = [resource("[concat('a', copyIndex())]", copy=loop), resource("b")]
        assert len(ids(template(many))) == limits.TEMPLATE_RESOURCES
        with pytest.raises(TemplateFault, match=f"resources exceeds the limit of '{limits.TEMPLATE_RESOURCES}'"):
            ids(template([*many, resource("c")]))


class TestWork:
    """How much work a template makes (`limits.TEMPLATE_WORK`), however little it writes down."""

    @pytest.mark.parametrize(
        "expression",
        [
            "equals(variables('many'), variables('many'))",
            "contains(variables('many'), 'x')",
            "max(variables('many'))",
            "indexOf(variables('long'), 'x')",
            "endsWith(variables('long'), 'x')",
            "guid(variables('long'))",
            "contains(variables('table'), 'x')",
            "tryGet(variables('table'), 'x')",
            "length(union(variables('many'), variables('many')))",
            "length(string(variables('many')))",
        ],
    )
    def test_looking(self, expression: str) -> None:
        """What is looked at costs as much as what is made, each time that it is."""
        variables = {
            "many": "[range(0, 9999)]",
            "long": "y" * 1_000_000,
            "table": "[toObject(variables('many'), lambda('i', string(lambdaVariables('i'))))]",
        }
        again = f"[map(variables('many'), lambda('i', {expression}))]"
        outputs = {"o": {"type": "array", "value": again}}
        with pytest.raises(TemplateFault, match=str(limits.TEMPLATE_WORK)):
            evaluate_outputs(plan(template(variables=variables, outputs=outputs)), {})

    def test_reading(self) -> None:
        """Expressions cost by their length, before anything is evaluated."""
        texts = [f"[concat('{number}{'x' * 2000}')]" for number in range(1000)]
        with pytest.raises(TemplateFault, match=str(limits.TEMPLATE_WORK)):
            plan(template([resource("a", properties={"x": texts})]))

    def test_as_many_as_there_may_be(self) -> None:
        """A template of as many resources as there may be, each a hundred expressions, is well within it."""
        copy = {"name": "l", "count": limits.TEMPLATE_RESOURCES}
        body = {f"p{number}": "[concat('a', copyIndex())]" for number in range(60)}
        found = plan(template([resource("[concat('a', copyIndex())]", copy=copy, properties=body)]))
        for one in found.deployed:
            evaluate_body(found, one, {})

    def test_long_lines(self) -> None:
        """What asks one another too deeply is a fault of the template."""
        variables = {f"v{number}": f"[variables('v{number + 1}')]" for number in range(500)}
        outputs = {"o": {"type": "string", "value": "[variables('v0')]"}}
        with pytest.raises(TemplateFault, match="too deeply"):
            evaluate_outputs(plan(template(variables=variables, outputs=outputs)), {})


class TestOrder:
    """What waits for what."""

    def waits(self, tree: Any) -> dict[str, set[str]]:
        """Give the names that each resource waits for."""
        found = plan(tree)
        return {one.name: {found.resources[key].name for key in one.depends} for one in found.resources.values()}

    @pytest.mark.parametrize("name", ["a", "[resourceId('A.B/c', 'a')]", "A.B/c/a"])
    def test_depends_on(self, name: str) -> None:
        """By name, by id, or by type and name."""
        assert self.waits(template([resource("b", dependsOn=[name]), resource("a")])) == {"b": {"a"}, "a": set()}

    def test_loops(self) -> None:
        """A loop is waited for as a whole; symbolic names also for one of it."""
        loop = {"name": "l", "count": 3}
        each = resource("[concat('a', copyIndex())]", copy=loop)
        assert self.waits(template([each, resource("b", dependsOn=["l"])]))["b"] == {"a0", "a1", "a2"}
        tree = template({"s": each, "t": resource("b", dependsOn=["s"]), "u": resource("c", dependsOn=["s[1]"])})
        assert self.waits(tree)["b"] == {"a0", "a1", "a2"}
        assert self.waits(tree)["c"] == {"a1"}

    def test_batches(self) -> None:
        """A serial loop goes in batches."""
        loop = {"name": "l", "count": 5, "mode": "serial", "batchSize": 2}
        found = self.waits(template([resource("[concat('a', copyIndex())]", copy=loop)]))
        assert found == {"a0": set(), "a1": set(), "a2": {"a0", "a1"}, "a3": {"a0", "a1"}, "a4": {"a2", "a3"}}

    def test_references(self) -> None:
        """Who asks for a resource's state waits for it."""
        tree = template([resource("b", properties={"x": "[reference('a').y]"}), resource("a")])
        assert self.waits(tree)["b"] == {"a"}
        tree = template({"t": resource("b", properties={"x": "[reference('s').y]"}), "s": resource("a")})
        assert self.waits(tree)["b"] == {"a"}

    def test_left_out(self) -> None:
        """What is left out is waited for by nobody, and may be named."""
        tree = template([resource("b", dependsOn=["a"]), resource("a", condition="[equals(1, 2)]")])
        assert self.waits(tree) == {"b": set()}
        assert plan(tree).left_out == (f"{AB}/a",)

    def test_children(self) -> None:
        """A resource within another has its type and name, and waits for it."""
        child = {"type": "d", "apiVersion": "2023-01-01", "name": "y"}
        found = plan(template([resource("x", resources=[child])]))
        assert [one.id for one in found.deployed] == [f"{AB}/x", f"{AB}/x/d/y"]
        assert self.waits(template([resource("x", resources=[child])]))["x/y"] == {"x"}

    @pytest.mark.parametrize(
        ("scope", "kind", "name", "found"),
        [
            ("[resourceId('A.B/c', 'x')]", "E.F/g", "h", f"{AB}/x/providers/E.F/g/h"),
            ("A.B/c/x", "E.F/g", "h", f"{AB}/x/providers/E.F/g/h"),
            ("/", "E.F/g", "h", "/providers/E.F/g/h"),
            (
                "Microsoft.Management/managementGroups/m",
                "E.F/g",
                "h",
                "/providers/Microsoft.Management/managementGroups/m/providers/E.F/g/h",
            ),
            ("/subscriptions/s", "E.F/g", "h", "/subscriptions/s/providers/E.F/g/h"),
            (None, "A.B/c/providers/g", "x/E.F/h", f"{AB}/x/providers/E.F/g/h"),
        ],
    )  # fmt: skip
    def test_scopes(self, scope: str | None, kind: str, name: str, found: str) -> None:
        """A resource's scope is a path, or a type and a name in the deployment's own."""
        more = {} if scope is None else {"scope": scope}
        (one,) = plan(template([resource(name, kind, **more)])).deployed
        assert one.id == found


class TestBodies:
    """What resources are made of."""

    def test_property_loops(self) -> None:
        """A loop within properties gives an array, in loops of its own names."""
        properties = {
            "copy": [{"name": "list", "count": 2, "input": {"n": "[copyIndex('list', 1)]", "of": "[copyIndex('l')]"}}],
            "kept": {"copy": "word"},
        }
        tree = template([resource("[concat('a', copyIndex())]", copy={"name": "l", "count": 2}, properties=properties)])
        found = plan(tree)
        body = evaluate_body(found, found.deployed[1], {})
        assert body == {"properties": {"kept": {"copy": "word"}, "list": [{"n": 1, "of": 1}, {"n": 2, "of": 1}]}}

    def test_variables(self) -> None:
        """Variables ask for one another, and have loops."""
        variables = {
            "copy": [{"name": "names", "count": 3, "input": "[concat('n', copyIndex('names'))]"}],
            "inner": {"copy": [{"name": "squares", "count": 2, "input": "[mul(copyIndex('squares'), 2)]"}], "x": 1},
            "last": "[last(variables('names'))]",
        }
        tree = template(variables=variables, outputs={"o": {"type": "array", "value": VALUE}})
        assert evaluate_outputs(plan(tree), {})["o"].value == ["n2", {"squares": [0, 2], "x": 1}]

    def test_own_functions(self) -> None:
        """Functions of the template see their arguments, one another, and no variable."""
        functions = [
            {
                "namespace": "__bicep",
                "members": {
                    "twice": {
                        "parameters": [{"name": "x", "type": "string"}],
                        "output": {"type": "string", "value": "[concat(parameters('x'), parameters('x'))]"},
                    },
                    "thrice": {
                        "parameters": [{"name": "x", "type": "string"}],
                        "output": {
                            "type": "string",
                            "value": "[concat(__bicep.twice(parameters('x')), parameters('x'))]",
                        },
                    },
                    "peep": {"parameters": [], "output": {"type": "string", "value": "[variables('v')]"}},
                    "again": {"parameters": [], "output": {"type": "string", "value": "[__bicep.again()]"}},
                },
            }
        ]

        def output(expression: str) -> Any:
            outputs = {"o": {"type": "string", "value": f"[{expression}]"}}
            return evaluate_outputs(plan(template(functions=functions, variables={"v": "x"}, outputs=outputs)), {})[
                "o"
            ].value

        assert output("__bicep.thrice('a')") == "aaa"
        for wrong in ("__bicep.peep()", "__bicep.again()", "__bicep.twice(1)", "__bicep.twice()", "__bicep.no()"):
            with pytest.raises(TemplateFault):
                output(wrong)

    def test_states(self) -> None:
        """The state of a resource is asked for when it is not known, and given when it is: properties, or all of it."""
        tree = template(
            {
                "a": resource("a"),
                "b": resource(
                    "b", properties={"x": "[reference('a').y]", "z": "[reference('a', '2023-01-01', 'Full').id]"}
                ),
            }
        )
        found = plan(tree)
        one = found.deployed[1]
        with pytest.raises(Needed) as needed:
            evaluate_body(found, one, {})
        assert (needed.value.resource, needed.value.api_version) == (f"{AB}/a", "2023-01-01")
        known = {f"{AB}/a".lower(): {"id": "i", "properties": {"y": 1}}}
        assert evaluate_body(found, one, known) == {"properties": {"x": 1, "z": "i"}}

    def test_outputs(self) -> None:
        """Outputs have conditions and loops; what is secure is not shown."""
        outputs = {
            "no": {"type": "string", "condition": False, "value": "[div(1, 0)]"},
            "loop": {"type": "array", "copy": {"count": 2, "input": "[copyIndex()]"}},
            "secure": {"type": "secureString", "value": "x"},
        }
        found = evaluate_outputs(plan(template(outputs=outputs)), {})
        assert {name: one.show() for name, one in found.items()} == {
            "loop": {"type": "Array", "value": [0, 1]},
            "secure": {"type": "SecureString"},
        }


VALUE = "[createArray(variables('last'), variables('inner'))]"


class TestHiding:
    """What is kept of a template."""

    def test_hidden(self) -> None:
        """A text with a secret in it is hidden; a short secret only where it stands alone."""
        secrets = frozenset({"hush-hush", "ab"})
        value = {"a": ["x hush-hush y", "abc", "ab"], "hush-hush": 1}
        assert hide(value, secrets) == {"a": ["REDACTED", "abc", "REDACTED"], "REDACTED": 1}

    def test_template(self) -> None:
        """Default values of secure parameters and values of secrets are not kept, nor those of templates within."""
        inner = template(parameters={"p": {"type": "SecureString", "defaultValue": "x"}})
        tree = template(
            [
                resource("v/s", "Microsoft.KeyVault/vaults/secrets", properties={"value": "open", "contentType": "t"}),
                resource("v/t", "Microsoft.KeyVault/vaults/secrets", properties={"value": "[parameters('p')]"}),
                resource("n", "Microsoft.Resources/deployments", properties={"template": inner}),
            ]
        )
        first, second, third = shown_template(tree, frozenset())["resources"]
        assert first["properties"] == {"value": "REDACTED", "contentType": "t"}
        assert second["properties"] == {"value": "[parameters('p')]"}
        assert third["properties"]["template"]["parameters"] == {"p": {"type": "SecureString"}}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", ScopeKind.TENANT),
        ("/subscriptions/s", ScopeKind.SUBSCRIPTION),
        ("/SUBSCRIPTIONS/s/resourcegroups/g", ScopeKind.GROUP),
        ("/providers/Microsoft.Management/managementGroups/m", ScopeKind.MANAGEMENT_GROUP),
        ("/subscriptions/s/resourceGroups/g/providers/A.B/c/d", None),
        ("/subscriptions", None),
    ],
)
def test_places(path: str, kind: ScopeKind | None) -> None:
    """Four kinds of scope can be deployed at."""
    found = parse_place(path)
    assert (found.kind if found is not None else None) is kind


@pytest.mark.parametrize(
    ("resource_id", "found"),
    [
        (f"{AB}/x/d/y", ("A.B/c/d", "x/y")),
        (GROUP, ("Microsoft.Resources/resourceGroups", "g")),
        (f"{AB}/x/providers/E.F/g/h", ("E.F/g", "h")),
    ],
)
def test_types(resource_id: str, found: tuple[str, str]) -> None:
    """An id says its type and its names."""
    assert type_and_names(resource_id) == found


def test_differences() -> None:
    """What the template says and is otherwise is told; what it does not say is none, nor another spelling."""
    before = {
        "id": "1",
        "location": "westeurope",
        "tags": {"a": "b"},
        "properties": {"x": [1, {"y": 2}], "kept": 1, "On": "A"},
    }
    after = {
        "id": "2",
        "location": "West Europe",
        "tags": {"a": "c"},
        "properties": {"x": [1, {"y": 3}, 4], "on": "a", "new": 1},
    }
    told = differences(before, after)
    assert [(one["path"], one["propertyChangeType"]) for one in told] == [
        ("tags.a", "Modify"),
        ("properties.x", "Array"),
        ("properties.new", "Create"),
    ]
    assert [(one["path"], one["propertyChangeType"]) for one in told[1]["children"]] == [
        ("1", "Modify"),
        ("2", "Create"),
    ]
