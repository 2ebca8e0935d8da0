"""The functions of templates: answers that Azure's documentation gives, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core import deployment_limits as limits
from strongroom.core.templates.faults import TemplateFault
from tests.unit.core.templating import GROUP, evaluate

OBJECTS = "createObject('one', 'a', 'two', 'b', 'three', 'c1'), createObject('three', 'c2', 'four', 'd', 'five', 'e')"
DOGS = (
    "createArray(createObject('name', 'Evie', 'age', 5), createObject('name', 'Casper', 'age', 3),"
    " createObject('name', 'Kira', 'age', 8))"
)

KNOWN: tuple[tuple[str, Any], ...] = (
    # ---- texts
    ("base64('one, two, three')", "b25lLCB0d28sIHRocmVl"),
    ("base64ToString('b25lLCB0d28sIHRocmVl')", "one, two, three"),
    ("base64ToJson(base64('{\"one\": \"a\"}'))", {"one": "a"}),
    ("concat('prefix', '-', 'x')", "prefix-x"),
    ("concat(createArray('1-1', '1-2'), createArray('2-1'))", ["1-1", "1-2", "2-1"]),
    ("concat('a', 1, true())", "a1True"),
    ("dataUri('Hello')", "data:text/plain;charset=utf8;base64,SGVsbG8="),
    ("dataUriToString('data:;base64,SGVsbG8sIFdvcmxkIQ==')", "Hello, World!"),
    ("endsWith('abcdef', 'F')", True),
    ("startsWith('abcdef', 'AB')", True),
    ("startsWith('abcdef', 'e')", False),
    ("format('{0}, {1}. Number: {2:N0}', 'Hello', 'User', 8175133)", "Hello, User. Number: 8,175,133"),
    ("format('{0:D3}|{0:x}|{1,4}|{1,-4}|{{}}', 26, 'a')", "026|1a|   a|a   |{}"),
    ("indexOf('test', 't')", 0),
    ("indexOf('abcdef', 'CD')", 2),
    ("indexOf('abcdef', 'z')", -1),
    ("indexOf(createArray('one', 'two'), 'two')", 1),
    ("lastIndexOf('test', 't')", 3),
    ("lastIndexOf('abcdef', 'AB')", 0),
    ("join(createArray('one', 'two', 'three'), ';')", "one;two;three"),
    ("length('One Two Three')", 13),
    ("padLeft('123', 10, '0')", "0000000123"),
    ("replace('123-123-1234', '-', '')", "1231231234"),
    ("split('one,two,three', ',')", ["one", "two", "three"]),
    ("split('one;two,three', createArray(',', ';'))", ["one", "two", "three"]),
    ("string(createObject('valueA', 10, 'valueB', 'Example Text'))", '{"valueA":10,"valueB":"Example Text"}'),
    ("string(createArray('a', 'b', 'c'))", '["a","b","c"]'),
    ("string(5)", "5"),
    ("substring('one two three', 4, 3)", "two"),
    ("toLower('One Two Three')", "one two three"),
    ("toUpper('One Two Three')", "ONE TWO THREE"),
    ("trim('    one two three   ')", "one two three"),
    ("uri('http://contoso.com/resources/', 'nested/azuredeploy.json')", "http://contoso.com/resources/nested/azuredeploy.json"),
    (
        "uriComponent('http://contoso.com/resources/nested/azuredeploy.json')",
        "http%3A%2F%2Fcontoso.com%2Fresources%2Fnested%2Fazuredeploy.json",
    ),
    ("uriComponentToString('http%3A%2F%2Fcontoso.com')", "http://contoso.com"),
    ("parseUri('https://a.example:8443/b?c=d').port", 8443),
    ("buildUri(createObject('scheme', 'https', 'host', 'a.example', 'path', 'b'))", "https://a.example/b"),
    ("json('[1, {\"a\": null}]')", [1, {"a": None}]),
    # RFC 9562 version 5 in the namespace that Azure uses; a second implementation is the standard library's.
    ("guid('x')", "51c0fe04-91fa-5688-abb4-481ca7437854"),
    ("equals(guid('a', 'b'), guid('a-b'))", True),
    ("length(uniqueString('a'))", 13),
    ("equals(uniqueString('a'), uniqueString('b'))", False),
    # ---- arrays and objects
    ("array('a')", ["a"]),
    ("contains('OneTwoThree', 'e')", True),
    ("contains('OneTwoThree', 'z')", False),
    ("contains(createObject('One', 1), 'one')", True),
    ("contains(createArray('one', 'two'), 'two')", True),
    ("empty('')", True),
    ("empty(createArray())", True),
    ("empty(null())", True),
    ("first('One Two Three')", "O"),
    ("last(createArray('one', 'two', 'three'))", "three"),
    ("flatten(createArray(createArray('one', 'two'), createArray('three')))", ["one", "two", "three"]),
    (f"intersection({OBJECTS})", {}),
    ("intersection(createArray('one', 'two', 'three'), createArray('two', 'three'))", ["two", "three"]),
    (f"union({OBJECTS})", {"one": "a", "two": "b", "three": "c2", "four": "d", "five": "e"}),
    ("union(createArray('one', 'two'), createArray('two', 'four'))", ["one", "two", "four"]),
    ("union(json('{\"a\": {\"b\": 1}}'), json('{\"a\": {\"c\": 2}}'))", {"a": {"b": 1, "c": 2}}),
    ("shallowMerge(createArray(json('{\"a\": {\"b\": 1}}'), json('{\"a\": {\"c\": 2}}')))", {"a": {"c": 2}}),
    ("items(createObject('b', 2, 'a', 1))", [{"key": "a", "value": 1}, {"key": "b", "value": 2}]),
    ("objectKeys(createObject('b', 2, 'a', 1))", ["a", "b"]),
    ("min(createArray(0, 3, 2, 5, 4))", 0),
    ("max(0, 3, 2, 5, 4)", 5),
    ("range(5, 3)", [5, 6, 7]),
    ("skip(createArray('one', 'two', 'three'), 2)", ["three"]),
    ("skip('one two three', 4)", "two three"),
    ("take(createArray('one', 'two', 'three'), 2)", ["one", "two"]),
    ("take('one two three', 99)", "one two three"),
    ("tryGet(createObject('a', createArray(1)), 'a', 0)", 1),
    ("tryGet(createObject('a', 1), 'b', 'c')", None),
    # ---- lambdas
    (f"map({DOGS}, lambda('dog', concat('Hello ', lambdaVariables('dog').name, '!')))",
     ["Hello Evie!", "Hello Casper!", "Hello Kira!"]),
    (f"filter(map({DOGS}, lambda('d', lambdaVariables('d').age)), lambda('n', less(lambdaVariables('n'), 6)))", [5, 3]),
    (f"reduce({DOGS}, 0, lambda('cur', 'next', add(lambdaVariables('cur'), lambdaVariables('next').age)))", 16),
    (f"first(sort({DOGS}, lambda('a', 'b', less(lambdaVariables('a').age, lambdaVariables('b').age)))).name", "Casper"),
    (f"toObject({DOGS}, lambda('entry', lambdaVariables('entry').name), lambda('entry', lambdaVariables('entry').age))",
     {"Evie": 5, "Casper": 3, "Kira": 8}),
    ("groupBy(createArray('foo', 'bar', 'baz'), lambda('x', substring(lambdaVariables('x'), 0, 1)))",
     {"f": ["foo"], "b": ["bar", "baz"]}),
    ("mapValues(createObject('foo', 'foo'), lambda('val', toUpper(lambdaVariables('val'))))", {"foo": "FOO"}),
    ("map(range(0, 2), lambda('i', map(range(0, 2), lambda('j', add(lambdaVariables('i'), lambdaVariables('j'))))))",
     [[0, 1], [1, 2]]),
    # ---- numbers, truth, comparison
    ("add(5, 3)", 8),
    ("sub(7, 3)", 4),
    ("mul(5, 3)", 15),
    ("div(8, 3)", 2),
    ("div(-8, 3)", -2),
    ("mod(7, 3)", 1),
    ("mod(-7, 3)", -1),
    ("int('4')", 4),
    ("float(3)", 3.0),
    ("bool('true')", True),
    ("bool(0)", False),
    ("not(equals(1, 2))", True),
    ("and(bool('true'), bool('false'))", False),
    ("or(bool('true'), bool('false'))", True),
    ("or(true(), equals(div(1, 0), 1))", True),
    ("if(equals('a', 'a'), 'yes', div(1, 0))", "yes"),
    ("coalesce(null(), null(), 'one', div(1, 0))", "one"),
    ("equals(createObject('a', createArray(1)), createObject('a', createArray(1)))", True),
    ("equals(1, true())", False),
    ("equals('a', 'A')", False),
    ("less(1, 2)", True),
    ("greater('b', 'a')", True),
    ("lessOrEquals(2, 2)", True),
    ("greaterOrEquals('a', 'b')", False),
    ("cidrSubnet('10.144.0.0/20', 24, 0)", "10.144.0.0/24"),
    ("cidrSubnet('10.144.0.0/20', 24, 4)", "10.144.4.0/24"),
    ("cidrHost('10.144.3.0/24', 0)", "10.144.3.1"),
    ("parseCidr('10.144.0.0/20')",
     {"network": "10.144.0.0", "netmask": "255.255.240.0", "broadcast": "10.144.15.255", "firstUsable": "10.144.0.1",
      "lastUsable": "10.144.15.254", "cidr": 20}),
    # ---- dates
    ("dateTimeAdd('2020-04-07 14:53:14Z', 'P3Y')", "2023-04-07 14:53:14Z"),
    ("dateTimeAdd('2020-04-07 14:53:14Z', '-P9D')", "2020-03-29 14:53:14Z"),
    ("dateTimeAdd('2020-04-07 14:53:14Z', 'PT1H')", "2020-04-07 15:53:14Z"),
    ("dateTimeAdd('20200131T000000Z', 'P1M')", "20200229T000000Z"),
    ("dateTimeAdd('2020-12-31T00:00:00Z', 'P1D', 'dddd d MMM yyyy, hh:mm tt')", "Friday 1 Jan 2021, 12:00 AM"),
    ("dateTimeFromEpoch(1683040573)", "2023-05-02T15:16:13Z"),
    ("dateTimeToEpoch('2023-05-02T15:16:13Z')", 1683040573),
    ("dateTimeToEpoch('2023-05-02T17:16:13+02:00')", 1683040573),
    # ---- ids
    ("resourceId('Microsoft.KeyVault/vaults', 'v')", f"{GROUP}/providers/Microsoft.KeyVault/vaults/v"),
    ("resourceId('h', 'Microsoft.KeyVault/vaults/secrets', 'v', 's')",
     f"{GROUP[:-1]}h/providers/Microsoft.KeyVault/vaults/v/secrets/s"),
    ("resourceId('11111111-1111-1111-1111-111111111111', 'h', 'A.B/c', 'd')",
     "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/h/providers/A.B/c/d"),
    ("subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'r')",
     f"{GROUP.partition('/resourceGroups')[0]}/providers/Microsoft.Authorization/roleDefinitions/r"),
    ("tenantResourceId('Microsoft.Authorization/roleDefinitions', 'r')",
     "/providers/Microsoft.Authorization/roleDefinitions/r"),
    ("managementGroupResourceId('m', 'A.B/c', 'd')",
     "/providers/Microsoft.Management/managementGroups/m/providers/A.B/c/d"),
    ("extensionResourceId(resourceId('A.B/c', 'd'), 'Microsoft.Authorization/locks', 'l')",
     f"{GROUP}/providers/A.B/c/d/providers/Microsoft.Authorization/locks/l"),
    ("resourceId('Microsoft.Resources/resourceGroups', 'h')", f"{GROUP[:-1]}h"),
)  # fmt: skip


@pytest.mark.parametrize(("expression", "answer"), KNOWN)
def test_known_answers(expression: str, answer: Any) -> None:
    """A function gives what Azure's documentation says, of the same type."""
    found = evaluate(f"[{expression}]")
    assert (type(found), found) == (type(answer), answer)


