"""Link fields of syncd's own: made, recognised and taken away by provision."""

from __future__ import annotations

from dataclasses import replace

from syncd.adapters.erpnext import SiteClient
from syncd.adapters.erpnext.meta import described_doctype
from syncd.adapters.erpnext.provision import SiteStep, StepState, apply_provision, plan_provision, remove_provision
from syncd.core.mapping import FieldSpec
from syncd.core.model import Direction
from tests.erpnext.helpers import customer_spec
from tests.erpnext.lifecycle.invoices import invoice_spec, payment_spec

LINK = FieldSpec(erpnext="syncd_invoice", source="invoice_id", link="invoice")
INVOICE = invoice_spec()
PAYMENT = payment_spec(fields=(LINK, FieldSpec(erpnext="paid_amount", source="cents")))


def link_step(steps: list[SiteStep]) -> SiteStep:
    [found] = [step for step in steps if step.name == "Payment Entry-syncd_invoice"]
    return found


def test_the_field_leads_to_the_linked_mappings_doctype(client: SiteClient) -> None:
    steps = plan_provision(client, [INVOICE, PAYMENT, customer_spec()])
    step = link_step(steps)
    assert (step.state, step.what) == (
        StepState.MISSING,
        "custom field syncd_invoice in Payment Entry (Link, Sales Invoice)",
    )
    assert step.why == "holds the Sales Invoice that invoice_id of shop payments names"
    assert link_step(apply_provision(client, steps)).state is StepState.MADE
    fields = described_doctype(client, "Payment Entry")["fields"]
    [made] = [field for field in fields if field["fieldname"] == "syncd_invoice"]
    held = (made["fieldtype"], made["options"], made["read_only"], made["no_copy"], made["allow_on_submit"])
    assert held == ("Link", "Sales Invoice", 1, 1, 1)
    again = plan_provision(client, [INVOICE, PAYMENT])
    assert link_step(again).state is StepState.PRESENT
    assert link_step(remove_provision(client, again)).state is StepState.REMOVED


def test_another_field_of_that_name_is_left_alone_and_told(client: SiteClient) -> None:
    apply_provision(client, plan_provision(client, [INVOICE, PAYMENT]))
    elsewhere = replace(customer_spec(), name="invoice")
    step = link_step(plan_provision(client, [elsewhere, PAYMENT]))
    assert step.state is StepState.UNFIT
    assert "no Link to Customer" in step.error


def test_nothing_is_made_for_fields_of_erpnext_or_for_mappings_that_only_read(client: SiteClient) -> None:
    usual = replace(PAYMENT, fields=(replace(LINK, erpnext="party"),))
    reading = replace(PAYMENT, direction=Direction.TO_SOURCE, create_method=None)
    for spec in (usual, reading):
        steps = plan_provision(client, [INVOICE, spec])
        assert not [step for step in steps if step.name.startswith("Payment Entry-") and "Link" in step.what]
