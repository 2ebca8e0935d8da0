"""The language of conditions: what can be written, what it means, and what is refused where."""

from __future__ import annotations

import pytest

from strongroom.core import limits
from strongroom.core.builtin_roles import BUILTIN_ROLES, KEY_VAULT_DATA_ACCESS_ADMINISTRATOR
from strongroom.core.conditions import ConditionFault, parse_condition, read_condition
from strongroom.core.facts import NO_FACTS, Facts

SECRETS = "Microsoft.KeyVault/vaults/secrets/"
GET, LIST, SET, RESTORE = (f"{SECRETS}{word}/action" for word in ("getSecret", "readMetadata", "setSecret", "restore"))
NAME = "@Resource[Microsoft.KeyVault/vaults/secrets:name]"
T, F, U = "1 NumericEquals 1", "1 NumericEquals 2", f"{NAME} StringEquals 'x'"
"""True, false, and unknown as long as nothing is known."""


def ask(text: str, action: str = GET, facts: Facts = NO_FACTS) -> bool | None:
    """Read a condition and ask it."""
    return parse_condition(text).evaluate(action, facts)


def named(name: str) -> Facts:
    """Know the secret's name, whoever tells it."""
    known = {"microsoft.keyvault/vaults/secrets:name": name, "microsoft.keyvault/vaults:name": "kv1"}
    return Facts(known, known)


# ---- the logic ------------------------------------------------------------------------------------------------------

TRUTH = [
    (f"NOT {T}", False), (f"NOT {F}", True), (f"NOT {U}", None),
    (f"!({T})", False), (f"!({U})", None), (f"NOT NOT {U}", None), (f"! ! {T}", True),
    (f"{T} AND {T}", True), (f"{T} AND {F}", False), (f"{T} AND {U}", None),
    (f"{F} AND {F}", False), (f"{F} AND {U}", False), (f"{U} AND {F}", False), (f"{U} && {U}", None),
    (f"{T} OR {F}", True), (f"{T} OR {U}", True), (f"{U} OR {T}", True), (f"{F} OR {F}", False),
    (f"{F} OR {U}", None), (f"{U} || {U}", None),
    (f"NOT ({U} AND {F})", True), (f"NOT ({U} OR {T})", False), (f"NOT ({U} OR {F})", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TRUTH)
def test_logic_has_three_values(text: str, expected: bool | None) -> None:  # noqa: FBT001  a column of the table
    """SEC-FLOW-18: unknown survives NOT, and AND and OR unless the other side decides alone."""
    assert ask(text) is expected


PRECEDENCE = [
    (f"{T} OR {T} AND {F}", True),
    (f"({T} OR {T}) AND {F}", False),
    (f"{F} AND {T} OR {T}", True),
    (f"{F} AND ({T} OR {T})", False),
    (f"NOT {F} AND {F}", False),
    (f"NOT ({F} AND {F})", True),
    (f"NOT {T} OR {T}", True),
]


@pytest.mark.parametrize(("text", "expected"), PRECEDENCE)
def test_not_binds_tighter_than_and_and_that_tighter_than_or(
    text: str,
    expected: bool,  # noqa: FBT001  a column of the table
) -> None:
    """As in Microsoft's own evaluator; parentheses say otherwise."""
    assert ask(text) is expected


# ---- actions and attributes


def test_the_form_of_the_reference() -> None:
    """Reference section 3.6: other actions are not restricted, the named one by the name."""
    text = f"(!(ActionMatches{{'{GET}'}}) OR ({NAME} StringStartsWith 'app-'))"
    assert ask(text, GET, named("app-1")) is True
    assert ask(text, GET, named("web-1")) is False
    assert ask(text, GET) is None
    assert ask(text, SET, named("web-1")) is True
    assert ask(text, "Microsoft.KeyVault/vaults/keys/read") is True


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (f"'{GET}'", True),
        (f"'{GET.upper()}'", True),
        ("'Microsoft.KeyVault/vaults/secrets/*'", True),
        ("'Microsoft.KeyVault/*/action'", True),
        ("'Microsoft.KeyVault/vaults/keys/*'", False),
        ("'Microsoft.KeyVault/vaults/keys/*', '*'", True),
        ("''", False),
    ],
)
def test_actions_match_as_in_a_role(patterns: str, expected: bool) -> None:  # noqa: FBT001  a column of the table
    """Whole actions, without case; `*` stands for any characters. Of several patterns one is enough."""
    assert ask(f"ActionMatches{{{patterns}}}") is expected
    assert ask(f"ActionMatches  {{ {patterns} }}") is expected


