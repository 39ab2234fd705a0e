"""Durations, limits, cron expressions, fingerprints, and the folder that `init` lays out."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from syncd.config import fingerprint, load
from syncd.config.cron import check_cron
from syncd.config.durations import parse_duration, parse_limit
from syncd.config.scaffold import init
from syncd.core.guards import Limit
from syncd.core.mapping import Create, FieldSpec, LifecycleSpec, MappingSpec
from syncd.core.model import Direction, Wins
from syncd.errors import UsageError
from tests.config.cases import MAPPING, changed


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("250ms", 0.25),
        ("60s", 60.0),
        ("1m", 60.0),
        ("10m", 600.0),
        ("1.5h", 5_400.0),
        ("1d", 86_400.0),
        ("90d", 7_776_000.0),
        ("2w", 1_209_600.0),
        (" 5 M ", 300.0),
        ("0s", 0.0),
        (30, 30.0),
        (0.5, 0.5),
    ],
)
def test_durations(written: str | float, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    "written", ["", "10", "m", "-1m", "1h30m", "1 month", "١m", -1, float("nan"), float("inf"), "99999w"]
)
def test_what_is_no_duration(written: str | float) -> None:
    with pytest.raises(ValueError, match=r"duration|unit of time|hundred years"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("written", "limit"),
    [("10%", Limit(share=0.1)), (" 0.5 % ", Limit(share=0.005)), ("100%", Limit(share=1.0)), (0, Limit(count=0))],
)
def test_limits(written: str | int, limit: Limit) -> None:
    assert parse_limit(written) == limit


@pytest.mark.parametrize("text", ["*/5 * * * *", "0 2 * * mon-fri", "15,45 8-18/2 1 jan,jul 0", "0 0 31 12 7"])
def test_cron_expressions(text: str) -> None:
    check_cron(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("* * * *", "a cron expression has 5 fields, this one has 4"),
        ("@daily", "a cron expression has 5 fields, this one has 1"),
        ("60 * * * *", '"60" is not a minute (0 to 59)'),
        ("* 24 * * *", '"24" is not an hour (0 to 23)'),
        ("* * 0 * *", '"0" is not a day of the month (1 to 31)'),
        ("* * * 13 *", '"13" is not a month (1 to 12)'),
        ("* * * * someday", '"someday" is not a day of the week (0 to 7)'),
        ("*/0 * * * *", '"*/0" is not a minute: the step after / is a whole number above 0'),
        ("50-10 * * * *", '"50-10" is not a minute: the range runs backwards'),
        ("1, * * * *", '"" is not a minute (0 to 59)'),
    ],
)
def test_what_is_no_cron_expression(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        check_cron(text)
    assert str(caught.value) == reason


SPEC = MappingSpec(
    name="customer",
    file="mappings/customer.toml",
    doctype="Customer",
    source="shop",
    entity="customers",
    site="main",
    fields=(
        FieldSpec(erpnext="customer_name", source="name"),
        FieldSpec(erpnext="customer_type", source="kind", values={"c": "Company", "p": "Individual"}),
        FieldSpec(erpnext="disabled", constant=0),
    ),
    source_id=("id",),
)


def with_field(index: int, **changes: object) -> MappingSpec:
    entries = list(SPEC.fields)
    entries[index] = replace(entries[index], **changes)  # type: ignore[arg-type]
    return replace(SPEC, fields=tuple(entries))


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        (replace(SPEC, name="x", file="y"), "the name and the file"),
        (replace(SPEC, every=5.0, cron="* * * * *", enabled=False), "the schedule"),
        (with_field(1, values={"p": "Individual", "c": "Company"}), "the order of values"),
        (replace(SPEC, create=Create.BOTH), "a default that is written out"),
    ],
)
def test_fingerprints_that_stay(spec: MappingSpec, what: str) -> None:
    assert fingerprint(spec) == fingerprint(SPEC), what


CHANGED = (
    (replace(SPEC, doctype="Lead"), "another DocType"),
    (replace(SPEC, entity="leads"), "another entity"),
    (replace(SPEC, source="crm"), "another source"),
    (replace(SPEC, site="test"), "another site"),
    (replace(SPEC, source_id=("a", "b")), "another id"),
    (replace(SPEC, source_id=("a,b",)), "one id with a comma"),
    (replace(SPEC, direction=Direction.TO_SOURCE), "another direction"),
    (replace(SPEC, erpnext_filters=(("disabled", "=", 0),)), "a filter"),
    (replace(SPEC, erpnext_filters=(("disabled", "=", False),)), "a filter with a boolean"),
    (replace(SPEC, erpnext_filters=(("disabled", "=", "0"),)), "a filter with a text"),
    (replace(SPEC, source_filters={"active": True}), "a filter of the source"),
    (replace(SPEC, source_filters={"active": 1}), "a filter of the source with a number"),
    (replace(SPEC, external_id="syncd_id"), "an external id"),
    (replace(SPEC, modified="updated_at"), "a modified column"),
    (replace(SPEC, timezone="Europe/Berlin"), "another zone"),
    (replace(SPEC, match=(("a", "b"),)), "a match rule"),
    (replace(SPEC, match=(("a",), ("b",))), "two match rules"),
    (replace(SPEC, create=Create.NONE), "another place of creation"),
    (replace(SPEC, wins=Wins.SOURCE), "another policy"),
    (replace(SPEC, fields=SPEC.fields[::-1]), "another order of fields: images are stored in it"),
    (with_field(0, source="title"), "another column"),
    (with_field(0, converters=("trim",)), "a converter"),
    (with_field(0, default="?"), "a default"),
    (with_field(1, values={"c": "Company", "p": "Person"}), "another value"),
    (with_field(2, constant=False), "a constant of another type"),
)


def test_fingerprints_that_change() -> None:
    known = {fingerprint(SPEC): "the mapping itself"}
    for spec, what in CHANGED:
        mark = fingerprint(spec)
        assert mark not in known, f"{what} has the fingerprint of {known.get(mark)}"
        known[mark] = what


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    assert fingerprint(SPEC) == "5ded78a4a6e23966725b363c488c4131"
    assert {field.name for field in fields(MappingSpec)} > {"name", "file", "every", "cron", "enabled"}


def test_init_lays_out_a_deployment_that_loads(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "deployment"
    written = init(directory)
    assert [path.relative_to(directory).as_posix() for path in written] == [
        "syncd.toml",
        "mappings/customer.toml",
        "state/.gitignore",
        ".syncd/syncd.schema.json",
        ".syncd/mapping.schema.json",
    ]
    assert (directory / "state").stat().st_mode & 0o777 == 0o700
    assert (directory / "state/.gitignore").read_text() == "*\n!.gitignore\n"
    deployment = load(directory / "syncd.toml", environment={})
    assert deployment.settings.sites["main"].is_sandbox
    assert list(deployment.mappings) == ["customer"]
    assert deployment.enabled == ()
    mapping = directory / "mappings/customer.toml"
    assert [str(warning) for warning in deployment.warnings] == [
        f"{directory / 'syncd.toml'}: no mapping is enabled: nothing is synced (set enabled = true in {mapping})"
    ]


def test_every_suggestion_in_the_files_of_init_is_valid(tmp_path: Path) -> None:
    """Lines that are commented out, with a key and a value, load when the # is taken away."""
    init(tmp_path)
    for name in ("syncd.toml", "mappings/customer.toml"):
        path = tmp_path / name
        content = path.read_text().replace('[sites.main]\nurl = "sandbox:///state/sandbox.db"\n', "")
        lines = [
            line.removeprefix("# ") if line.startswith(("# [", "# ")) and _entry(line) else line
            for line in content.splitlines()
        ]
        path.write_text("\n".join(lines).replace("verify_tls = true ", "verify_tls = false "))
    contact = changed(MAPPING, ('"Customer"', '"customers"'), ('"Contact"', '"contacts"'))
    (tmp_path / "mappings" / "contact.toml").write_text(contact)
    deployment = load(tmp_path, environment={"ERPNEXT_KEY": "k" * 15, "ERPNEXT_SECRET": "s" * 15})
    assert deployment.settings.sites["main"].requests_per_second == 20
    assert deployment.settings.sites["main"].verify_tls is False
    spec = deployment.mappings["customer"]
    assert spec.erpnext_filters == (("customer_group", "=", "Commercial"),)
    assert (spec.deleted, spec.erpnext_name, spec.source_filters) == ("deleted_at", "erp_ref", {"active": True})
    assert {field.erpnext for field in spec.fields} >= {"territory", "language", "customer_group", "website"}
    assert {field.erpnext for field in spec.fields if field.link or field.compute} == {
        "customer_primary_contact",
        "customer_details",
    }
    assert [(table.erpnext, table.entity, table.parent, table.key) for table in spec.tables] == [
        ("credit_limits", "credit_limits", ("customer_id",), ("company",))
    ]
    assert spec.lifecycle == LifecycleSpec(
        field="status", draft=("pending",), submitted=("paid", "shipped"), cancelled=("void",)
    )


def _entry(line: str) -> bool:
    head = line.removeprefix("# ").split("#")[0]
    return head.startswith("[") or (" = " in head and head.split(" = ")[0].isidentifier())


@pytest.mark.parametrize("name", ["syncd.toml", "mappings/customer.toml", "state/.gitignore"])
def test_init_overwrites_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError) as caught:
        init(tmp_path)
    assert caught.value.message == f"there already: {tmp_path / name}; nothing was written"
    assert "syncd init DIR" in caught.value.hint
    assert [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] == ["mine"]


def test_init_into_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file cannot be written: File exists"):
        init(tmp_path / "file")


def test_init_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "mappings").write_text("a file where a folder belongs")
    with pytest.raises(UsageError, match=r"mappings.* cannot be written"):
        init(tmp_path)
    assert not (tmp_path / "syncd.toml").exists()
