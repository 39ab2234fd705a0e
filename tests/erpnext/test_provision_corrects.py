"""`provision` corrects what is there and not as it must be, takes back what syncd made alone, and lists rights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncd.adapters.erpnext import SiteClient, TokenAuth
from syncd.adapters.erpnext.meta import load_schema
from syncd.adapters.erpnext.needed import NeededRights, needed_rights
from syncd.adapters.erpnext.operations import forget_operations, has_operations
from syncd.adapters.erpnext.provision import (
    SiteStep,
    StepState,
    apply_provision,
    plan_provision,
    plan_removal,
    remove_provision,
)
from syncd.adapters.erpnext.rights import Right
from syncd.core.mapping import (
    ChangedAfterSubmit,
    Create,
    FieldSpec,
    LifecycleSpec,
    MappingSpec,
    SourceDeleted,
)
from syncd.core.model import Direction
from tests.erpnext.helpers import FakeClock, customer_spec, make_client
from tests.sites import fresh_site

LIMITED = "limited@example.com"


@pytest.fixture
def fresh_url(tmp_path: Path) -> Iterator[str]:
    """A site on which nothing was provisioned."""
    with fresh_site(tmp_path / "fresh.db") as server:
        yield server.url


@pytest.fixture
def fresh(fresh_url: str) -> Iterator[SiteClient]:
    client = make_client(fresh_url)
    yield client
    client.close()


@pytest.fixture
def restricted(fresh_url: str) -> Iterator[SiteClient]:
    """The same site as the user whose only role is Sales User."""
    client = SiteClient(fresh_url, TokenAuth(key="limited", secret="limited"), clock=FakeClock())
    yield client
    client.close()


def make(client: SiteClient, doctype: str, **values: Any) -> dict[str, Any]:
    answer = client.write("POST", f"/api/resource/{doctype}", values, doctype, expects=("data", dict))
    data: dict[str, Any] = answer["data"]
    return data


def field_step(client: SiteClient, spec: MappingSpec) -> SiteStep:
    return next(step for step in plan_provision(client, [spec]) if step.kind == "Custom Field")


@pytest.mark.parametrize(
    ("doctype", "before", "told"),
    [
        ("Customer", {}, "code is not unique: two documents may hold one id; code is copied by Duplicate: the copy"),
        ("Customer", {"unique": 1, "no_copy": 1, "length": 40}, "code holds 40 characters: ids may have 140"),
        ("Sales Order", {"unique": 1, "no_copy": 1}, "code may not be written after submit; code is unique: nobody"),
    ],
)
def test_a_field_that_is_not_as_it_must_be_is_corrected(
    fresh: SiteClient, doctype: str, before: dict[str, int], told: str
) -> None:
    make(fresh, "Custom Field", dt=doctype, fieldname="code", fieldtype="Data", **before)
    spec = customer_spec(doctype=doctype, external_id="code", create=Create.NONE)
    step = field_step(fresh, spec)
    assert step.state is StepState.WRONG
    assert step.error.startswith(told)
    (done,) = apply_provision(fresh, [step])
    assert (done.state, done.error) == (StepState.CORRECTED, "")
    assert field_step(fresh, spec).state is StepState.PRESENT
    info = load_schema(fresh, doctype).fields["code"]
    assert (info.unique, info.allow_on_submit) == (doctype == "Customer", doctype == "Sales Order")


def test_ids_that_stand_twice_are_kept_and_named_as_the_reason(fresh: SiteClient) -> None:
    make(fresh, "Custom Field", dt="Customer", fieldname="code", fieldtype="Data", no_copy=1)
    for name in ("A", "B"):
        make(fresh, "Customer", customer_name=name, code="1")
    spec = customer_spec(external_id="code", create=Create.NONE)
    (done,) = apply_provision(fresh, [field_step(fresh, spec)])
    assert done.state is StepState.REFUSED
    assert done.error.endswith("→ find the documents that hold the same id, and correct them")
    held = fresh.ask("frappe.client.get_count", {"doctype": "Customer", "filters": [["code", "=", "1"]]}, "count")
    assert held == 2


@pytest.mark.parametrize(
    ("name", "error"),
    [
        (
            "website",
            (
                "website is not unique: two documents may hold one id; website is copied by Duplicate: the copy has "
                "the id; it is a field of the DocType itself, which is not changed → name another external_id in "
                "mappings/customer.toml"
            ),
        ),
        (
            "territory",
            "territory is a Link field, which holds no ids → name another external_id in mappings/customer.toml",
        ),
    ],
)
def test_a_field_that_cannot_serve_is_left_alone(fresh: SiteClient, name: str, error: str) -> None:
    step = field_step(fresh, customer_spec(external_id=name))
    assert (step.state, step.error) == (StepState.UNFIT, error)
    sent = fresh.requests
    assert apply_provision(fresh, [step]) == [step]
    assert fresh.requests == sent


def test_a_removal_takes_back_only_what_syncd_made(fresh: SiteClient) -> None:
    make(fresh, "Custom Field", dt="Customer", fieldname="code", fieldtype="Data", unique=1, no_copy=1)
    theirs, ours = customer_spec(external_id="code"), customer_spec(external_id="shop_ref")
    apply_provision(fresh, plan_provision(fresh, [ours]))
    planned = plan_removal(fresh, plan_provision(fresh, [theirs, ours]))
    assert [(step.name, step.state.value) for step in planned] == [
        ("Customer-code", "kept"),
        ("Customer-shop_ref", "present"),
        ("Syncd Operation", "present"),
    ]
    assert planned[0].error == "syncd did not make this field, and does not take it away"
    done = remove_provision(fresh, plan_provision(fresh, [theirs, ours]))
    assert [step.state.value for step in done] == ["kept", "removed", "removed"]
    fields = load_schema(fresh, "Customer").fields
    assert ("code" in fields, "shop_ref" in fields) == (True, False)
    again = remove_provision(fresh, plan_provision(fresh, [theirs, ours]))
    assert [step.state.value for step in again] == ["kept", "missing", "missing"]


def test_ids_are_not_lost_by_a_removal(fresh: SiteClient) -> None:
    spec = customer_spec()
    apply_provision(fresh, plan_provision(fresh, [spec]))
    make(fresh, "Customer", customer_name="A", syncd_shop_id="17")
    (field, _) = plan_removal(fresh, plan_provision(fresh, [spec]))
    assert field.error == "1 documents hold an id: their column stays in the site's database"
    remove_provision(fresh, plan_provision(fresh, [spec]))
    apply_provision(fresh, plan_provision(fresh, [spec]))
    found = fresh.get("/api/resource/Customer/A", {}, "the customer", ("data", dict))["data"]
    assert found["syncd_shop_id"] == "17", "back with the field"


def test_the_integration_user_gets_rights_to_the_keys(fresh: SiteClient, restricted: SiteClient) -> None:
    spec = customer_spec()
    apply_provision(fresh, plan_provision(fresh, [spec]))
    assert not has_operations(restricted), "made by an administrator, for nobody else"
    (_, told) = plan_provision(restricted, [spec])
    assert told.state is StepState.REFUSED
    assert f"let a System Manager run `syncd provision --apply --user {LIMITED}`" in told.error
    (_, keys) = plan_provision(fresh, [spec], user=LIMITED)
    assert keys.state is StepState.WRONG
    assert keys.error == f"{LIMITED} may not read and create its records: rights for Sales User"
    assert [step.state.value for step in apply_provision(fresh, [keys])] == ["corrected"]
    forget_operations(restricted)
    assert has_operations(restricted)
    assert plan_provision(restricted, [spec])[1].state is StepState.PRESENT
    assert plan_provision(fresh, [spec], user=LIMITED)[1].state is StepState.PRESENT
    assert plan_provision(fresh, [spec])[1].state is StepState.PRESENT, "the administrator's rights stayed"


def test_keys_are_made_for_the_named_user_at_once(fresh: SiteClient, restricted: SiteClient) -> None:
    steps = plan_provision(fresh, [customer_spec()], user=LIMITED)
    roles = [row["role"] for row in steps[1].document["permissions"]]
    assert roles == ["System Manager", "Sales User"]
    apply_provision(fresh, steps)
    assert has_operations(restricted)


def rights(found: list[NeededRights]) -> list[tuple[str, int, str, str]]:
    return [
        (each.doctype, each.level, " ".join(r.value for r in each.rights), " ".join(r.value for r in each.lacking))
        for each in found
    ]


def test_the_rights_that_mappings_need(restricted: SiteClient) -> None:
    order = customer_spec(
        name="order",
        doctype="Sales Order",
        lifecycle=LifecycleSpec(
            field="status",
            submitted=("paid",),
            cancelled=("void",),
            changed_after_submit=ChangedAfterSubmit.AMEND,
        ),
        fields=(FieldSpec(erpnext="customer", source="c", link="customer"), FieldSpec(erpnext="company", source="d")),
    )
    item = customer_spec(name="item", doctype="Item", source_deleted=SourceDeleted.DELETE, fields=())
    found = needed_rights(restricted, [order, item, customer_spec(direction=Direction.TO_SOURCE, fields=())])
    assert rights(found) == [
        ("Customer", 0, "read", ""),
        ("Item", 0, "read write create delete", "write create delete"),
        ("Sales Order", 0, "read write create submit cancel amend delete", ""),
        ("Syncd Operation", 0, "read create delete", ""),
        ("Company", 0, "select", ""),
    ]
    by_doctype = {each.doctype: each for each in found}
    assert by_doctype["Item"].roles == ("Item Manager",)
    assert by_doctype["Sales Order"].roles == ("Sales Manager", "Sales User")
    assert by_doctype["Customer"].mappings == ("order", "customer")


def test_rights_of_another_user_are_told_by_its_roles(fresh: SiteClient) -> None:
    item = customer_spec(name="item", doctype="Item", fields=(), create=Create.NONE)
    (own,), (other,) = needed_rights(fresh, [item]), needed_rights(fresh, [item], user=LIMITED)
    assert (own.lacking, other.lacking) == ((), (Right.WRITE,))
    (unknown,) = needed_rights(fresh, [item], user="nobody@example.com")
    assert unknown.unknown


def test_rights_at_a_permission_level_stand_apart(fresh: SiteClient) -> None:
    make(fresh, "Custom Field", dt="Customer", fieldname="rank", fieldtype="Data", permlevel=1)
    spec = customer_spec(fields=(FieldSpec(erpnext="rank", source="r"),), create=Create.NONE)
    assert rights(needed_rights(fresh, [spec])) == [
        ("Customer", 0, "read write", ""),
        ("Customer", 1, "read write", "read write"),
    ]