def test_no_action_has_a_sub_operation() -> None:
    """As in Azure where an action has none: the pattern of a list of blobs excludes nothing."""
    assert ask("SubOperationMatches{'Blob.List'}") is False
    assert ask(f"!(ActionMatches{{'{GET}'}} AND NOT SubOperationMatches{{'Blob.List'}})") is False


NAMES = [
    ("Resource", "secrets:name", ("getSecret/action", "readMetadata/action", "update/action", "delete",
                                  "backup/action", "recover/action", "purge/action")),
    ("Request", "secrets:name", ("setSecret/action", "restore/action")),
]  # fmt: skip
EVERY = ("getSecret/action", "readMetadata/action", "update/action", "delete", "backup/action", "recover/action",
         "purge/action", "setSecret/action", "restore/action")  # fmt: skip


@pytest.mark.parametrize(("source", "name", "actions"), NAMES)
def test_a_name_is_known_for_the_actions_that_have_it(source: str, name: str, actions: tuple[str, ...]) -> None:
    """Reference section 3.6: what may not be there yet is named by the request, all else is the resource's name."""
    text = f"@{source}[Microsoft.KeyVault/vaults/{name}] StringEquals 'a'"
    for action in EVERY:
        expected = True if action in actions else None
        assert ask(text, f"{SECRETS}{action}", named("a")) is expected, action
        exists = f"Exists @{source}[Microsoft.KeyVault/vaults/{name}]"
        assert ask(exists, f"{SECRETS}{action}", named("a")) is (expected is True)
    assert ask(text, "Microsoft.KeyVault/vaults/keys/read", named("a")) is None


def test_a_vaults_name_is_known_for_secrets_alone() -> None:
    """As in Azure, keys and certificates take no conditions: an attribute is unknown there."""
    text = "@Resource[Microsoft.KeyVault/vaults:name] StringEquals 'kv1'"
    assert all(ask(text, f"{SECRETS}{action}", named("a")) is True for action in EVERY)
    assert ask(text, "Microsoft.KeyVault/vaults/keys/read", named("a")) is None
    assert ask(text, "Microsoft.KeyVault/vaults/certificates/read", named("a")) is None


@pytest.mark.parametrize("name", ["RoleDefinitionId", "PrincipalId", "PrincipalType"])
def test_a_role_assignments_attributes(name: str) -> None:
    """What is written is the request's, what is deleted the resource's; neither is known for the other."""
    attribute = f"Microsoft.Authorization/roleAssignments:{name}"
    value = "4633458b-17de-408a-b874-0445c86b69e6"
    facts = Facts({attribute.lower(): value}, {attribute.lower(): value})
    write, delete = (f"Microsoft.Authorization/roleAssignments/{word}" for word in ("write", "delete"))
    for source, action, other in (("Request", write, delete), ("Resource", delete, write)):
        text = f"@{source}[{attribute}] StringEquals '{value}'"
        assert ask(text, action, facts) is True
        assert ask(text, other, facts) is None
        assert ask(text, GET, facts) is None