@pytest.mark.parametrize(
    "expression",
    [
        "add(1, 'a')",
        "add(1, true())",
        "add(9223372036854775807, 1)",
        "base64ToString('***')",
        "bool('maybe')",
        "cidrHost('10.0.0.0/24', 999)",
        "cidrSubnet('10.0.0.0/24', 20, 0)",
        "contains(1, 1)",
        "createObject('a')",
        "dateTimeAdd('2020-01-01T00:00:00Z', 'P')",
        "dateTimeAdd('9999-12-31T00:00:00Z', 'P1Y')",
        "dateTimeAdd('yesterday', 'P1D')",
        "dateTimeFromEpoch(999999999999999)",
        "div(1, 0)",
        "extensionResourceId('/a', 'b')",
        "first(1)",
        "format('{1}', 'a')",
        "format('{0:Q}', 1)",
        "float('nan')",
        "int('1.5')",
        "int('\u0661')",
        "json('{')",
        "json('NaN')",
        "lambdaVariables('x')",
        "less(1, 'a')",
        "map(createArray(1), 1)",
        "map(createArray(1), lambda('a', 'b', 'c', 1))",
        "min(createArray())",
        "mod(1, 0)",
        "not('true')",
        "nothing()",
        "range(0, 10001)",
        "replace('a', '', 'b')",
        "resourceId('A.B/c', 'a', 'b')",
        "resourceId('a', 'b')",
        "split('a', '')",
        "substring('abc', 2, 5)",
        "substring('abc')",
        "union(createArray(1), createObject())",
        "createObject('a', 1).b",
        "createArray(1)[1]",
        "createArray(1)[-1]",
        "string(1).length",
    ],
)
def test_refused(expression: str) -> None:
    """What has no meaning is a fault of the template, and nothing else."""
    with pytest.raises(TemplateFault):
        evaluate(f"[{expression}]")


