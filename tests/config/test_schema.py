"""The JSON Schemas that editors use: what loads is valid, what is misspelt or of another type is not."""

from __future__ import annotations

import json
import tomllib
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from syncd.config import schema
from syncd.config.mapping_file import MappingFile
from syncd.config.not_yet import NOT_YET
from syncd.config.scaffold import init
from syncd.config.settings import Settings
from syncd.config.tables import keys_of
from syncd.errors import UsageError
from tests.config.cases import MAPPING, ORDERS, SETTINGS
from tests.config.test_contract_examples import CONTRACT_CREATE, CONTRACT_MAPPING, CONTRACT_SETTINGS

ROOT = Path(__file__).resolve().parents[2]
TOP, PAIRED = "syncd.schema.json", "mapping.schema.json"


def as_json(value: Any) -> Any:
    """As editors hand TOML to a schema: dates are text."""
    if isinstance(value, dict):
        return {name: as_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value.isoformat() if isinstance(value, datetime | date | time) else value


def errors(name: str, text: str) -> list[str]:
    """Dotted places at which a file breaks its schema."""
    found = Draft7Validator(schema.generate(name)).iter_errors(as_json(tomllib.loads(text)))
    return sorted(".".join(map(str, each.absolute_path)) for each in found)


@pytest.mark.parametrize("name", list(schema.FILES))
def test_the_shipped_files_are_what_the_generator_makes(name: str) -> None:
    assert schema.shipped(name) == schema.rendered(name), "run `make schemas`"
    Draft7Validator.check_schema(json.loads(schema.shipped(name)))


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        (TOP, SETTINGS, "the least settings"),
        (TOP, CONTRACT_SETTINGS, "the contract's settings"),
        (TOP, (ROOT / "syncd.toml").read_text(), "the repository's own settings"),
        (TOP, SETTINGS.replace("[sources.shop]", "timeout = 1.5\n[sources.shop]"), "a duration as a number"),
        (TOP, SETTINGS + '[schedule]\ncron = "*/5 * * * *"\noverlap = "10 M"\n', "cron, and a duration in capitals"),
        (PAIRED, MAPPING, "the least mapping"),
        (PAIRED, CONTRACT_MAPPING, "the contract's mapping"),
        (PAIRED, (ROOT / "mappings/customer.toml").read_text(), "the repository's own mapping"),
        (PAIRED, MAPPING + 'a = { source = "x", convert = ["trim", "bool(Y,)"] }\n', "a list of converters"),
        (PAIRED, MAPPING + "a = { constant = 2026-01-31 }\nb = { constant = 1.5 }\n", "constants of any type"),
        (PAIRED, MAPPING + 'a = { source = "x", values = { 1 = true, 0 = 0 } }\n', "values of a Check"),
        (PAIRED, MAPPING.replace('id = "id"', 'id = ["a", "b"]'), "an id of two columns"),
        (PAIRED, ORDERS, "child rows and a lifecycle"),
        (PAIRED, ORDERS.replace('"lines"', '"lines"\nwins = "source"\ndirection = "to_source"'), "policies of a table"),
        (PAIRED, ORDERS.replace('source = "lines"', 'rows = { entity = "l", parent = ["a", "b"] }'), "related rows"),
        (PAIRED, ORDERS.replace('"void"', "[0, true]"), "states that are no text"),
        (PAIRED, CONTRACT_CREATE, "the contract's document that ERPNext builds"),
    ],
)
def test_what_loads_is_valid(name: str, text: str, what: str) -> None:
    assert errors(name, text) == [], what


@pytest.mark.parametrize(
    ("name", "text", "place", "what"),
    [
        (TOP, SETTINGS + "[logg]\n", "", "a misspelt table"),
        (TOP, SETTINGS.replace("key =", "kee ="), "sites.main", "a misspelt key"),
        (TOP, SETTINGS.replace('"sql"', '"rest"'), "sources.shop.type", "a type of a later version"),
        (TOP, SETTINGS.replace("[sources", 'auth = "oauth2"\n[sources'), "sites.main.auth", "a later version's value"),
        (TOP, SETTINGS.replace("[sources", "page_size = 0\n[sources"), "sites.main.page_size", "a number too small"),
        (TOP, SETTINGS + '[schedule]\nevery = "5 parsecs"\n', "schedule.every", "no duration"),
        (TOP, SETTINGS + "[safety]\nmax_deletes = 0.1\n", "safety.max_deletes", "a share without its sign"),
        (TOP, SETTINGS.split("[sources")[0], "", "no source"),
        (PAIRED, MAPPING.replace("entity", "entitty"), "mapping", "a misspelt key, and so one that is missing"),
        (PAIRED, MAPPING.replace('"id"', "1", 1), "source.id", "a number for a column"),
        (PAIRED, MAPPING.replace('[["tax_id"]]', '["tax_id"]'), "match.by.0", "a rule without its brackets"),
        (PAIRED, MAPPING + 'a = { source = "x", convrt = "trim" }\n', "fields.a", "a misspelt key of a line"),
        (PAIRED, MAPPING + 'a = { source = "x", convert = "trimm" }\n', "fields.a", "a converter that is none"),
        (PAIRED, MAPPING + 'a = { source = "x", convert = "phone" }\n', "fields.a", "a converter without argument"),
        (PAIRED, MAPPING + '"Tax ID" = "x"\n', "fields", "a label for a fieldname"),
        (PAIRED, MAPPING + "a = 1\n", "fields.a", "a number for a line"),
        (PAIRED, MAPPING + "a = { compute = 1 }\n", "fields.a", "an expression that is no text"),
        (
            PAIRED,
            ORDERS.replace('"sku"', '{ compute = "source.a" }'),
            "tables.items.fields.item_code",
            "a key of a later version",
        ),
        (PAIRED, MAPPING + "[lifecycle]\n", "lifecycle", "a lifecycle without its states"),
        (
            PAIRED,
            ORDERS.replace("[lifecycle]", '[lifecycle]\nreopened = "amnd"'),
            "lifecycle.reopened",
            "a policy that is none",
        ),
        (PAIRED, ORDERS.replace('"void"', "[]"), "lifecycle.cancelled", "an empty list of states"),
        (PAIRED, ORDERS.replace('source = "lines"', "rows = 1"), "tables.items.rows", "rows that are no table"),
        (
            PAIRED,
            ORDERS.replace("[tables.items.fields]", "[tables.items.lines]"),
            "tables.items",
            "a table without fields",
        ),
        (PAIRED, ORDERS + '[create]\nargs = { dt = ["A"] }\n', "create create.args.dt", "an argument that is a list"),
        (PAIRED, MAPPING.split("[fields]")[0], "", "no fields"),
    ],
)
def test_what_does_not_load_is_not_valid(name: str, text: str, place: str, what: str) -> None:
    assert set(errors(name, text)) == set(place.split(" ") if place else [""]), what