def test_the_environment_is_known_for_every_action() -> None:
    """How and when a request came says the same whatever it asks for."""
    facts = Facts(environment={"isprivatelink": True, "utcnow": "2026-01-02T03:04:05.0Z"})
    for action in (GET, "Microsoft.KeyVault/vaults/keys/read", "Microsoft.KeyVault/vaults/write"):
        assert ask("@Environment[isPrivateLink] BoolEquals true", action, facts) is True
        assert ask("@Environment[UtcNow] DateTimeLessThan '2027-01-01T00:00:00Z'", action, facts) is True
        subnet = "@Environment[Microsoft.Network/virtualNetworks/subnets] StringEqualsIgnoreCase '/subscriptions/s'"
        assert ask(subnet, action, facts) is None
        assert ask("NOT Exists @Environment[Microsoft.Network/privateEndpoints]", action, facts) is True


def test_facts_that_are_still_to_come_are_not_missing() -> None:
    """While they are awaited nothing is said of what is not there, but of actions that never have it."""
    text = "Exists @Request[Microsoft.KeyVault/vaults/secrets:name]"
    assert parse_condition(text).evaluate(RESTORE, NO_FACTS, pending=True) is None
    assert parse_condition(text).evaluate(RESTORE, NO_FACTS) is False
    assert parse_condition(text).evaluate(GET, NO_FACTS, pending=True) is False


def test_spelling_a_name_otherwise_gets_round_no_condition() -> None:
    """Names have no case here, so an answer that hangs on case is unknown: a StringNotEquals is not got round."""
    unlike = f"{NAME} StringNotEquals 'prod'"
    assert [ask(unlike, GET, named(name)) for name in ("prod", "PROD", "Prod", "test")] == [False, None, None, True]
    negated = f"NOT {NAME} StringStartsWith 'prod-'"
    assert [ask(negated, GET, named(name)) for name in ("prod-1", "PROD-1", "test")] == [False, None, True]
    same = f"{NAME} StringEquals 'Prod'"
    assert [ask(same, GET, named(name)) for name in ("Prod", "prod", "test")] == [True, None, False]
    without = f"{NAME} StringNotEqualsIgnoreCase 'prod'"
    assert [ask(without, GET, named(name)) for name in ("PROD", "test")] == [False, True]
    several = f"{NAME} ForAllOfAllValues:StringNotEquals {{'prod', 'live'}}"
    assert [ask(several, GET, named(name)) for name in ("LIVE", "live", "test")] == [None, False, True]
    swapped = f"'prod' StringNotEquals {NAME}"
    assert [ask(swapped, GET, named(name)) for name in ("PROD", "test")] == [None, True]


def test_an_attribute_may_stand_on_both_sides() -> None:
    """The vault's name with the secret's."""
    text = f"{NAME} StringStartsWith @Resource[Microsoft.KeyVault/vaults:name]"
    assert ask(text, GET, named("kv1-password")) is True
    assert ask(text, GET, named("password")) is False


# ---- what is written


def test_texts() -> None:
    """A quotation mark within is written twice; nothing else is special, save in patterns."""
    assert ask("'it''s' StringEquals 'it''s'") is True
    assert ask("'' StringEquals ''") is True
    assert ask("'''' StringLike '?'") is True
    assert ask("'a\\b' StringEquals 'a\\b'") is True
    assert ask("'ä€🔑' StringEquals 'ä€🔑'") is True
    assert ask("' AND ' StringEquals ' AND '") is True


def test_spaces_and_lines_may_stand_between_words() -> None:
    """As infrastructure programs send conditions: with lines and tabs. Where two words meet, none is needed."""
    text = f"(\n\t( !(ActionMatches{{'{GET}'}}) )\r\n OR\n ( {NAME} StringEquals'a' )\n)"
    assert ask(text, GET, named("a")) is True
    assert ask(f"({T})AND({T})") is True
    assert ask("@Resource [ Microsoft.KeyVault/vaults/secrets:NAME ] StringEquals 'a'", GET, named("a")) is True


def test_guids_need_no_quotation_marks() -> None:
    """As Azure's own conditions write them; in quotation marks they mean the same."""
    plain = "{acdd72a7-3385-48ef-bd42-f606fba81ae7} ForAnyOfAnyValues:GuidEquals"
    assert ask(f"{plain} {{8e3af657-a8ff-443c-a75c-2fe8c4bcb635, ACDD72A7-3385-48EF-BD42-F606FBA81AE7}}") is True
    assert ask(f"{plain} {{'acdd72a7-3385-48ef-bd42-f606fba81ae7'}}") is True


