"""The ERPNext face of the endpoint in memory: documents that are submitted, cancelled and amended."""

import pytest

from syncd.adapters.sources.memory import MemoryEndpoint, MemoryOptions, MemoryTable, text_fields
from syncd.core.model import Action, Rows, Side, TableRow, Write
from syncd.errors import GoneError, HeldError, RefusedError, StaleError, UnknownOutcomeError
from syncd.ports.endpoint import Done, Failed

FIELDS = text_fields("title", "remark", "docstatus", "amended_from")
ITEMS = MemoryTable(name="items", fieldname="items", fields=text_fields("item", "rate", "cost_center"))


@pytest.fixture
def site():
    options = MemoryOptions(
        submittable=True,
        naming=lambda _values, number: f"SO-{number}",
        allow_on_submit=frozenset({"remark", "items.cost_center"}),
    )
    return MemoryEndpoint(Side.ERPNEXT, FIELDS, options, (ITEMS,))


def row(site, key):
    return site.fetch([key])[0]


def write(site, action, key, docstatus=0, **values):
    held = row(site, key)
    return Write(
        action=action,
        side=Side.ERPNEXT,
        key=key,
        partner=held.partner,
        values=values,
        stamp=held.stamp,
        expected=held.values,
        docstatus=docstatus,
    )


def apply(site, one):
    ((_, result),) = list(site.apply([one]))
    return result.row if isinstance(result, Done) else result.error


def order(site, docstatus=0, **values):
    key = site.insert(title="t", partner="17", items=[{"item": "bolt", "rate": "1"}], **values)
    if docstatus >= 1:
        site.submit(key)
    if docstatus == 2:
        site.cancel(key)
    return key


def test_a_draft_is_submitted_with_its_merged_fields(site):
    done = apply(site, write(site, Action.SUBMIT, order(site), remark="r"))
    assert (done.docstatus, done.values[:4]) == (1, ("t", "r", 1, None))
    assert site.schema().submittable


def test_a_submission_that_is_refused_leaves_the_draft(site):
    site.options.refuse_submit = lambda values: "no rate" if values.get("remark") else ""
    key = order(site)
    error = apply(site, write(site, Action.SUBMIT, key, remark="r"))
    assert isinstance(error, RefusedError)
    assert "no rate" in error.message
    site.options.refusal = HeldError
    assert isinstance(apply(site, write(site, Action.SUBMIT, key, remark="r")), HeldError)
    assert row(site, key).values[:3] == ("t", None, 0)


@pytest.mark.parametrize("docstatus", [1, 2])
def test_only_drafts_are_submitted(site, docstatus):
    assert isinstance(apply(site, write(site, Action.SUBMIT, order(site, docstatus))), StaleError)


def test_a_document_is_created_submitted(site):
    make = Write(
        action=Action.CREATE, side=Side.ERPNEXT, key=None, partner="1", values={"title": "t"}, link=True, docstatus=1
    )
    assert site.create([make], "op")[0].row.docstatus == 1
    site.options.refuse_submit = lambda _values: "closed"
    (result,) = site.create([make._replace(partner="2")], "op-2")
    assert isinstance(result, Failed)
    assert isinstance(result.error, RefusedError)
    assert len(site.records) == 1


def test_fields_allowed_on_submit_change_and_others_do_not(site):
    key = order(site, 1)
    assert apply(site, write(site, Action.UPDATE, key, remark="r")).values[1] == "r"
    error = apply(site, write(site, Action.UPDATE, key, title="u"))
    assert error.code == "UpdateAfterSubmitError"
    assert "title" in error.message
    assert apply(site, write(site, Action.UPDATE, key, title="t")).docstatus == 1, "the same value is no change"


def test_columns_of_rows_allowed_on_submit_change_and_others_do_not(site):
    key = order(site, 1)
    (line,) = row(site, key).values[4].rows

    def rows(*given):
        return write(site, Action.UPDATE, key, items=Rows(tuple(given)))

    assert apply(site, rows(TableRow(line.name, ("bolt", "1", "north")))).values[4].rows[0].values[2] == "north"
    assert "items.rate" in apply(site, rows(TableRow(line.name, ("bolt", "2", "north")))).message
    assert apply(site, rows()).code == "UpdateAfterSubmitError"
    infos = site.schema().tables["items"].fields
    assert [name for name, info in infos.items() if info.allow_on_submit] == ["cost_center"]


def test_a_cancelled_document_is_not_edited_and_a_submitted_one_not_deleted(site):
    assert isinstance(apply(site, write(site, Action.UPDATE, order(site, 2), remark="r")), RefusedError)
    key = order(site, 1)
    assert isinstance(apply(site, write(site, Action.DELETE, key)), RefusedError)
    assert key in site.records


