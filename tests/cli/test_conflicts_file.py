from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from syncd.app.waiting import Surroundings, WaitingField
from syncd.core.model import Side
from syncd.errors import UsageError
from tests.cli.conftest import Syncd
from tests.cli.fakes import FakeApplication
from tests.report.fakes import FakeStore, conflict

TAX = {"field": "tax_id", "base": "DE1", "erpnext": "DE2", "source": "DE3", "reason": "both changed"}
PHONE = {"field": "phone", "base": None, "erpnext": "4", "source": "5\n# no comment", "reason": ""}


@pytest.fixture(autouse=True)
def _held(application: FakeApplication) -> None:
    application.state = FakeStore(
        held=[
            conflict(1, fields=[TAX]),
            conflict(2, fields=[TAX, PHONE], external_id="43", erpnext_name="CUST-00043"),
            conflict(3, kind="deleted", fields=[TAX], external_id="44", erpnext_name="CUST-00044"),
            conflict(4, kind="match", fields=[]),
            conflict(5, fields=[TAX], mapping="item", external_id="45", erpnext_name="ITEM-45"),
        ]
    )


@pytest.fixture
def file(tmp_path: Path, syncd: Syncd) -> Path:
    path = tmp_path / "held.toml"
    assert syncd("conflicts", "export", str(path)).code == 0
    return path


def edit(file: Path, *changes: tuple[str, str]) -> None:
    text = file.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    file.write_text(text, encoding="utf-8")


def decide(file: Path, number: int, line: str = 'take = "source"') -> None:
    """Write a decision about one record of the file."""
    head, found, rest = file.read_text(encoding="utf-8").partition(f"id = {number}\n")
    assert found
    file.write_text(head + found + rest.replace('take = ""', line, 1), encoding="utf-8")