def test_padding_has_a_limit() -> None:
    """A text is padded as far as the limit, and no further."""
    assert len(evaluate(f"[padLeft('', {limits.TEMPLATE_PAD_CHARS})]")) == limits.TEMPLATE_PAD_CHARS
    with pytest.raises(TemplateFault):
        evaluate(f"[padLeft('', {limits.TEMPLATE_PAD_CHARS + 1})]")


@pytest.mark.parametrize(
    "expression",
    [
        "map(range(0, 10000), lambda('a', map(range(0, 10000), lambda('b', 1))))",
        "join(map(range(0, 10000), lambda('a', '')), padLeft('', 1024))",
        "replace(replace(padLeft('', 1000), ' ', padLeft('', 1000)), ' ', padLeft('', 1000))",
        "length(map(range(0, 9999), lambda('i', range(0, 9999))))",
        "reduce(range(0, 99), 'x', lambda('a', 'b', concat(lambdaVariables('a'), lambdaVariables('a'))))",
        "reduce(range(0, 99), 1, lambda('a', 'b', createArray(lambdaVariables('a'), lambdaVariables('a'))))",
    ],
)
def test_work_has_a_limit(expression: str) -> None:
    """However little is written, no more than so much work is made."""
    with pytest.raises(TemplateFault, match=str(limits.TEMPLATE_WORK)):
        evaluate(f"[{expression}]")