def test_a_submitted_document_is_cancelled_and_nothing_else(site):
    assert apply(site, write(site, Action.CANCEL, order(site, 1))).docstatus == 2
    assert isinstance(apply(site, write(site, Action.CANCEL, order(site))), StaleError)
    assert isinstance(apply(site, write(site, Action.CANCEL, order(site, 2))), StaleError)


def test_what_refers_to_a_document_holds_its_cancellation_and_its_amendment(site):
    site.options.hold_cancel = lambda _key: "Payment Entry PAY-1 refers to it"
    key = order(site, 1)
    for action in (Action.CANCEL, Action.AMEND):
        error = apply(site, write(site, action, key))
        assert isinstance(error, HeldError)
        assert "PAY-1" in error.message
    assert row(site, key).docstatus == 1


def test_an_amendment_carries_everything_and_the_merged_fields(site):
    key = order(site, 1, remark="by hand")
    (line,) = row(site, key).values[4].rows
    rows = Rows((TableRow(line.name, ("bolt", "2", None)), TableRow(None, ("nut", "3", None))))
    done = apply(site, write(site, Action.AMEND, key, docstatus=1, items=rows))
    assert (done.key, done.docstatus, done.partner) == (f"{key}-1", 1, "17")
    assert done.values[:4] == ("t", "by hand", 1, key)
    assert [held.values[:2] for held in done.values[4].rows] == [("bolt", "2"), ("nut", "3")]
    assert line.name not in {held.name for held in done.values[4].rows}
    assert row(site, key).docstatus == 2


def test_an_amendment_of_an_amendment_counts_on(site):
    key = order(site, 1)
    first = apply(site, write(site, Action.AMEND, key, docstatus=1))
    second = apply(site, write(site, Action.AMEND, first.key, docstatus=1, title="u"))
    assert second.key == f"{key}-2"
    assert {old: found.key for old, found in site.amendments([key, first.key, second.key, "?"]).items()} == {
        key: second.key,
        first.key: second.key,
    }


def test_an_amendment_sent_again_is_the_same_one(site):
    key = order(site, 1)
    sent = write(site, Action.AMEND, key, docstatus=1, title="u")
    site.after = _raiser("apply")
    assert isinstance(apply(site, sent), UnknownOutcomeError)
    site.after = lambda _method, _writes: None
    assert apply(site, sent).key == f"{key}-1"
    assert len(site.records) == 2


def test_an_amendment_that_stopped_half_way_is_finished(site):
    key = order(site, 1)
    sent = write(site, Action.AMEND, key, docstatus=1, title="u")
    site.before = _raiser("cancelled")
    assert isinstance(apply(site, sent), UnknownOutcomeError)
    assert (row(site, key).docstatus, len(site.records)) == (2, 1)
    site.before = lambda _method, _writes: None
    done = apply(site, sent)
    assert (done.key, done.values[0], done.docstatus) == (f"{key}-1", "u", 1)


def test_an_amendment_whose_submission_is_refused_waits_as_a_draft(site):
    key = order(site, 1)
    site.options.refuse_submit = lambda _values: "closed"
    error = apply(site, write(site, Action.AMEND, key, docstatus=1))
    assert isinstance(error, HeldError)
    assert f"{key}-1" in error.message
    assert (row(site, key).docstatus, row(site, f"{key}-1").docstatus) == (2, 0)


def test_amending_is_under_the_condition_of_what_was_read(site):
    key = order(site, 1)
    sent = write(site, Action.AMEND, key, docstatus=1)
    site.edit(key, remark="person")
    assert isinstance(apply(site, sent), StaleError)
    assert row(site, key).docstatus == 1
    draft = order(site)
    assert isinstance(apply(site, write(site, Action.AMEND, draft)), StaleError)
    site.delete(draft)
    assert isinstance(apply(site, sent._replace(key=draft)), GoneError)


def test_an_external_id_leads_to_the_document_that_stands(site):
    key = order(site, 2)
    assert [found.key for found in site.find(["17"])] == [key]
    made = site.amend(key, remark="by a person")
    assert [found.key for found in site.find(["17"])] == [made]
    site.cancel(made)
    assert [found.key for found in site.find(["17"])] == [made], "the end of the chain"
    assert site.records[made].editor == "person@example.com"


def _raiser(at):
    def hook(method, _writes):
        if method == at:
            raise UnknownOutcomeError("no answer")

    return hook