def test_an_export_shows_both_sides_and_what_can_be_decided(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for words in (
        "# Conflict 1 (fields), mapping customer: ERPNext CUST-00042 = source 42",
        "by anna@example.com",
        '#     agreed   "DE1"\n#     ERPNext  "DE2"\n#     source   "DE3"',
        '# set.tax_id = "DE2"',
        "# tax_id: both changed",
        "1 more record is held that no choice between two values decides",
    ):
        assert words in text
    assert text.count("[[conflict]]") == 4
    deleted = text.partition("id = 3\n")[2].partition("[[conflict]]")[0]
    assert "set." not in deleted, "a deletion is decided by taking a side"
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_export_may_be_of_one_mapping_and_tells_what_waits(
    tmp_path: Path, syncd: Syncd, application: FakeApplication
) -> None:
    application.around = Surroundings(waiting=(WaitingField(field="url", side=Side.SOURCE, base="a", value="b"),))
    path = tmp_path / "item.toml"
    told = syncd("conflicts", "export", str(path), "--mapping", "item", "--json").json
    assert told == {"schema": "syncd.conflicts_export/1", "file": str(path), "conflicts": 1, "left": 0}
    assert 'waits too: url: "a" → "b" in the source, goes to ERPNext' in path.read_text(encoding="utf-8")
    assert "id = 5" in syncd("conflicts", "export", "-", "--mapping", "item").out


@pytest.mark.parametrize(
    ("what", "arguments", "words"),
    [
        ("it is there", ("held.toml",), "is there already: decisions in it would be lost"),
        ("no such folder", ("nowhere/held.toml",), "there is no directory"),
        ("two documents on stdout", ("-", "--json"), "both want stdout"),
    ],
)
def test_an_export_that_would_do_harm_is_refused(
    what: str, arguments: tuple[str, ...], words: str, file: Path, syncd: Syncd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    edit(file, ('take = ""', 'take = "source"'))
    called = syncd("conflicts", "export", *arguments)
    assert called.code == 2, what
    assert words in called.err + called.out, what
    assert 'take = "source"' in file.read_text(encoding="utf-8")
    assert syncd("conflicts", "export", "held.toml", "--force").code == 0


def test_an_import_notes_the_decisions_of_the_file(file: Path, syncd: Syncd, application: FakeApplication) -> None:
    decide(file, 1, 'take = "erpnext"')
    decide(file, 2, 'take = ""\nset.tax_id = "DE9"\nset.phone = ""')
    decide(file, 3)
    dry = syncd("conflicts", "import", str(file), "--dry-run")
    assert "3 decisions would be noted. Nothing was." in dry.out
    assert application.state.resolved == {}
    called = syncd("conflicts", "import", str(file))
    assert called.code == 0, called.err
    assert {number: orjson.loads(held) for number, held in application.state.resolved.items()} == {
        1: {"take": "erpnext"},
        2: {"set": {"tax_id": "DE9", "phone": None}},
        3: {"take": "source"},
    }
    assert "1 record is left open in the file." in called.out
    document = syncd("conflicts", "import", str(file), "--json").json
    assert (len(document["resolved"]), document["skipped"], document["undecided"]) == (3, [], 1)


def test_an_import_of_an_untouched_file_notes_nothing(file: Path, syncd: Syncd, application: FakeApplication) -> None:
    called = syncd("conflicts", "import", str(file))
    assert (called.code, application.state.resolved) == (0, {})
    assert "No decision was noted." in called.out


def test_decisions_that_wait_are_exported_and_imported_as_they_are(
    tmp_path: Path, syncd: Syncd, application: FakeApplication
) -> None:
    decided = [
        conflict(1, fields=[TAX], resolution=b'{"take":"source"}'),
        conflict(2, fields=[TAX], external_id="43", resolution=b'{"set":{"tax_id":null}}'),
        conflict(3, fields=[TAX], external_id="44", resolution=b'{"moved":{"take":"source"}}'),
    ]
    application.state = FakeStore(held=decided)
    path = tmp_path / "held.toml"
    syncd("conflicts", "export", str(path))
    assert syncd("conflicts", "import", str(path)).code == 0
    assert application.state.resolved == {1: b'{"take":"source"}', 2: b'{"set":{"tax_id":null}}'}
    assert "not carried out, since the record moved: decide again" in path.read_text(encoding="utf-8")


def test_one_wrong_line_and_nothing_is_imported(file: Path, syncd: Syncd, application: FakeApplication) -> None:
    decide(file, 1)
    decide(file, 2, 'set.taxid = "1"')
    decide(file, 3, 'set.tax_id = "1"')
    called = syncd("conflicts", "import", str(file))
    assert (called.code, application.state.resolved) == (2, {})
    assert f"{file}: conflict[2].set.taxid: ERPNext CUST-00043 = source 43: 'taxid' is not a field" in called.err
    assert "did you mean tax_id?" in called.err
    assert "conflict[3].set: ERPNext CUST-00044 = source 44: conflict 3 (deleted) is decided by taking" in called.err
    assert len(syncd("conflicts", "import", str(file), "--json").json["problems"]) == 2


def test_a_record_whose_fields_are_not_all_decided_is_told(file: Path, syncd: Syncd) -> None:
    decide(file, 2, 'set.tax_id = "1"')
    called = syncd("conflicts", "import", str(file))
    assert called.code == 2
    assert 'has more fields to decide: phone (give each of them: set.phone = "…")' in called.err


def test_values_that_do_not_fit_are_told_with_their_key(file: Path, syncd: Syncd, application: FakeApplication) -> None:
    application.misfits = {"phone": "too long"}
    decide(file, 2, 'set.tax_id = "1"\nset.phone = "12345"')
    decide(file, 5, 'set.tax_id = "2"')
    called = syncd("conflicts", "import", str(file))
    assert (called.code, application.state.resolved) == (2, {})
    assert "conflict[2].set.phone: ERPNext CUST-00043 = source 43: " in called.err
    assert "phone: too long" in called.err
    mappings = [how[0] for what, how in application.asked if what == "unfit"]
    assert mappings == ["customer", "item"], "each mapping is asked once"


@pytest.fixture
def moved(file: Path, application: FakeApplication) -> Path:
    """Records 1 and 3 are decided in the file; since then 1 moved and 3 was settled; 2 is as it was."""
    for number in (1, 2, 3):
        decide(file, number)
    held = [each for each in application.state.held if each.id not in {1, 3}]
    application.state.held = [conflict(1, fields=[{**TAX, "source": "DE4"}]), *held]
    return file


def test_records_that_moved_since_the_export_are_not_decided_blindly(
    moved: Path, syncd: Syncd, application: FakeApplication
) -> None:
    called = syncd("conflicts", "import", str(moved))
    assert (called.code, application.state.resolved) == (2, {})
    assert "conflict[1].shown: ERPNext CUST-00042 = source 42: conflict 1" in called.err
    assert "is not what was shown: the record moved since" in called.err
    assert "conflict[3].id: ERPNext CUST-00044 = source 44: no conflict 3 is open" in called.err
    assert "--skip-moved notes the others" in called.err


def test_records_that_moved_may_be_left_out(moved: Path, syncd: Syncd, application: FakeApplication) -> None:
    called = syncd("conflicts", "import", str(moved), "--skip-moved")
    assert (called.code, list(application.state.resolved)) == (0, [2])
    assert called.out.count("  skipped: ") == 2
    document = syncd("conflicts", "import", str(moved), "--skip-moved", "--json").json
    assert [each["key"] for each in document["skipped"]] == ["conflict[1].shown", "conflict[3].id"]


def test_a_number_that_stands_for_another_record_by_now_is_not_decided(
    file: Path, syncd: Syncd, application: FakeApplication
) -> None:
    """After the state was rebuilt numbers begin anew: the same number, fields and values, and another record."""
    decide(file, 1)
    application.state.held = [conflict(1, fields=[TAX], external_id="4711")]
    called = syncd("conflicts", "import", str(file))
    assert (called.code, application.state.resolved) == (2, {})


def test_what_a_run_changed_at_the_last_moment_stops_the_import(
    file: Path, syncd: Syncd, application: FakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(file, 1)

    def refuse(decisions: object) -> None:
        raise UsageError("a run has changed or settled what was shown meanwhile: conflict 1; nothing is noted")

    monkeypatch.setattr(application.state, "resolve", refuse)
    called = syncd("conflicts", "import", str(file))
    assert called.code == 2
    assert "nothing is noted" in called.err