def test_the_condition_of_the_data_access_administrator() -> None:
    """Reference section 3.4: eight roles may be given and taken back, and no other."""
    condition = BUILTIN_ROLES[KEY_VAULT_DATA_ACCESS_ADMINISTRATOR].condition
    assert condition is not None
    attribute = "microsoft.authorization/roleassignments:roledefinitionid"
    for role in BUILTIN_ROLES:
        facts, expected = Facts({attribute: role}, {attribute: role}), role in condition
        for word in ("write", "delete"):
            assert ask(condition, f"Microsoft.Authorization/roleAssignments/{word}", facts) is expected
            assert ask(condition, f"Microsoft.Authorization/roleAssignments/{word}") is None
    assert ask(condition, "Microsoft.Authorization/roleAssignments/read") is True


# ---- what is refused

NO_QUANTIFIER = (
    "What stands before the colon is none of ForAnyOfAnyValues, ForAllOfAnyValues, ForAnyOfAllValues and"
    " ForAllOfAllValues."
)
SINGLE = (
    "StringEquals compares single values. Write ForAnyOfAnyValues:, ForAllOfAnyValues:, ForAnyOfAllValues: or"
    " ForAllOfAllValues: before it to compare sets."
)
NO_TEXT = (
    "The text that begins here has no end, or has a control character in it, or a backslash before a quotation mark."
    " A quotation mark in a text is written twice."
)
REFUSED = [
    ("", 0, "An expression is expected here."),
    ("   ", 3, "An expression is expected here."),
    ("(", 1, "An expression is expected here."),
    (")", 0, "An expression is expected here."),
    ("()", 1, "An expression is expected here."),
    (f"({T}", len(T) + 1, "A closing parenthesis, AND or OR is expected here."),
    (f"{T})", len(T), "AND, OR or the end of the condition is expected here."),
    (f"{T} {T}", len(T) + 1, "AND, OR or the end of the condition is expected here."),
    (f"{T} AND", len(T) + 4, "An expression is expected here."),
    (f"AND {T}", 0, "An expression is expected here."),
    (f"{T} and {T}", len(T) + 1, "AND, OR or the end of the condition is expected here."),
    (f"{T} AND OR {T}", len(T) + 5, "An expression is expected here."),
    ("NOT", 3, "An expression is expected here."),
    ("true", 4, "An operator such as StringEquals is expected here."),
    ("'a' StringEquals", 16, "A value or an attribute is expected here."),
    ("'a' 'b'", 4, "An operator such as StringEquals is expected here."),
    ("'a' StringEqual 'b'", 4, "This is no operator that conditions have."),
    ("'a' stringequals 'b'", 4, "This is no operator that conditions have."),
    ("'a' StringMatches 'b'", 4, "Regular expressions are not served. StringLike takes * and ?."),
    ("'a' ForAnyOfAnyValues:Nothing 'b'", 22, "This is no operator that conditions have."),
    ("{'a'} ForSomeValues:StringEquals {'b'}", 6, NO_QUANTIFIER),
    ("'a' StringEquals {'b'}", 17, SINGLE),
    ("{} ForAnyOfAnyValues:StringEquals {'a'}", 1, "A value is expected here."),
    ("{'a',} ForAnyOfAnyValues:StringEquals {'a'}", 5, "A value is expected here."),
    ("{'a' 'b'} ForAnyOfAnyValues:StringEquals {'a'}", 5, "A comma or } is expected here."),
    ("{'a'] ForAnyOfAnyValues:StringEquals {'a'}", 4, "A comma or } is expected here."),
    ("1 NumericInRange 5", 17, "NumericInRange is followed by two values in brackets."),
    ("1 NumericInRange [1, 2, 3]", 17, "NumericInRange is followed by two values in brackets."),
    ("1 ForAnyOfAnyValues:NumericInRange [1, 2]", 2, "NumericInRange takes no ForAnyOfAnyValues."),
    ("ActionMatches", 13, "Patterns in braces are expected here, such as {'Microsoft.KeyVault/*'}."),
    ("ActionMatches('a')", 13, "Patterns in braces are expected here, such as {'Microsoft.KeyVault/*'}."),
    ("ActionMatches{a}", 14, "A pattern in quotation marks is expected here."),
    ("ActionMatches{'a'", 17, "A comma or a closing brace is expected here."),
    ("actionMatches{'a'}", 0, "An expression is expected here."),
    ("Exists 'a'", 7, "Exists is followed by an attribute."),
    ("Exists", 6, "Exists is followed by an attribute."),
    ("@Resource StringEquals 'a'", 0,
     "An attribute is written as its source with a name in brackets, such as @Resource[namespace:name]."),
    ("@Resource[Microsoft.KeyVault/vaults/secrets:name StringEquals 'a'", 0,
     "An attribute is written as its source with a name in brackets, such as @Resource[namespace:name]."),
    ("@Elsewhere[a:b] StringEquals 'a'", 0,
     "The source of an attribute is Resource, Request, Environment or Principal."),
    ("@Resource[Microsoft.KeyVault/vaults/secrets:value] StringEquals 'a'", 0,
     "This service has no such attribute, so the condition could never hold."),
    ("@Resource[Microsoft.KeyVault/vaults/secrets/tags:Project<$key$>] StringEquals 'a'", 0,
     "This service has no such attribute, so the condition could never hold."),
    ("@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:Engineering_Project] StringEquals 'a'", 0,
     "This service has no such attribute, so the condition could never hold."),
    ("@Request[Microsoft.KeyVault/vaults:name] StringEquals 'a'", 0,
     "This service has no such attribute, so the condition could never hold."),
    ("'a' StringEquals 'b\n'", 17, NO_TEXT),
    ("'it\\'s' StringEquals 'a'", 0, NO_TEXT),
    ("'a' StringEquals \"b\"", 17, "There is a character here that has no meaning in a condition."),
    ("'a'\u00a0StringEquals 'b'", 3, "There is a character here that has no meaning in a condition."),
    ("'a' StringEquals 'b' & 'c'", 21, "There is a character here that has no meaning in a condition."),
    ("1.  NumericEquals 1", 0, "There is a character here that has no meaning in a condition."),
    ("1e5 NumericEquals 1", 0, "There is a character here that has no meaning in a condition."),
    ("٣ NumericEquals 1", 0, "There is a character here that has no meaning in a condition."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "position", "message"), REFUSED)
