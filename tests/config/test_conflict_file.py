from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.config.conflict_file import SCHEMA, FileEntry, FileField, read_conflicts, write_conflicts
from syncd.core.merge import Choice
from syncd.core.model import Side
from syncd.errors import ConfigError

HEAD = f'schema = "{SCHEMA}"\n'
ONE = '[[conflict]]\nid = 17\nrecord = "ERPNext A"\nshown = "abc"\n'


def entry(number: int = 17, **changes) -> FileEntry:
    given = {
        "id": number,
        "record": "ERPNext CUST-1 = source 1",
        "shown": "3f9a2c40b1d2",
        "notes": ("Conflict 17",),
        "fields": (
            FileField(name="tax_id", notes=("tax_id", '    ERPNext  "DE2"'), value="DE2"),
            FileField(name="credit", notes=("credit",), value=5),
        ),
    }
    return FileEntry(**{**given, **changes})


def saved(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "held.toml"
    path.write_text(text, encoding="utf-8")
    return path


def read(tmp_path: Path, text: str):
    return read_conflicts(saved(tmp_path, text), "held.toml")


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return [str(problem) for problem in caught.value.problems]


def test_what_is_written_reads_back_as_left_open(tmp_path):
    text = write_conflicts([entry(), entry(18, fields=(), settable=False)], ["2 held records"])
    assert text.startswith("# 2 held records\n")
    first, second = read(tmp_path, text)
    assert (first.key, first.id, first.record, first.shown) == (
        "conflict[1]",
        17,
        "ERPNext CUST-1 = source 1",
        "3f9a2c40b1d2",
    )
    assert first.choice is None
    assert (second.id, second.choice) == (18, None)


def test_a_person_edits_take_or_uncomments_the_set_lines(tmp_path):
    text = write_conflicts([entry()], [])
    assert read(tmp_path, text.replace('take = ""', 'take = "source"'))[0].choice == Choice(take=Side.SOURCE)
    edited = text.replace('# set.tax_id = "DE2"', 'set.tax_id = "DE9"').replace("# set.credit = 5", "set.credit = 5.5")
    assert read(tmp_path, edited)[0].choice == Choice(values={"tax_id": "DE9", "credit": "5.5"})


def test_a_decision_that_waits_is_written_and_read_as_such(tmp_path):
    for choice in (Choice(take=Side.ERPNEXT), Choice(values={"tax_id": "DE9", "credit": None})):
        [decision] = read(tmp_path, write_conflicts([entry(choice=choice)], []))
        assert decision.choice == choice


def test_a_record_that_takes_no_values_has_no_set_lines():
    text = write_conflicts([entry(settable=False)], [])
    assert "set." not in text
    assert '#     ERPNext  "DE2"' in text


@pytest.mark.parametrize(
    ("what", "line", "value"),
    [
        ("text", '"x"', "x"),
        ("nothing", '""', None),
        ("a whole number", "5", "5"),
        ("a number", "0.1", "0.1"),
        ("true", "true", "1"),
        ("false", "false", "0"),
        ("a day", "2026-01-31", "2026-01-31"),
        ("a moment", "2026-01-31T10:00:00Z", "2026-01-31T10:00:00+00:00"),
        ("a time of day", "10:30:00", "10:30:00"),
        ("several lines", '"""a\nb"""', "a\nb"),
    ],
)
def test_values_of_every_kind_become_text(tmp_path, what, line, value):
    [decision] = read(tmp_path, f"{HEAD}{ONE}set.field = {line}\n")
    assert decision.choice == Choice(values={"field": value}), what


@settings(max_examples=60)
@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    note=st.text(st.characters(exclude_categories=["Cs"])),
    value=st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.integers(-(2**63), 2**63 - 1), st.none()),
)
def test_strange_names_notes_and_values_are_still_toml(name, note, value):
    """Whatever a record holds: neither a comment nor a value breaks out of its line."""
    field = FileField(name=name, notes=(note,), value=value)
    text = write_conflicts([entry(record=note, fields=(field,), notes=(note,))], [note])
    assert [table["id"] for table in tomllib.loads(text)["conflict"]] == [17]
    chosen = write_conflicts([entry(fields=(field,), choice=Choice(values={name: value}))], [])
    assert tomllib.loads(chosen)["conflict"][0]["set"] == {name: "" if value is None else value}


def test_signs_that_turn_text_around_are_made_visible():
    text = write_conflicts([entry(notes=("a\u202eb\nid = 1\x1b[2J",))], [])
    assert r"# a\u202eb\u000aid = 1\u001b[2J" in text


@pytest.mark.parametrize(
    ("what", "text", "said"),
    [
        ("no such schema", ONE, ["held.toml: schema: this is no file of `syncd conflicts export`"]),
        ("another kind of file", '[mapping]\ndoctype = "A"\n', ["schema: this is no file", "mapping: there is no"]),
        ("no TOML", f"{HEAD}[[conflict]]\nid = \n", ["held.toml: line 3"]),
        ("one table instead of many", f"{HEAD}[conflict]\nid = 1\n", ["conflict: is a table"]),
        ("not even tables", f"{HEAD}conflict = [1]\n", ["each record is one [[conflict]]"]),
        ("no id", f'{HEAD}[[conflict]]\nshown = "a"\n', ["conflict[1].id: the conflict's number is missing"]),
        ("no mark", f"{HEAD}[[conflict]]\nid = 1\n", ["conflict[1].shown: the mark of what was shown is missing"]),
        (
            "no such side",
            f'{HEAD}{ONE}take = "erpnxt"\n',
            ['conflict[1].take: ERPNext A: "erpnxt" is no side (write take = "erpnext" or take = "source")'],
        ),
        ("a side that is no text", f"{HEAD}{ONE}take = 5\n", ["conflict[1].take: ERPNext A: 5 is no side"]),
        (
            "both",
            f'{HEAD}{ONE}take = "source"\nset.tax_id = "1"\n',
            ["conflict[1].take: ERPNext A: both take and set decide it"],
        ),
        ("set is no table", f'{HEAD}{ONE}set = "tax_id"\n', ["conflict[1].set: ERPNext A: is the string"]),
        ("a value that is a list", f"{HEAD}{ONE}set.tax_id = [1]\n", ["set.tax_id: ERPNext A: is an array"]),
        ("a misspelt key", f'{HEAD}{ONE}tak = "source"\n', ["conflict[1].tak: ERPNext A: there is no such key (did"]),
        ("the same twice", f"{HEAD}{ONE}{ONE}", ["conflict[2].id: ERPNext A: conflict 17 stands in conflict[1]"]),
    ],
)
def test_mistakes_are_told_with_file_key_and_record(tmp_path, what, text, said):
    told = problems(tmp_path, text)
    assert len(told) == len(said), what
    for words, problem in zip(said, sorted(told, key=lambda each: "schema" not in each), strict=True):
        assert words in problem, what


def test_every_mistake_is_told_at_once(tmp_path):
    text = f'{HEAD}{ONE}take = "x"\n[[conflict]]\nid = "2"\nshown = 5\nst.a = 1\n'
    assert len(problems(tmp_path, text)) == 4


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"held\.toml: there is no such file"):
        read_conflicts(tmp_path / "none.toml", "held.toml")
