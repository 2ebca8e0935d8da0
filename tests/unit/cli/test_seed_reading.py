"""Files of `strongroom apply`: what YAML is taken, and where each fault is."""

from __future__ import annotations

import json

import pytest

from strongroom.cli.seed.document import DOCUMENT, read_document, reference
from strongroom.cli.seed.export import write_yaml
from strongroom.cli.seed.forms.sources import ALPHABET, LENGTH
from strongroom.cli.seed.reading import FAULTS, Invalid, read_yaml
from strongroom.cli.seed.schema import Entry
from strongroom.core import limits
from strongroom.core.limits import SEED_DEPTH, SEED_FILE_BYTES


def faults(text: str | bytes) -> list[str]:
    """Give everything that is wrong with a file."""
    with pytest.raises(Invalid) as caught:
        read_document(text if isinstance(text, bytes) else text.encode())
    return [str(fault) for fault in caught.value.faults]


def test_json_is_taken() -> None:
    """JSON is a part of YAML, so a file may be either."""
    document = {"version": 1, "users": [{"userPrincipalName": "a@b.example"}]}
    assert read_document(json.dumps(document).encode()) == document
    assert read_document(json.dumps(document, indent=1).encode()) == document


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file is empty"),
        ("# nothing\n", 1, "the file is empty"),
        ("version: 1\nversion: 1\n", 2, "version stands here twice; it was in line 1"),
        ("version: 1\nusers: &a []\ngroups: *a\n", 2, "anchors and aliases (& and *) are not taken: write it out"),
        ("version: 1\ngroups: *a\n", 2, "anchors and aliases (& and *) are not taken: write it out"),
        ("version: 1\nusers: !!python/object:os.system []\n", 2, "tags (!) are not taken"),
        ("version: 1\n? [a]\n: b\n", 2, "a key must be a plain text"),
        ("version: 1\nusers: [\n", 3, "it is no YAML: "),
        ("version: 1\n---\nversion: 1\n", 2, "it is no YAML: "),
        ("version: 1\n\tusers: []\n", 2, "it is no YAML: "),
    ],
)
def test_yaml_that_is_refused(text: str, line: int, message: str) -> None:
    """What is dangerous or ambiguous in YAML is refused with its line."""
    (fault,) = faults(text)
    assert fault.startswith(f"line {line}: {message}")


def test_a_fault_repeats_nothing_of_the_file() -> None:
    """The parser would show the line that it stumbled over, and there may be a secret in it."""
    (fault,) = faults('version: 1\nusers: ["s3cret-in-the-file\n')
    assert "s3cret" not in fault


def test_characters() -> None:
    """A file is UTF-8, and what is not is told with its line."""
    assert faults(b"version: 1\nusers: \xff\n") == ["line 2: the file is not UTF-8"]
    assert "line 1: " in faults(b"version: 1\x00\n")[0]


def test_json_escapes() -> None:
    """JSON writes some characters as two escapes; half of one is no character."""
    written = json.dumps({"version": 1, "groups": [{"displayName": "a \N{GRINNING FACE}"}]})
    assert "\\ud83d\\ude00" in written
    assert read_document(written.encode())["groups"][0]["displayName"] == "a \N{GRINNING FACE}"
    half = written.replace("\\ude00", "")
    assert faults(half) == ["line 1: an escape is half of a character"]


def test_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the greatest size is taken, and one byte more is not."""
    assert faults(b"x" * (SEED_FILE_BYTES + 1)) == [f"line 1: the file has more than {SEED_FILE_BYTES} bytes"]
    # YAML is read letter by letter, which takes seconds for that many.
    text = b"version: 1\n#"
    monkeypatch.setattr(limits, "SEED_FILE_BYTES", 4096)
    assert read_document(text + b"x" * (4096 - len(text))) == {"version": 1}
    assert faults(text + b"x" * (4097 - len(text))) == ["line 1: the file has more than 4096 bytes"]


def test_depth() -> None:
    """A file of the greatest depth is read, and one level more is not."""
    read_yaml(b"[" * SEED_DEPTH + b"]" * SEED_DEPTH)
    assert faults("[" * (SEED_DEPTH + 1) + "]" * (SEED_DEPTH + 1)) == [
        f"line 1: it is nested more than {SEED_DEPTH} levels deep"
    ]


def test_every_fault_is_told_with_its_line() -> None:
    """All that is wrong is told at once, in the order of the lines."""
    text = """\