def test_what_cannot_be_read_is_refused_where_it_goes_wrong(text: str, position: int, message: str) -> None:
    """A sentence with nothing of the text in it, and the character at which reading stopped."""
    with pytest.raises(ConditionFault) as fault:
        parse_condition(text)
    assert (fault.value.position, fault.value.message) == (position, message)


# ---- what was stored


@pytest.mark.parametrize(
    ("text", "version"), [("", "2.0"), ("true", "2.0"), (T, "1.0"), (T, ""), ("(" * 9000, None), ("\x00", "2.0")]
)
def test_what_was_stored_and_cannot_be_read_is_unknown(text: str, version: str | None) -> None:
    """Pitfall "conditions dropped": a condition that got into the store by another way decides nothing."""
    condition = read_condition(text, version)
    assert not condition.is_readable
    assert condition.evaluate(GET, named("a")) is None
    assert condition.evaluate(GET, named("a"), pending=True) is None


def test_the_version_may_be_left_out() -> None:
    """There is one."""
    assert read_condition(T, None).evaluate(GET, NO_FACTS) is True
    assert read_condition(T, "2.0").evaluate(GET, NO_FACTS) is True


def test_only_the_time_makes_an_answer_unsteady() -> None:
    """What else a condition asks about changes with a record, or is part of the question."""
    assert parse_condition(U).is_steady
    assert not parse_condition("@Environment[utcNOW] DateTimeLessThan '2027-01-01T00:00:00Z'").is_steady


