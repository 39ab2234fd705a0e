"""JSON Schemas of syncd.toml and of mappings/NAME.toml, for editors that complete and validate TOML.

They are made from the table classes, so they know what this version reads and nothing else. Draft 7 is what Taplo, and
with it Even Better TOML, takes. What no schema can say (names that must exist, keys against one another) stays with
`syncd check`. `python -m syncd.config.schema [FOLDER]` writes them, into the package where no folder is named.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import Any, cast

from syncd.config import field_lines, kinds, mapping_file, settings
from syncd.config.durations import UNITS
from syncd.config.key_texts import MAPPING_TEXTS, SETTINGS_TEXTS
from syncd.config.secrets import Secret
from syncd.config.tables import KeyKind, Named, Section, Table
from syncd.core.converters import CONVERTERS
from syncd.core.guards import Limit
from syncd.errors import UsageError

Json = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"
FILES: Mapping[str, tuple[type[Table], Mapping[str, str], str]] = {
    "syncd.schema.json": (settings.Settings, SETTINGS_TEXTS, "syncd.toml"),
    "mapping.schema.json": (mapping_file.MappingFile, MAPPING_TEXTS, "mappings/NAME.toml of syncd"),
}
"""Name of a schema's file → the table it describes, one line on each key, and the schema's title."""

FOLDER = ".syncd"
"""Where a deployment keeps its copies, named by `#:schema` comments in its files."""

_WORDS = {"type": "string", "pattern": r"\S"}
_SCALAR = {"type": ["string", "number", "boolean"]}
_STATE = {"type": ["string", "integer", "boolean"], "pattern": r"\S"}
_FIELDNAME = "^[A-Za-z_][A-Za-z0-9_]*$"
_PLAIN = [name for name, converter in CONVERTERS.items() if not converter.arguments]
_WITH_ARGUMENTS = [name for name, converter in CONVERTERS.items() if converter.arguments]
_CONVERTER = {
    "anyOf": [
        {"enum": _PLAIN},
        {"type": "string", "pattern": rf"^\s*({'|'.join(_PLAIN)})\s*(\(\))?\s*$"},
        {"type": "string", "pattern": rf"^\s*({'|'.join(_WITH_ARGUMENTS)})\s*\([\s\S]+\)\s*$"},
    ]
}
_CONVERTERS = {"anyOf": [_CONVERTER, {"type": "array", "items": _CONVERTER, "minItems": 1}]}
_INSTEAD: Mapping[str, Json] = {"fields.*.convert": _CONVERTERS, "tables.*.fields.*.convert": _CONVERTERS}
"""Keys that take less than their kind says."""
_NEEDED: Mapping[str, tuple[str, ...]] = {"syncd.schema.json": ("sites", "sources"), "mapping.schema.json": ("fields",)}
"""Tables that a file must have although none of their keys alone is required."""


def generate(name: str) -> Json:
    """The schema of one of `FILES`."""
    table, texts, title = FILES[name]
    described = _table(table, (), texts)
    needed = [*described.get("required", ()), *_NEEDED[name]]
    return {"$schema": DRAFT, "title": title, **described, "required": needed}


def rendered(name: str) -> str:
    """The schema of one of `FILES` as the text of its file."""
    return json.dumps(generate(name), indent=2, ensure_ascii=False) + "\n"


def shipped(name: str) -> str:
    """The text of one of `FILES` as the package has it."""
    return (resources.files("syncd.config") / "schemas" / name).read_text(encoding="utf-8")


def install(directory: Path) -> None:
    """Put the package's schemas into a deployment's folder, in place of those of another version.

    Raises `UsageError` where the folder cannot be written to.
    """
    folder = directory / FOLDER
    try:
        folder.mkdir(exist_ok=True)
        for name in FILES:
            (folder / name).write_text(shipped(name), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written: {error.strerror}", hint="let syncd's user write there: it holds editor help"
        ) from error


def _table(table: type[Table], path: tuple[str, ...], texts: Mapping[str, str]) -> Json:
    fields = [field for field in dataclasses.fields(cast("Any", table)) if "kind" in field.metadata]
    described: Json = {
        "type": "object",
        "additionalProperties": False,
        "properties": {field.name: _key(field, (*path, field.name), texts) for field in fields},
    }
    required = [field.name for field in fields if field.metadata["required"] or _needs(field)]
    return described | ({"required": required} if required else {})


def _needs(field: dataclasses.Field[Any]) -> bool:
    kind = field.metadata["kind"]
    return isinstance(kind, Section) and bool(kind.table.NEEDS) and not field.metadata["optional"]


def _key(field: dataclasses.Field[Any], path: tuple[str, ...], texts: Mapping[str, str]) -> Json:
    dotted = ".".join(path)
    described = {"description": texts[dotted], **_INSTEAD.get(dotted, _kind(field.metadata["kind"], path, texts))}
    default = _default(field)
    return described if default is None else described | {"default": default}


def _kind(kind: KeyKind[object], path: tuple[str, ...], texts: Mapping[str, str]) -> Json:
    """What a key of this kind takes."""
    if isinstance(kind, Section):
        return _table(kind.table, path, texts)
    if isinstance(kind, Named):
        entry = {"description": texts[".".join((*path, "*"))], **_table(kind.table, (*path, "*"), texts)}
        return {"type": "object", "additionalProperties": entry, "minProperties": 1}
    if isinstance(kind, field_lines.FieldLines):
        line = _table(kind.line, (*path, "*"), texts)
        return {
            "type": "object",
            "additionalProperties": {"description": texts[".".join((*path, "*"))], "anyOf": [_WORDS, line]},
            "propertyNames": {"pattern": _FIELDNAME},
            "minProperties": 1,
        }
    # What has no entry is text of some form (addresses, secrets, zones, paths), of which references may be a part.
    make = next((make for known, make in _SCHEMAS.items() if isinstance(kind, known)), None)
    return _WORDS if make is None else make(kind)


def _default(field: dataclasses.Field[Any]) -> object:
    """The key's default as a file would give it; None where leaving it out means nothing of the kind."""
    kind = field.metadata["kind"]
    if field.metadata["optional"] or field.metadata["required"] or isinstance(kind, Section | Named):
        return None
    value = cast("Callable[[], object]", field.default_factory)()
    if isinstance(kind, kinds.Duration) and isinstance(value, float):
        return _duration(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Limit):
        return value.count if value.share is None else f"{value.share * 100:g}%"
    if isinstance(value, settings.Address):
        return f"{value.host}:{value.port}"
    if isinstance(value, Secret):
        return value.reveal() or None
    if isinstance(value, Path):
        return value.as_posix()
    return value if isinstance(value, bool | int | str) and value != "" else None


