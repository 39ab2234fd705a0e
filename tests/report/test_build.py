from __future__ import annotations

import errno
import os
import stat
import tracemalloc
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import orjson
import pytest

from syncd.core.journal import decode_entries
from syncd.core.model import Action, Counts, Side
from syncd.errors import StateError
from syncd.ports.state import Operation, OperationState
from syncd.report import files
from syncd.report.build import write_report
from syncd.report.document import operation_documents, run_document
from syncd.report.files import HTML_MARK, JSON_MARK, prune_reports
from syncd.report.html import MOST_OPEN, MOST_OPERATIONS, documents_url
from syncd.report.model import RunSummary
from tests.report.fakes import RUN, FakeStore, conflict, counts, entry, failure, operation, run_record

SITE = documents_url("https://erp.example.com/", "Sales Order")


class Page(HTMLParser):
    """What a browser would make of a page: its elements, links and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._raw = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._raw = tag if tag in {"script", "style"} else ""

    def handle_endtag(self, tag: str) -> None:
        self._raw = ""

    def handle_data(self, data: str) -> None:
        if not self._raw:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def attributes(self, name: str) -> list[str]:
        return [value for _, attributes in self.elements for key, value in attributes.items() if key == name and value]


def _write(directory: Path, store: FakeStore, **more: object) -> tuple[dict, Page]:
    path = write_report(store, RUN, directory, site_urls={"customer": SITE}, **more)  # type: ignore[arg-type]
    return orjson.loads(path.read_bytes()), Page(path.with_suffix(".html").read_text("utf-8"))


def _full_store() -> FakeStore:
    done = entry(1, [("customer_name", "Old", "New"), ("tax_id", None, "DE1")], result="done")
    refused = entry(
        2, [("email", "a", "b")], result="refused", error="not an email", hint="correct it", request_id="q9"
    )
    return FakeStore(
        journal=[
            operation([done, refused]),
            operation(
                [entry(3, link=True)], key="op-2", side=Side.SOURCE, action=Action.LINK, state=OperationState.OPEN
            ),
        ],
        held=[conflict(), conflict(18, mapping="other")],
        broken=[failure()],
        records=[run_record("attention", customer=counts(updated_erpnext=1, linked=1, conflicts=1, held=1, failed=2))],
    )


def test_run_json_holds_everything_that_reconcile_prints_and_more(tmp_path: Path) -> None:
    store = _full_store()
    document, _ = _write(tmp_path, store)
    printed = orjson.loads(orjson.dumps(run_document(RunSummary.of_record(store.records[0]))))
    assert {key: document[key] for key in printed} == printed
    assert list(document)[: len(printed)] == list(printed)
    assert document["started"] == "2026-03-01T09:30:00.000Z"
    assert document["verdict"]["headline"].startswith("Done, 2 records were written, but")
    assert [each["id"] for each in document["conflicts"]] == [17]
    assert document["conflicts"][0]["fields"][0]["base"] == "DE1"
    assert document["failures"][0]["error"] == "Customer Group: Comercial is not there"
    assert document["operations"][0] == {
        "operation": "op-1",
        "mapping": "customer",
        "side": "erpnext",
        "action": "update",
        "result": "done",
        "external_id": "1",
        "erpnext_name": "CUST-00001",
        "link": False,
        "changes": [
            {"field": "customer_name", "old": "Old", "new": "New"},
            {"field": "tax_id", "old": None, "new": "DE1"},
        ],
        "sent": "2026-03-01T09:30:00.000Z",
        "finished": "2026-03-01T09:30:01.000Z",
        "request_id": "req-77",
        "error": "",
        "hint": "",
    }
    assert document["operations"][1]["request_id"] == "q9"
    assert [each["result"] for each in document["operations"]] == ["done", "refused", "open"]


def test_the_contracts_keys_of_a_mapping_stand_in_its_order() -> None:
    printed = run_document(RunSummary.of_record(run_record()))
    assert list(printed) == ["schema", "run", "started", "finished", "result", "mappings"]
    assert printed["mappings"]["customer"] == {
        "seen": {"erpnext": 0, "source": 0},
        "adopted": 0,
        "created": {"erpnext": 0, "source": 0},
        "updated": {"erpnext": 0, "source": 0},
        "deleted": {"erpnext": 0, "source": 0},
        "submitted": 0,
        "cancelled": 0,
        "amended": 0,
        "linked": 0,
        "unmatched": 0,
        "conflicts": 0,
        "held": 0,
        "failed": 0,
        "ended": 0,
        "disagree": 0,
        "requests": {"erpnext": 0, "source": 0},
        "halt": None,
        "error": None,
    }


def test_a_journal_is_read_here_as_the_journal_reads_itself() -> None:
    given = operation(
        [
            entry(
                7,
                [("a", "x", None)],
                result="stale",
                error="moved",
                hint="wait",
                request_id="r1",
                link=True,
                pair=5,
                action="disable",
            )
        ],
    )
    (read,) = operation_documents(given)
    (meant,) = decode_entries(given.records)
    for key in ("external_id", "erpnext_name", "action", "link", "result", "error", "hint", "request_id"):
        assert read[key] == getattr(meant, key), key
    assert read["changes"] == [{"field": each.field, "old": each.old, "new": each.new} for each in meant.changes]


def test_a_journal_of_another_shape_is_refused() -> None:
    broken = Operation(key="k", mapping="m", run=RUN, side=Side.SOURCE, action=Action.UPDATE, records=b"[[1]]", count=1)
    with pytest.raises(ValueError):
        operation_documents(broken)


def test_the_page_says_verdict_then_people_then_numbers_then_operations(tmp_path: Path) -> None:
    _, page = _write(tmp_path, _full_store())
    order = [
        "but 1 record waits for a person, 2 records failed",
        "What needs a person",
        "syncd conflicts list shows what is held",
        "tax_id DE1 DE2 DE3 both changed",
        "Last edited in ERPNext by anna@example.com",
        "Customer Group: Comercial is not there create the group",
        "Numbers",
        "customer",
        "Operations (3)",
        "refused not an email correct it",
        "customer_name Old → New",
    ]
    at = 0
    for words in order:
        at = page.text.find(words, at)
        assert at >= 0, words
    assert "tax_id empty → DE1" in page.text
    assert "q9" in page.text


def test_a_held_record_without_a_partner_shows_its_own_values_and_what_to_do(tmp_path: Path) -> None:
    own = [{"field": "name", "base": None, "erpnext": None, "source": "Shop 7", "reason": ""}]
    text = "2 records of ERPNext match it: CUST-1, CUST-2"
    store = FakeStore(
        held=[conflict(kind="match", fields=own, erpnext_name=None, text=text)],
        records=[run_record("attention", customer=counts(held=1))],
    )
    _, page = _write(tmp_path, store)
    assert f"{text} Field The source holds name Shop 7 Last edited" in page.text
    assert "At the last agreement" not in page.text
    assert "What to do: several records fit one another" in page.text


def test_what_a_person_ignores_is_in_the_json_and_not_in_the_page(tmp_path: Path) -> None:
    store = FakeStore(
        broken=[failure(3, ignored=True, error="left as it is"), failure(4), failure(5, permanent=False)],
        records=[run_record("attention", customer=counts(failed=2))],
    )
    document, page = _write(tmp_path, store)
    assert [each["state"] for each in document["failures"]] == ["ignored", "parked", "retries"]
    assert "Failed records (2)" in page.text
    assert "left as it is" not in page.text


def test_a_run_without_work_says_so(tmp_path: Path) -> None:
    _, page = _write(tmp_path, FakeStore(records=[run_record("in_sync")]))
    assert "Nothing to do: both sides agree." in page.text
    assert "What needs a person Nothing." in page.text
    assert "Nothing was written on either side." in page.text


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;{{ 7*7 }}"


def test_hostile_values_are_text_and_nothing_else(tmp_path: Path) -> None:
    changed = entry(1, [(HOSTILE, HOSTILE, HOSTILE)], result=HOSTILE, error=HOSTILE, hint=HOSTILE, request_id=HOSTILE)
    changed = changed._replace(erpnext_name=HOSTILE, external_id=HOSTILE)
    field = {"field": HOSTILE, "base": HOSTILE, "erpnext": HOSTILE, "source": [HOSTILE], "reason": HOSTILE}
    harmless, plain = _write(tmp_path / "plain", _full_store())
    store = FakeStore(
        journal=[operation([changed])],
        held=[conflict(fields=[field], text=HOSTILE, editor=HOSTILE, erpnext_name=HOSTILE)],
        broken=[failure(error=HOSTILE, hint=HOSTILE, external_id=HOSTILE)],
        records=[run_record("halted", customer=counts(halt={"guard": "g", "message": HOSTILE, "hint": HOSTILE}))],
    )
    _, page = _write(tmp_path, store)
    kinds = {tag for tag, _ in page.elements}
    assert kinds <= {tag for tag, _ in plain.elements} | {"p"}
    assert "img" not in kinds
    assert sum(tag == "script" for tag, _ in page.elements) == 1
    assert not [key for _, attributes in page.elements for key in attributes if key.startswith("on")]
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7*7 }}" in page.text
    assert harmless["schema"] == "syncd.run/1"


def test_the_page_asks_nobody_for_anything(tmp_path: Path) -> None:
    path = write_report(_full_store(), RUN, tmp_path, site_urls={"customer": SITE})  # type: ignore[arg-type]
    text = path.with_suffix(".html").read_text("utf-8")
    page = Page(text)
    assert page.attributes("src") == []
    assert not [tag for tag, _ in page.elements if tag in {"link", "iframe", "object", "embed", "base", "form"}]
    assert "@import" not in text
    assert "url(" not in text
    policy = next(value for value in page.attributes("content") if "default-src" in value)
    assert policy.startswith("default-src 'none'")
    assert "script-src 'sha256-" in policy
    assert all(link.startswith(("#", SITE)) for link in page.attributes("href"))


@pytest.mark.parametrize(
    ("what", "url", "name", "link"),
    [
        (
            "a name with a slash and a blank",
            "https://erp.example.com",
            "A/B C",
            "https://erp.example.com/app/sales-order/A%2FB%20C",
        ),
        ("a site in a folder", "http://intra/erp/", "X", "http://intra/erp/app/sales-order/X"),
        ("the sandbox has no desk", "sandbox:///state/sandbox.db", "X", ""),
        ("a scheme that runs code", "javascript:alert(1)//", "X", ""),
    ],
)
def test_names_link_to_the_document_in_the_site(tmp_path: Path, what: str, url: str, name: str, link: str) -> None:
    store = FakeStore(
        journal=[operation([entry(1, result="done")._replace(erpnext_name=name)])], records=[run_record("in_sync")]
    )
    path = write_report(store, RUN, tmp_path, site_urls={"customer": documents_url(url, "Sales Order")})  # type: ignore[arg-type]
    page = Page(path.with_suffix(".html").read_text("utf-8"))
    assert [found for found in page.attributes("href") if not found.startswith("#")] == ([link] if link else []), what


def test_the_page_shows_troubled_operations_first_and_says_how_many_it_leaves_out(tmp_path: Path) -> None:
    batches = [
        operation([entry(batch * 500 + at, result="done") for at in range(500)], key=f"op-{batch}")
        for batch in range(5)
    ]
    last = operation([entry(9999, result="refused", error="no")], key="last")
    document, page = _write(tmp_path, FakeStore(journal=[*batches, last], records=[run_record("in_sync")]))
    assert len(document["operations"]) == 2501
    rows = [
        attributes["data-result"] for tag, attributes in page.elements if tag == "tr" and "data-result" in attributes
    ]
    assert len(rows) == MOST_OPERATIONS
    assert rows[0] == "refused"
    assert f"and {2501 - MOST_OPERATIONS:,} more in {RUN}.json" in page.text


def test_many_conflicts_and_failures_are_cut_in_the_page_only(tmp_path: Path) -> None:
    store = FakeStore(
        held=[conflict(at) for at in range(1, MOST_OPEN + 11)],
        broken=[failure(at) for at in range(1, MOST_OPEN + 12)],
        records=[run_record()],
    )
    document, page = _write(tmp_path, store)
    assert (len(document["conflicts"]), len(document["failures"])) == (510, 511)
    assert f"and 10 more in {RUN}.json" in page.text
    assert f"and 11 more in {RUN}.json" in page.text


def test_a_hundred_thousand_operations_stay_out_of_memory(tmp_path: Path) -> None:
    changes = [(f"field_{at}", "old", "new") for at in range(2)]
    batch = operation([entry(at, changes, result="done") for at in range(200)])

    class Long(FakeStore):
        def operations(self, run: str) -> Iterator[Operation]:
            return (batch for _ in range(500))

    store = Long(records=[run_record("in_sync")])
    tracemalloc.start()
    try:
        path = write_report(store, RUN, tmp_path, site_urls={})  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 25_000_000
    assert peak < 25_000_000, f"{peak / 1e6:.0f} MB"


def test_secrets_are_taken_out_of_both_files(tmp_path: Path) -> None:
    secret = "s3cr3t-token"
    store = FakeStore(
        journal=[operation([entry(1, error=f"refused {secret}", hint=secret)])],
        held=[conflict(text=secret)],
        broken=[failure(error=secret, hint=secret)],
        records=[run_record("failed", customer=counts(error={"message": secret, "hint": secret}))],
    )
    path = write_report(store, RUN, tmp_path, site_urls={}, redact=lambda text: text.replace(secret, "***"))  # type: ignore[arg-type]
    assert secret not in path.read_text("utf-8")
    assert secret not in path.with_suffix(".html").read_text("utf-8")
    assert "refused ***" in path.read_text("utf-8")


def test_strange_values_do_not_break_a_report(tmp_path: Path) -> None:
    store = FakeStore(broken=[failure(error="half \ud83d of a pair")], records=[run_record()])
    document, page = _write(tmp_path, store)
    assert document["failures"][0]["error"] == "half \\ud83d of a pair"
    assert "half \\ud83d of a pair" in page.text


def test_a_record_that_is_not_entered_yet_can_be_given(tmp_path: Path) -> None:
    path = write_report(FakeStore(), RUN, tmp_path, site_urls={}, record=run_record("in_sync"))  # type: ignore[arg-type]
    assert orjson.loads(path.read_bytes())["result"] == "in_sync"


def test_an_unknown_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="holds no run nope"):
        write_report(FakeStore(), "nope", tmp_path, site_urls={})  # type: ignore[arg-type]


def test_files_are_for_their_owner_only_and_leave_nothing_else(tmp_path: Path) -> None:
    directory = tmp_path / "state" / "reports"
    _write(directory, _full_store())
    assert sorted(path.name for path in directory.iterdir()) == [f"{RUN}.html", f"{RUN}.json"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "the disk is full"), (errno.EROFS, "Read-only file system")],
)
def test_a_disk_that_takes_no_more_is_told_and_leaves_the_old_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    _write(tmp_path, _full_store())
    before = (tmp_path / f"{RUN}.json").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(StateError) as caught:
        _write(tmp_path, FakeStore(records=[run_record("in_sync")]))
    assert words in caught.value.message
    assert f"{RUN}.json" in caught.value.message
    assert "[reports]" in caught.value.hint
    assert (tmp_path / f"{RUN}.json").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


def test_a_store_that_fails_on_the_way_leaves_no_file(tmp_path: Path) -> None:
    class Broken(FakeStore):
        def operations(self, run: str) -> Iterator[Operation]:
            yield operation([entry(1)])
            raise StateError("the state store is damaged")

    with pytest.raises(StateError, match="damaged"):
        _write(tmp_path, Broken(records=[run_record()]))
    assert list(tmp_path.iterdir()) == []


def test_only_old_reports_are_pruned(tmp_path: Path) -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    old, new = (now - timedelta(days=91)).timestamp(), (now - timedelta(days=89)).timestamp()
    content = {
        "old.json": JSON_MARK + b"}",
        "old.html": HTML_MARK + b"<html>",
        "mine.json": b'{"schema":"something else"}',
        "notes.txt": JSON_MARK,
        ".syncd-report-x": b"half",
    }
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)
        os.utime(tmp_path / name, (old, old))
    (tmp_path / "new.json").write_bytes(JSON_MARK + b"}")
    os.utime(tmp_path / "new.json", (new, new))
    assert prune_reports(tmp_path, 90 * 86_400, now) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.json", "new.json", "notes.txt"]
    assert prune_reports(tmp_path / "missing", 90 * 86_400, now) == 0


def test_written_reports_bear_the_marks_that_pruning_looks_for(tmp_path: Path) -> None:
    _write(tmp_path, _full_store())
    assert prune_reports(tmp_path, -60, datetime.now(UTC)) == 2
    assert list(tmp_path.iterdir()) == []


def test_counts_are_all_of_the_contract() -> None:
    assert run_document(RunSummary.of_record(run_record()))["mappings"]["customer"] == {
        name: value for name, value in asdict(Counts()).items() if name not in {"plan", "disagreements"}
    }, "what only some runs have is told where it is"


def test_long_values_in_conflict_say_in_words_what_differs(tmp_path: Path) -> None:
    notes = "Pays by invoice.\nDelivers on Mondays.\nAsks for the red label on every box."
    given = [
        {"field": "notes", "base": None, "erpnext": notes, "source": notes.replace("Mondays", "Fridays"), "reason": ""}
    ]
    store = FakeStore(held=[conflict(fields=given)], records=[run_record()])
    document, page = _write(tmp_path, store)
    (field,) = document["conflicts"][0]["fields"]
    assert field["differences"] == [
        "line 2: removed 'Delivers on Mondays.'",
        "line 2: added 'Delivers on Fridays.'",
    ]
    assert "line 2: added 'Delivers on Fridays.'" in page.text
