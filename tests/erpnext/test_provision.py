"""What the site needs is seen, made once, and taken away again; and what `check` says about a site."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from syncd.adapters.erpnext import ErpnextEndpoint, SiteClient, is_submittable
from syncd.adapters.erpnext.checks import check_site
from syncd.adapters.erpnext.meta import load_schema
from syncd.adapters.erpnext.operations import has_operations
from syncd.adapters.erpnext.provision import (
    SiteStep,
    StepState,
    apply_provision,
    external_id_field,
    operation_doctype,
    plan_provision,
    remove_provision,
)
from syncd.adapters.sandbox import SandboxServer
from syncd.core.mapping import Create, FieldSpec, MappingSpec, SourceDeleted
from syncd.core.model import Direction
from syncd.errors import AccessError, HaltError
from tests.erpnext.helpers import FakeClock, customer_spec, make_client
from tests.sites import fresh_site


@pytest.fixture
def fresh(tmp_path: Path, clock: FakeClock) -> Iterator[SiteClient]:
    """A site on which nothing was provisioned."""
    with fresh_site(tmp_path / "fresh.db") as server:
        client = make_client(server.url, clock=clock)
        yield client
        client.close()


def states(steps: list[SiteStep]) -> list[str]:
    return [step.state.value for step in steps]


def test_what_is_missing_is_made_and_a_second_time_nothing(fresh: SiteClient, spec: MappingSpec) -> None:
    steps = plan_provision(fresh, [spec])
    assert [(step.what, step.state) for step in steps] == [
        ("custom field syncd_shop_id in Customer (Data, unique)", StepState.MISSING),
        ("DocType Syncd Operation", StepState.MISSING),
    ]
    assert states(apply_provision(fresh, steps)) == ["made", "made"]
    before = fresh.requests
    again = plan_provision(fresh, [spec])
    assert states(again) == ["present", "present"]
    assert fresh.requests > before, "asked anew, not remembered"
    sent = fresh.requests
    assert states(apply_provision(fresh, again)) == ["present", "present"]
    assert fresh.requests == sent, "nothing to do"
    info = load_schema(fresh, "Customer").fields["syncd_shop_id"]
    assert (info.unique, info.read_only, info.label) == (True, True, "Syncd Shop ID")
    assert has_operations(fresh)


def test_it_can_be_taken_away(client: SiteClient, spec: MappingSpec) -> None:
    assert states(remove_provision(client, plan_provision(client, [spec]))) == ["removed", "removed"]
    assert states(plan_provision(client, [spec])) == ["missing", "missing"]
    assert states(remove_provision(client, plan_provision(client, [spec]))) == ["missing", "missing"]


def test_a_long_lived_client_sees_in_its_next_run_what_was_made_or_removed_meanwhile(
    fresh: SiteClient, spec: MappingSpec
) -> None:
    other = make_client(fresh.base_url)
    assert not ErpnextEndpoint(fresh, spec).keyed_creation()
    assert "syncd_shop_id" not in ErpnextEndpoint(fresh, spec).schema().fields
    apply_provision(other, plan_provision(other, [spec]))
    assert ErpnextEndpoint(fresh, spec).keyed_creation()
    assert not is_submittable(fresh, "Customer"), "a run begins with this question"
    assert "syncd_shop_id" in ErpnextEndpoint(fresh, spec).schema().fields
    remove_provision(other, plan_provision(other, [spec]))
    assert not ErpnextEndpoint(fresh, spec).keyed_creation()
    other.close()


def test_two_mappings_with_one_field_need_it_once(fresh: SiteClient, spec: MappingSpec) -> None:
    assert len(plan_provision(fresh, [spec, customer_spec(name="other")])) == 2


def test_a_mapping_that_writes_nothing_needs_nothing(fresh: SiteClient) -> None:
    assert plan_provision(fresh, [customer_spec(direction=Direction.TO_SOURCE)]) == []


def test_a_mapping_that_creates_nothing_in_erpnext_needs_no_keys(fresh: SiteClient) -> None:
    steps = plan_provision(fresh, [customer_spec(create=Create.SOURCE)])
    assert [step.kind for step in steps] == ["Custom Field"]


def test_the_field_of_a_doctype_that_can_be_submitted(fresh: SiteClient) -> None:
    spec = customer_spec(doctype="Sales Invoice", external_id="syncd_id")
    (field, _) = plan_provision(fresh, [spec])
    assert field.what == "custom field syncd_id in Sales Invoice (Data, may be written after submit)"
    assert states(apply_provision(fresh, [field])) == ["made"]
    info = load_schema(fresh, "Sales Invoice").fields["syncd_id"]
    assert (info.unique, info.allow_on_submit) == (False, True)


def test_the_documents_that_are_made() -> None:
    described = {"name": "Thing", "title_field": "title", "fields": [{"fieldname": "a"}, {"fieldname": "title"}]}
    field = external_id_field(described, "syncd_id")
    assert field["insert_after"] == "title"
    assert (field["unique"], field["no_copy"], field["read_only"], field["allow_on_submit"]) == (1, 1, 1, 0)
    assert external_id_field({"name": "T", "fields": []}, "x").get("insert_after") is None
    submittable = external_id_field({**described, "is_submittable": 1}, "syncd_id")
    assert (submittable["unique"], submittable["allow_on_submit"], submittable["search_index"]) == (0, 1, 1)
    doctype = operation_doctype(["System Manager", "Sync"])
    assert (doctype["autoname"], doctype["custom"]) == ("prompt", 1)
    assert [entry["role"] for entry in doctype["permissions"]] == ["System Manager", "Sync"]


def test_a_missing_right_is_said_with_what_a_system_manager_must_do(limited: SiteClient, spec: MappingSpec) -> None:
    other = customer_spec(external_id="syncd_other_id")
    steps = apply_provision(limited, plan_provision(limited, [other]))
    assert states(steps)[0] == "refused"
    assert "limited@example.com may not do this" in steps[0].error
    assert "let a System Manager run the same command with a key of their own and --user limited@example.com" in (
        steps[0].error
    )
    assert "custom field syncd_other_id in Customer (Data, unique)" in steps[0].error


def test_one_refusal_does_not_stop_the_others(client: SiteClient) -> None:
    steps = plan_provision(client, [customer_spec(external_id="syncd_other_id", create=Create.NONE)])
    bad = SiteStep(
        kind="Custom Field",
        name="x",
        what="bad",
        why="",
        state=StepState.MISSING,
        doctype="Customer",
        document={"dt": "Customer", "fieldname": "customer_name", "label": "N", "fieldtype": "Data"},
    )
    assert states(apply_provision(client, [bad, *steps])) == ["refused", "made"]


def found(client: SiteClient, **changes: Any) -> list[tuple[str, str, bool]]:
    return [(problem.key, problem.message, problem.warning) for problem in check_site(client, customer_spec(**changes))]


def test_nothing_to_say_about_a_provisioned_site(client: SiteClient, admin: Callable[..., Any]) -> None:
    assert found(client) == []
    admin("bulk_load", doctype="Customer", rows=[{"name": "A", "customer_name": "A"}])
    assert found(client, source_deleted=SourceDeleted.DELETE) == []


def test_what_is_missing_on_a_fresh_site(fresh: SiteClient) -> None:
    problems = check_site(fresh, customer_spec())
    assert [(problem.key, problem.warning) for problem in problems] == [
        ("erpnext.external_id", False),
        ("mapping.site", True),
    ]
    assert problems[0].file == "mappings/customer.toml"
    assert problems[0].message == "Customer has no field syncd_shop_id"
    assert "syncd provision --apply" in problems[0].hint
    assert "no DocType Syncd Operation" in problems[1].message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"external_id": "website"}, "website is not unique: two documents may hold one id"),
        ({"external_id": "territory"}, "territory is a Link, not a Data field"),
        ({"direction": Direction.TO_SOURCE, "external_id": "website"}, None),
        ({"direction": Direction.TO_SOURCE, "external_id": "nothing"}, "Customer has no field nothing"),
        ({"external_id": None}, None),
    ],
)
def test_the_external_id_field(client: SiteClient, changes: dict[str, Any], words: str | None) -> None:
    assert [message for _, message, _ in found(client, **changes)][:1] == ([words] if words else [])


def test_a_user_that_people_use_too(client: SiteClient) -> None:
    client.kept("user", lambda: "Administrator")
    (problem,) = check_site(client, customer_spec())
    assert (problem.key, problem.warning) == ("mapping.site", True)
    assert (
        problem.message
        == "syncd writes as Administrator, which people use too: their edits cannot be told from its own"
    )
    assert problem.hint == "make a user of its own for syncd in ERPNext and use that user's API key"


def test_rights_that_are_missing(limited: SiteClient, client: SiteClient, admin: Callable[..., Any]) -> None:
    admin("bulk_load", doctype="Item", rows=[{"name": "I", "item_code": "I"}])
    item = {"doctype": "Item", "external_id": None, "fields": (FieldSpec(erpnext="item_name", source="n"),)}
    said = found(limited, **item)
    assert ("mapping.doctype", False) in [(key, warning) for key, _, warning in said]
    assert any("limited@example.com may not write Item" in message for _, message, _ in said)
    assert not any("write" in message for _, message, _ in found(client, **item))


def test_no_right_to_read(limited: SiteClient) -> None:
    journal = {"doctype": "Journal Entry", "external_id": None, "fields": ()}
    assert any(
        "does not let limited@example.com read Journal Entry" in message for _, message, _ in found(limited, **journal)
    )


def test_a_site_that_refuses_the_credentials_or_lacks_the_doctype(server: SandboxServer, client: SiteClient) -> None:
    from syncd.adapters.erpnext import TokenAuth

    wrong = SiteClient(server.url, TokenAuth(key="full", secret="wrong-secret"), clock=FakeClock())
    with pytest.raises(AccessError, match="refuses the credentials"):
        check_site(wrong, customer_spec())
    wrong.close()
    with pytest.raises(HaltError, match="has no DocType Custommer"):
        check_site(client, customer_spec(doctype="Custommer"))