version: 2
users:
  - displayName: 12
    colour: red
groups: {}
resourceGroups:
  - name: prod
    location: yes
    vaults:
      - name: 0vault
        softDeleteRetentionInDays: 6
        enablePurgeProtection: false
        networkAcls: { defaultAction: Maybe }
        secrets:
          - name: a
            value: { env: A, file: b }
          - name: b
            value: { generate: { length: 9, alphabet: aab } }
            expires: 2030-01-01
roleAssignments:
  - principal: { user: a@b.example, group: c }
    role: Reader
    scope: { secret: a }
"""
    assert faults(text) == [
        "line 1: version: it must be 1",
        "line 3: users[0].displayName: it must be a text, and YAML reads a number: put it in quotes",
        "line 3: users[0]: userPrincipalName must be said",
        (
            "line 4: users[0]: colour is not known here: userPrincipalName, displayName, mailNickname, givenName,"
            " surname, department, jobTitle, mail, accountEnabled, password"
        ),
        "line 5: groups: it must be a list",
        (
            "line 8: resourceGroups[0].location: it must be a text of one line, and YAML reads true or false: put it in"
            " quotes"
        ),
        "line 10: resourceGroups[0].vaults[0].name: it must be the name of a vault",
        "line 11: resourceGroups[0].vaults[0].softDeleteRetentionInDays: it must be a whole number from 7 to 90",
        "line 12: resourceGroups[0].vaults[0].enablePurgeProtection: it must be true",
        "line 13: resourceGroups[0].vaults[0].networkAcls.defaultAction: it must be one of Allow, Deny",
        (
            "line 16: resourceGroups[0].vaults[0].secrets[0].value: exactly one of env, file, generate, keep, literal"
            " must be said"
        ),
        "line 18: resourceGroups[0].vaults[0].secrets[1].value.generate: a character stands in the alphabet twice",
        (
            "line 19: resourceGroups[0].vaults[0].secrets[1].expires: it must be a time with its zone, as"
            " 2030-01-31T12:00:00Z"
        ),
        (
            "line 21: roleAssignments[0].principal: exactly one of user, group, application, identity, objectId,"
            " everyone must be said"
        ),
        "line 23: roleAssignments[0].scope: exactly one place must be said, and a secret only with its vault",
    ]


def test_no_more_faults_than_somebody_reads() -> None:
    """After so many faults the rest is left out."""
    assert len(faults("version: 1\nusers: [" + "{}, " * FAULTS + "{}]\n")) == FAULTS


@pytest.mark.parametrize("word", ["yes", "on", "True ", '"true"', "1", "null"])
def test_flags(word: str) -> None:
    """A flag is true or false; YAML's other words for them are refused, since texts are written so as well."""
    text = f"version: 1\nusers:\n  - userPrincipalName: a@b.example\n    accountEnabled: {word}\n"
    if word.strip().lower() == "true":
        assert read_document(text.encode())["users"][0]["accountEnabled"] is True
    else:
        assert faults(text) == ["line 4: users[0].accountEnabled: it must be true or false"]


@pytest.mark.parametrize("number", ["010", "0x10", "1_0", "1e1", "10.0", "-10", "+10", '"10"', "99999999999"])
def test_numbers(number: str) -> None:
    """A number is written in decimal digits: YAML reads `010` as eight, and `1_0` as ten."""
    text = f"version: 1\napplications:\n  - displayName: a\n    passwords: [{{displayName: b, days: {number}}}]\n"
    assert faults(text) == ["line 4: applications[0].passwords[0].days: it must be a whole number from 1 to 730"]


def test_times_are_seconds() -> None:
    """A time is one moment wherever the file is read, with quotes or without."""
    text = """\
version: 1
resourceGroups:
  - name: a
    location: b
    vaults:
      - name: vault
        secrets:
          - { name: a, value: { keep: true }, notBefore: 1970-01-01T00:00:10Z, expires: "1970-01-01T02:00:10+02:00" }
"""
    (secret,) = read_document(text.encode())["resourceGroups"][0]["vaults"][0]["secrets"]
    assert (secret["notBefore"], secret["expires"]) == (10, 10)