# ---- limits


def refused_at(text: str) -> int:
    """Give the position at which a condition is refused."""
    with pytest.raises(ConditionFault) as fault:
        parse_condition(text)
    return fault.value.position


def test_its_length() -> None:
    """As long as the limit, and not one character longer."""
    longest = T + " " * (limits.CONDITION_CHARS - len(T))
    assert ask(longest) is True
    assert refused_at(longest + " ") == limits.CONDITION_CHARS


@pytest.mark.parametrize(("opening", "closing"), [("(", ")"), ("!", ""), ("NOT ", "")])
def test_its_depth(opening: str, closing: str) -> None:
    """Nested as deep as the limit, and not one deeper."""
    deep = limits.CONDITION_DEPTH
    assert ask(opening * deep + T + closing * deep) is True
    assert refused_at(opening * (deep + 1) + T + closing * (deep + 1)) == len(opening) * deep


def test_its_expressions() -> None:
    """As many as the limit, and not one more."""
    expression = "Exists @Environment[UtcNow]"
    assert ask(" OR ".join([expression] * limits.CONDITION_EXPRESSIONS)) is False
    many = " OR ".join([expression] * (limits.CONDITION_EXPRESSIONS + 1))
    assert refused_at(many) == len(many) - len(expression)


def test_the_values_of_a_set() -> None:
    """As many as the limit, and not one more."""
    values = ["1"] * limits.CONDITION_VALUES
    assert ask(f"1 ForAnyOfAnyValues:NumericEquals {{{','.join(values)}}}") is True
    start = "1 ForAnyOfAnyValues:NumericEquals {"
    assert refused_at(f"{start}{','.join([*values, '1'])}}}") == len(start) + 2 * limits.CONDITION_VALUES


def test_the_pairs_of_values() -> None:
    """As many as the limit, in all comparisons together, and not one more: two sets would be thousands."""
    one = f"{{{','.join(['1'] * 64)}}} ForAllOfAllValues:NumericEquals {{{','.join(['1'] * 32)}}}"
    most = " AND ".join([one] * (limits.CONDITION_PAIRS // (64 * 32)))
    assert ask(most) is True
    assert refused_at(f"{most} AND 1 NumericEquals 1") == len(f"{most} AND 1 NumericEquals ")


def test_a_pattern_that_nearly_stands_everywhere() -> None:
    """It is found to stand nowhere, with `?` in it or not."""
    text = "a" * limits.CONDITION_TEXT_CHARS
    for piece in ("a" * 500, "a?" * 250):
        assert ask(f"'{text}' StringLike '*{piece}b*'") is False
        assert ask(f"'{text}' StringLike '*{piece}*'") is True


def test_the_length_of_a_text() -> None:
    """As long as the limit, a doubled quotation mark counting once, and not one longer."""
    longest = "''" + "a" * (limits.CONDITION_TEXT_CHARS - 1)
    assert ask(f"'{longest}' StringContains 'a'") is True
    assert refused_at(f"'b' StringContains '{longest}a'") == 19


def test_the_length_of_a_number() -> None:
    """As long as the limit, and not one longer; decimals are compared too."""
    longest = "9" * limits.CONDITION_NUMBER_CHARS
    assert ask(f"{longest} NumericGreaterThan -1") is True
    assert refused_at(f"1 NumericLessThan {longest}9") == 18
    assert ask("1.5 NumericLessThan 2") is True


def test_stored_conditions_are_kept_within_a_bound() -> None:
    """What is kept ready to be asked does not grow with the number of conditions."""
    for number in range(limits.CONDITION_MEMO_ENTRIES + 10):
        read_condition(f"1 NumericEquals {number}", None)
    assert read_condition.cache_info().currsize <= limits.CONDITION_MEMO_ENTRIES
    assert read_condition("1 NumericEquals 1", None).evaluate(GET, NO_FACTS) is True
