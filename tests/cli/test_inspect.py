from __future__ import annotations

import webbrowser
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from syncd.app.results import MappingStatus
from syncd.ports.state import RunRecord
from syncd.report.build import write_report
from tests.cli.conftest import Syncd
from tests.cli.fakes import FakeApplication
from tests.report.fakes import RUN, STARTED, FakeStore, conflict, counts, entry, failure, operation, run_record


def _status(**more: object) -> MappingStatus:
    settings: dict[str, object] = {
        "mapping": "customer",
        "enabled": True,
        "last_run": STARTED,
        "last_result": "in_sync",
        "last_full": None,
        "next_run": STARTED + timedelta(minutes=1),
        "lag": 42.0,
        "pairs": 100_000,
        "held": 0,
        "failed": 0,
        "unmatched": 3,
        "ended": 1,
    }
    return MappingStatus(**(settings | more))  # type: ignore[arg-type]


def test_status_shows_each_mapping(syncd: Syncd, application: FakeApplication) -> None:
    application.mappings = [
        _status(),
        _status(mapping="item", enabled=False, last_run=None, last_result="", lag=None, next_run=None),
        _status(mapping="order", held=2, failed=1, halt="max_deletes: 9 of 10"),
    ]
    out = syncd("status").out
    lines = out.splitlines()
    assert lines[2].startswith("customer")
    assert "100,000" in lines[2]
    assert "42 s" in lines[2]
    assert "item (disabled)" in lines[3]
    assert "never ran" in lines[3]
    assert "order is halted: max_deletes: 9 of 10" in out
    assert "`syncd conflicts list`" in out
    assert "`syncd failures list`" in out


def test_status_json(syncd: Syncd, application: FakeApplication) -> None:
    application.mappings = [_status(last_run=None)]
    assert syncd("status", "--json").json == {
        "schema": "syncd.status/1",
        "mappings": [
            {
                "mapping": "customer",
                "enabled": True,
                "last_run": None,
                "last_result": "in_sync",
                "last_full": None,
                "next_run": "2026-03-01T09:31:00.000Z",
                "lag": 42.0,
                "pairs": 100_000,
                "held": 0,
                "failed": 0,
                "unmatched": 3,
                "ended": 1,
                "halt": "",
            }
        ],
    }


@pytest.fixture
def deployment(application: FakeApplication, tmp_path: Path) -> Path:
    """Three runs: the newest found nothing, the one before left a report, the oldest's file is gone."""
    numbers = counts(updated_erpnext=1, held=1, conflicts=1, failed=1)
    reported = run_record("attention", report=f"state/reports/{RUN}.json", customer=numbers)
    store = FakeStore(
        journal=[operation([entry(1, [("customer_name", "Old", "New\x1b[2J")], result="done")])],
        held=[conflict()],
        broken=[failure()],
        records=[
            run_record("in_sync", run="ffff0001"),
            reported,
            run_record("in_sync", run="aaaa0001", report="state/reports/aaaa0001.json", customer=counts(linked=5)),
        ],
    )
    write_report(store, RUN, tmp_path / "state" / "reports", site_urls={})  # type: ignore[arg-type]
    application.state = store
    application.deployment.directory = tmp_path
    return tmp_path


def test_report_list_is_the_run_table(syncd: Syncd, deployment: Path) -> None:
    called = syncd("report", "list")
    rows = called.out.splitlines()[2:]
    assert [row.split()[0] for row in rows] == ["ffff0001", RUN, "aaaa0001"]
    assert rows[0].split()[-1] == "no"
    assert rows[1].split()[-4:] == ["1", "1", "1", "yes"]
    assert syncd("report").out == called.out
    assert len(syncd("report", "list", "--limit", "1").out.splitlines()) == 3
    runs = syncd("report", "list", "--json").json["runs"]
    assert [(run["run"], run["report"]) for run in runs[:2]] == [
        ("ffff0001", None),
        (RUN, f"state/reports/{RUN}.json"),
    ]
    assert runs[1]["mappings"]["customer"]["held"] == 1