def keys(described: dict[str, Any], path: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """Every key that a schema describes, by its dotted pattern."""
    found: dict[str, dict[str, Any]] = {}
    for name, inner in described.get("properties", {}).items():
        found[".".join((*path, name))] = inner
        found |= keys(inner, (*path, name))
    more = described.get("additionalProperties")
    if isinstance(more, dict) and ("properties" in more or "anyOf" in more):
        found[".".join((*path, "*"))] = more
        for each in (more, *more.get("anyOf", ())):
            found |= keys(each, (*path, "*"))
    return found


@pytest.mark.parametrize("name", list(schema.FILES))
def test_each_key_has_its_line_and_no_line_is_left_over(name: str) -> None:
    texts = schema.FILES[name][1]
    described = {key: inner["description"] for key, inner in keys(schema.generate(name)).items()}
    assert described == dict(texts)


def test_the_schemas_know_every_table_and_nothing_of_later_versions() -> None:
    top, paired = keys(schema.generate(TOP)), keys(schema.generate(PAIRED))
    assert set(keys_of(Settings)) | set(keys_of(MappingFile)) <= set(top) | set(paired)
    assert not {key for key in NOT_YET if "=" not in key} & {*top, *paired}


@pytest.mark.parametrize(
    ("key", "default"),
    [
        ("sites.*.timeout", "1m"),
        ("sites.*.auth", "token"),
        ("sites.*.verify_tls", True),
        ("schedule.full_every", "1d"),
        ("schedule.overlap", "10m"),
        ("safety.max_updates", "50%"),
        ("reports.directory", "state/reports"),
        ("reports.keep", "90d"),
        ("webhooks.listen", "127.0.0.1:8642"),
        ("state.url", "sqlite:///state/syncd.db"),
    ],
)
def test_defaults_are_written_as_a_file_has_them(key: str, default: object) -> None:
    assert keys(schema.generate(TOP))[key]["default"] == default


def test_required_keys_and_secrets_have_no_default() -> None:
    described = keys(schema.generate(TOP)) | keys(schema.generate(PAIRED))
    for key in ("sites.*.url", "sites.*.secret", "mapping.doctype", "mapping.site", "fields.*.constant"):
        assert "default" not in described[key]
    assert described["mapping"]["required"] == ["doctype", "source", "entity"]


def test_the_files_of_init_name_schemas_that_are_there_and_fit(tmp_path: Path) -> None:
    init(tmp_path)
    for file in ("syncd.toml", "mappings/customer.toml"):
        text = (tmp_path / file).read_text()
        directive, place = text.splitlines()[0].split()
        assert directive == "#:schema"
        assert place.startswith("."), "a path relative to the file, which is how Taplo tells it from a URL"
        named = (tmp_path / file).parent / place
        validator = Draft7Validator(json.loads(named.read_text()))
        assert list(validator.iter_errors(as_json(tomllib.loads(text)))) == []


def test_install_replaces_the_schemas_of_another_version(tmp_path: Path) -> None:
    (tmp_path / ".syncd").mkdir()
    (tmp_path / ".syncd" / TOP).write_text("{}")
    schema.install(tmp_path)
    assert {path.name: path.read_text() for path in (tmp_path / ".syncd").iterdir()} == {
        name: schema.shipped(name) for name in schema.FILES
    }


def test_install_where_it_cannot_write_says_so(tmp_path: Path) -> None:
    (tmp_path / ".syncd").write_text("a file where a folder belongs")
    with pytest.raises(UsageError, match=r"\.syncd cannot be written"):
        schema.install(tmp_path)


def test_the_module_writes_into_a_folder(tmp_path: Path) -> None:
    schema.main(tmp_path / "new")
    assert (tmp_path / "new" / TOP).read_text() == schema.rendered(TOP)
