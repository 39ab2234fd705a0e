"""`[erpnext] group` as it is read, and what a mapping that has one cannot have."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.config import load
from syncd.core.model import Direction
from tests.config.cases import ENVIRONMENT, Case, expect_texts, lay_out

LEDGER = "mappings/ledger.toml"
GROUPED = """\
[mapping]
doctype = "GL Entry"
source = "shop"
entity = "vouchers"
direction = "to_source"

[erpnext]
group = ["voucher_type", "voucher_no"]

[source]
id = "id"

[fields]
voucher_no = "number"

[tables.entries]
rows = { entity = "entries", parent = "voucher_id" }
[tables.entries.fields]
account = "account"
"""


def test_documents_of_a_group_are_one_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(tmp_path, {LEDGER: GROUPED})
    monkeypatch.chdir(tmp_path)
    spec = load(environment=ENVIRONMENT).mappings["ledger"]
    assert (spec.group, spec.direction) == (("voucher_type", "voucher_no"), Direction.TO_SOURCE)
    assert [table.erpnext for table in spec.tables] == ["entries"]


def broken(what: str, old: str, new: str, *expect: str) -> Case:
    assert old in GROUPED, what
    texts = tuple(f"{LEDGER}: {text}" for text in expect)
    return Case(what=what, files={LEDGER: GROUPED.replace(old, new)}, expect=texts)


BROKEN = (
    broken(
        "a direction that writes into ERPNext",
        'direction = "to_source"\n',
        "",
        "erpnext.group: a group of documents is only read: nothing can be written into it "
        '(write direction = "to_source" under [mapping])',
    ),
    broken(
        "a field twice",
        '"voucher_no"]',
        '"voucher_no", "voucher_no"]',
        "erpnext.group: a field stands there twice (name each once)",
    ),
    broken(
        "an external id",
        "[erpnext]\n",
        '[erpnext]\nexternal_id = "syncd_id"\n',
        "erpnext.external_id: a group of documents has no field that could hold an id (take external_id out)",
    ),
    broken(
        "a lifecycle",
        "[fields]\n",
        '[lifecycle]\nfield = "state"\nsubmitted = "done"\n[fields]\n',
        "lifecycle: a group of documents is neither submitted nor cancelled (take the table out)",
    ),
    broken(
        "no table",
        GROUPED[GROUPED.index("[tables.entries]") :],
        "",
        "tables: a group has one table, the documents that it is made of; found none "
        '(write one: [tables.entries], with rows = { entity = "ledger_entries", parent = "voucher_id" })',
    ),
)


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.what)
def test_what_a_group_cannot_have_is_told(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expect_texts(case, tmp_path, monkeypatch)