def test_report_show_takes_the_newest_that_has_one(syncd: Syncd, deployment: Path) -> None:
    out = syncd("report", "show").out
    for words in (
        "Done, 1 record was written, but 1 record waits for a person, 1 record failed.",
        "Held (1)",
        '      tax_id: was "DE1", ERPNext "DE2", source "DE3"',
        "Failed (1)",
        "      → create the group, or map the value",
        "Operations (1)",
        '      customer_name: "Old" → "New\\x1b[2J"',
        f"{RUN}.json",
    ):
        assert words in out
    assert "\x1b" not in out


def test_report_show_takes_the_beginning_of_an_id(syncd: Syncd, deployment: Path) -> None:
    assert syncd("report", "show", RUN[:5]).out == syncd("report", "show", RUN).out
    wrong = syncd("report", "show", "zzz")
    assert wrong.code == 2
    assert "there is no run 'zzz'" in wrong.err


def test_report_show_gives_the_files_as_they_are(syncd: Syncd, deployment: Path) -> None:
    path = deployment / "state" / "reports" / f"{RUN}.json"
    assert syncd("report", "show", "--format", "json").out == path.read_text("utf-8")
    assert syncd("report", "show", "--json").json == orjson.loads(path.read_bytes())
    assert syncd("report", "show", "--format", "html").out == path.with_suffix(".html").read_text("utf-8")


def test_a_run_without_a_report_is_told_from_the_store(syncd: Syncd, deployment: Path) -> None:
    assert "Nothing to do: both sides agree." in syncd("report", "show", "ffff").out
    assert syncd("report", "show", "ffff", "--json").json["run"] == "ffff0001"
    html = syncd("report", "show", "ffff", "--format", "html")
    assert html.code == 2
    assert "found nothing to do" in html.err


def test_a_report_that_is_gone_is_told_with_the_numbers_that_are_left(syncd: Syncd, deployment: Path) -> None:
    out = syncd("report", "show", "aaaa").out
    assert "5 got the other side's id" in out
    assert "is not there any more" in out
    gone = syncd("report", "show", "aaaa", "--format", "json")
    assert gone.code == 2
    assert "--format text still shows the numbers" in gone.err


def test_a_damaged_report_is_named(syncd: Syncd, deployment: Path) -> None:
    (deployment / "state" / "reports" / f"{RUN}.json").write_text('{"schema"')
    called = syncd("report", "show")
    assert called.code == 2
    assert f"{RUN}.json is damaged" in called.err


def test_long_reports_are_cut_in_text_only(syncd: Syncd, deployment: Path, application: FakeApplication) -> None:
    application.state.journal = [operation([entry(at, result="done") for at in range(250)])]
    write_report(application.state, RUN, deployment / "state" / "reports", site_urls={})  # type: ignore[arg-type]
    assert "… and 50 more: --format json shows all" in syncd("report", "show").out


def test_without_a_run_there_is_nothing_to_show(syncd: Syncd) -> None:
    assert "There is no run yet. `syncd reconcile` makes one." in syncd("report", "list").out
    assert syncd("report", "list", "--json").json == {"schema": "syncd.reports/1", "runs": []}
    assert syncd("report", "show").code == 2


@pytest.mark.parametrize(
    ("what", "opens", "words"), [("a desktop", True, "opened "), ("a server", False, "no browser")]
)
def test_report_open_starts_the_browser(
    what: str, opens: bool, words: str, syncd: Syncd, deployment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls: list[str] = []

    def browse(url: str) -> bool:
        urls.append(url)
        return opens

    monkeypatch.setattr(webbrowser, "open", browse)
    called = syncd("report", "open")
    page = deployment / "state" / "reports" / f"{RUN}.html"
    assert urls == [page.as_uri()], what
    assert words in called.out
    assert str(page) in called.out
    assert syncd("report", "open", "ffff").code == 2


def test_a_killed_run_is_listed(syncd: Syncd, application: FakeApplication) -> None:
    application.state.records = [RunRecord(id="dead", started=STARTED, mappings=("customer",))]
    assert "not ended" in syncd("report", "list").out
    assert "This run has not ended" in syncd("report", "show").out