def _duration(seconds: float) -> str:
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % UNITS[unit] == 0)
    return f"{seconds / UNITS[unit]:g}{unit}"


def _texts(_: KeyKind[Any]) -> Json:
    return {"anyOf": [_WORDS, {"type": "array", "items": _WORDS, "minItems": 1}]}


def _choice(kind: KeyKind[Any]) -> Json:
    return {"type": "string", "enum": list(cast("kinds.Choice[Any]", kind).words)}


def _whole(kind: KeyKind[Any]) -> Json:
    whole = cast("kinds.Whole", kind)
    return {"type": "integer", "minimum": whole.least, "maximum": whole.most}


def _duration_key(kind: KeyKind[Any]) -> Json:
    duration = cast("kinds.Duration", kind)
    units = "|".join("".join(f"[{letter}{letter.upper()}]" for letter in unit) for unit in UNITS)
    return {
        "type": ["string", "number"],
        "pattern": rf"^\s*[0-9]+(\.[0-9]+)?\s*({units})\s*$",
        "minimum": duration.least,
        "maximum": duration.most,
    }


def _filters(_: KeyKind[Any]) -> Json:
    operand = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}]}
    operator = {"type": "string", "examples": list(mapping_file.OPERATORS)}
    condition = [{"type": "string", "pattern": _FIELDNAME}, operator, operand]
    return {"type": "array", "items": {"type": "array", "items": condition, "minItems": 3, "maxItems": 3}}


def _rules(_: KeyKind[Any]) -> Json:
    rule = {"type": "array", "items": {"type": "string", "pattern": _FIELDNAME}, "minItems": 1}
    return {"type": "array", "items": rule}


_SCHEMAS: Mapping[type[KeyKind[Any]], Callable[[KeyKind[Any]], Json]] = {
    kinds.Flag: lambda _: {"type": "boolean"},
    kinds.Whole: _whole,
    kinds.Rate: lambda _: {"type": "number", "exclusiveMinimum": 0},
    kinds.Duration: _duration_key,
    kinds.LimitKind: lambda _: {
        "type": ["string", "integer"],
        "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$",
        "minimum": 0,
    },
    kinds.Choice: _choice,
    kinds.Texts: _texts,
    kinds.TrustKind: lambda _: {"type": ["boolean", "string"]},
    kinds.Values: lambda _: {
        "type": "object",
        "additionalProperties": {"type": ["string", "integer", "boolean"]},
        "minProperties": 1,
    },
    settings.SourceType: lambda _: {"type": "string", "enum": list(settings.SOURCE_TYPES)},
    field_lines.Scalar: lambda _: _SCALAR,
    mapping_file.Filters: _filters,
    mapping_file.SourceFilters: lambda _: {"type": "object", "additionalProperties": _SCALAR},
    mapping_file.Rules: _rules,
    mapping_file.Args: lambda _: {"type": "object", "additionalProperties": _SCALAR},
    mapping_file.States: lambda _: {"anyOf": [_STATE, {"type": "array", "items": _STATE, "minItems": 1}]},
    mapping_file.FieldName: lambda _: {"type": "string", "pattern": _FIELDNAME},
}
"""Kind of a key → its schema; the first that fits."""


def main(folder: Path) -> None:
    """Write every schema into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).write_text(rendered(name), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("schemas"))