def test_a_made_value_cannot_be_guessed() -> None:
    """What a file asks to be made has 64 bits at least: eleven letters and digits do, ten do not."""

    def made(**how: object) -> str:
        group = {"name": "a", "location": "b", "vaults": [{"name": "vault", "secrets": [
            {"name": "a", "value": {"generate": how}},
        ]}]}  # fmt: skip
        return json.dumps({"version": 1, "resourceGroups": [group]})

    assert len(ALPHABET) == 62
    assert LENGTH > 11
    read_document(made().encode())
    read_document(made(length=11).encode())
    read_document(made(length=64, alphabet="01").encode())
    for how in ({"length": 10}, {"length": 63, "alphabet": "01"}, {"length": 1024, "alphabet": "0"}):
        (fault,) = faults(made(**how))
        assert "can be guessed: it must have 64 bits" in fault


def test_entries_know_their_lines() -> None:
    """What is wrong with an entry later, when names are looked up, is told with the line that it begins on."""
    document = read_document(b"version: 1\nusers:\n\n  - userPrincipalName: a@b.example\n")
    (user,) = document["users"]
    assert isinstance(user, Entry)
    assert user.line == 4


def test_the_reference_has_every_shape_once() -> None:
    """The documentation's tables are written from the shapes that a file is read by."""
    shapes = [shape for shape, _ in reference()]
    assert shapes[0] is DOCUMENT
    assert len({shape.name for shape in shapes}) == len(shapes)
    assert {"vault", "secret", "source", "generate", "principal", "scope"} <= {shape.name for shape in shapes}
    assert all(member.about.endswith(".") for shape, members in reference() for _, member in members)


@pytest.mark.parametrize(
    "text",
    [
        "resourceGroups: [{name: .., location: a}]",
        "resourceGroups: [{name: ., location: a}]",
        "resourceGroups: [{name: a, location: a, identities: [{name: ..}]}]",
        "networkMaps: [{virtualNetwork: ../a, ranges: []}]",
        "networkMaps: [{virtualNetwork: a/.., ranges: []}]",
        'locks: [{name: a, level: ReadOnly, scope: {id: "@evil.example/"}}]',
        'locks: [{name: a, level: ReadOnly, scope: {id: "https://evil.example/"}}]',
        "locks: [{name: a, level: ReadOnly, scope: {id: .evil.example}}]",
        "locks: [{name: a, level: ReadOnly, scope: {id: //evil.example}}]",
        "locks: [{name: a, level: ReadOnly, scope: {id: /subscriptions/../x}}]",
        "locks: [{name: a, level: ReadOnly, scope: {id: /subscriptions/x/..}}]",
        "locks: [{name: a, level: ReadOnly, scope: {id: /subscriptions/x/%2E%2E}}]",
        'locks: [{name: a, level: ReadOnly, scope: {id: "/subscriptions/x?a"}}]',
        'locks: [{name: a, level: ReadOnly, scope: {id: "/subscriptions/x#a"}}]',
        "resourceGroups: [{name: a, location: a, privateEndpoints: [{name: b, subnet: /subscriptions/../a}]}]",
    ],
)
def test_names_that_lead_elsewhere(text: str) -> None:
    """What stands in a path leads nowhere else in it, and never to another host, which would get the token."""
    assert faults(f"version: 1\n{text}\n")[0].startswith("line 2: ")


def test_names_and_ids_that_are_taken() -> None:
    """Points are part of names, and ids are taken as ARM writes them."""
    text = (
        "version: 1\nresourceGroups: [{name: ..a.b.., location: a}]\n"
        "locks: [{name: a, level: readonly, scope: {id: /subscriptions/x/resourceGroups/a..b}},"
        " {name: a, level: ReadOnly, scope: {id: /}}]\n"
    )
    assert read_document(text.encode())["locks"][0]["level"] == "ReadOnly"


def test_a_value_in_the_wrong_place_is_not_repeated() -> None:
    """A secret that is written where its source should be is not told, as other members that are not known are."""
    text = (
        "version: 1\nresourceGroups: [{name: a, location: a, vaults: [{name: v-a, secrets:"
        " [{name: b, value: {s3cret}}]}]}]\n"
    )
    assert not any("s3cret" in fault for fault in faults(text))


@pytest.mark.parametrize(
    "text", ["", "a\n", "\n", "a\u2028", "\x85", "a\x85b", "a\r\nb", "\ufeffx", "a\x1b[2J", " a\n ", "\t"]
)
def test_what_is_exported_is_read_again(text: str) -> None:
    """Every text comes back as it was, whatever YAML takes for the end of a line."""
    written = write_yaml({"version": 1, "groups": [{"displayName": "a", "description": text}]})
    assert read_document(written.encode())["groups"][0]["description"] == text
