"""From a mapping file to its `MappingSpec`: defaults filled in, and everything checked that the file alone can tell.

What needs the site's metadata or the source's schema is for `syncd check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from syncd.config.mapping_file import FieldLine, MappingFile
from syncd.config.problems import Place, suggestion
from syncd.config.toml import as_toml
from syncd.core.convert import build_lens
from syncd.core.mapping import Create, ErpnextDeleted, FieldSpec, MappingSpec, SourceDeleted, WriteBack
from syncd.core.model import Direction, Side, Wins
from syncd.core.values import FieldType, InvalidValue, Kind

_TEXT = FieldType(kind=Kind.TEXT)
"""Stands for the types of both sides where they are not known yet: every converter takes text."""

_SERVERS_OWN = frozenset({"modified", "modified_by", "creation", "owner", "docstatus", "idx", "doctype", "name"})
"""ERPNext's standard fields: the site sets them, whatever it is sent."""

_LEADS_TO = {Direction.BOTH: Create.BOTH, Direction.TO_ERPNEXT: Create.ERPNEXT, Direction.TO_SOURCE: Create.SOURCE}
"""Where missing partners are created unless the mapping says so: where its direction leads."""

_PLACES = {Side.ERPNEXT: "ERPNext", Side.SOURCE: "the source"}

T = TypeVar("T")


def build_spec(
    name: str, content: MappingFile, at: Place, *, sites: tuple[str, ...] | None, sources: tuple[str, ...] | None
) -> MappingSpec:
    """The mapping that `content` describes; problems are noted at their keys under `at`.

    `sites` and `sources` are the names that syncd.toml knows; None where it could not be read.
    """
    table = content.mapping
    _check_reference(at.child("mapping").child("source"), table.source, sources, "source")
    site = _site(at.child("mapping").child("site"), table.site, sites)
    create = content.match.create or _LEADS_TO[table.direction]
    fields = tuple(_field(field, line, content, at) for field, line in content.fields.items())
    _check_direction(content, create, at)
    _check_columns(content, fields, at)
    _check_match(content, fields, at)
    _check_identity(content, create, at)
    _check_newest(content, at)
    return MappingSpec(
        name=name,
        file=at.reading.file,
        doctype=table.doctype,
        source=table.source,
        entity=table.entity,
        site=site,
        fields=fields,
        source_id=content.source.id,
        direction=table.direction,
        every=table.every,
        cron=table.cron,
        enabled=table.enabled,
        erpnext_filters=content.erpnext.filters,
        external_id=content.erpnext.external_id,
        write_back=content.erpnext.write_back,
        modified=content.source.modified,
        touch=content.source.touch,
        timezone=content.source.timezone,
        deleted=content.source.deleted,
        erpnext_name=content.source.erpnext_name,
        source_filters=content.source.filters,
        match=content.match.by,
        create=_LEADS_TO[table.direction] if create is Create.BOTH else create,
        wins=content.conflict.wins,
        source_deleted=content.delete.source_deleted,
        erpnext_deleted=content.delete.erpnext_deleted,
        left_scope=content.delete.left_scope,
    )


def _check_reference(at: Place, name: str, known: tuple[str, ...] | None, what: str) -> None:
    if name and known is not None and name not in known:
        hint = suggestion(name, known, plural=f"{what}s")
        at.problem(f"syncd.toml has no {what} {as_toml(name)}", hint)


def _site(at: Place, name: str | None, known: tuple[str, ...] | None) -> str:
    if name is not None:
        _check_reference(at, name, known, "site")
        return name
    if known is None or not at.sound():
        return ""
    if len(known) > 1:
        at.problem("is missing, and syncd.toml has several sites", f"name one: {', '.join(known)}")
    return known[0]


def _field(name: str, line: FieldLine, content: MappingFile, at: Place) -> FieldSpec:
    place = at.child("fields").child(name, chosen=True)
    direction = line.direction or content.mapping.direction
    if at.child("fields").sound(name):
        if line.source is None:
            _check_constant(line, place)
        else:
            _check_flow(line, direction, content.mapping.direction, place)
            _check_lens(line, direction, place)
        if line.source is None or direction.reaches(Side.ERPNEXT):
            _check_writable(name, place)
    return FieldSpec(
        erpnext=name,
        source=line.source,
        converters=line.convert,
        values=line.values,
        default=line.default,
        constant=line.constant,
        direction=direction,
        wins=line.wins or content.conflict.wins,
        enforce=line.enforce,
    )


def _check_constant(line: FieldLine, at: Place) -> None:
    if line.constant is None:
        at.problem("has neither source nor constant", f'write {at.key} = "column" or {at.key} = {{ constant = "…" }}')
        return
    given = {
        "convert": bool(line.convert),
        "values": line.values is not None,
        "default": line.default is not None,
        "direction": line.direction is not None,
        "wins": line.wins is not None,
        "enforce": line.enforce,
    }
    for key in (key for key, there in given.items() if there):
        at.child(key).problem(
            "a constant takes no other key: it is written at creation only", f"take {key} out, or name a source"
        )


def _check_flow(line: FieldLine, direction: Direction, of_mapping: Direction, at: Place) -> None:
    """The keys of a field that has a source, against one another and the mapping's direction."""
    if line.constant is not None:
        at.child("constant").problem("source and constant are both given", "keep one; default fills empty values")
    if of_mapping is not Direction.BOTH and direction is not of_mapping:
        at.child("direction").problem(
            f'"{direction.value}" contradicts the mapping\'s direction "{of_mapping.value}"',
            'leave it out, or make the mapping\'s direction "both"',
        )
    if line.default is not None and not direction.reaches(Side.ERPNEXT):
        at.child("default").problem(
            "default fills ERPNext when the source is empty, but this field flows to the source only",
            "take default out, or change the direction",
        )
    if line.enforce and direction is Direction.BOTH:
        at.child("enforce").problem(
            "enforce is for one-way fields: it undoes edits on the receiving side",
            'give the field a direction, "to_erpnext" or "to_source"',
        )


def _check_lens(line: FieldLine, direction: Direction, at: Place) -> None:
    """Converters exist, have their arguments, and can be undone where the field flows both ways."""
    for text in line.convert:
        try:
            build_lens((text,), None, _TEXT, _TEXT)
        except InvalidValue as wrong:
            at.child("convert").problem(
                wrong.reason, 'for example convert = "trim", or a list, applied from source to ERPNext'
            )
    if not at.sound("convert"):
        return
    try:
        lens = build_lens(line.convert, line.values, _TEXT, _TEXT)
    except InvalidValue as wrong:
        at.child("values").problem(wrong.reason.removeprefix("values: "), "correct the entry")
        return
    if direction is Direction.BOTH and not (lens.invertible or lens.normalising):
        key = "values" if line.values is not None else "convert"
        at.child(key).problem(
            f"this cannot be undone: {lens.loses}", 'give the field one way: direction = "to_erpnext"'
        )


def _check_writable(name: str, at: Place) -> None:
    if name in _SERVERS_OWN:
        at.problem(
            f"ERPNext sets {as_toml(name)} itself, and takes no value for it", 'read it only: direction = "to_source"'
        )


def _check_direction(content: MappingFile, create: Create, at: Place) -> None:
    """Nothing may ask for writes on a side that the mapping's direction does not reach."""
    direction = content.mapping.direction
    for side, place in _PLACES.items():
        if direction.reaches(side):
            continue
        reason = f'the mapping\'s direction "{direction.value}" writes nothing into {place}'
        if create.value == side.value:
            keep = _LEADS_TO[direction].value
            at.child("match").child("create").problem(f'"{create.value}": {reason}', f'write "{keep}" or "none"')
        elif create is Create.BOTH:
            keep = _LEADS_TO[direction].value
            at.child("match").child("create").warn(f'"both" acts as "{keep}": {reason}', f'write "{keep}"')
        _check_deletion(content, side, reason, at.child("delete"))
    if content.erpnext.write_back is WriteBack.ALWAYS:
        _check_write_back(content, at.child("erpnext").child("write_back"))


def _check_write_back(content: MappingFile, at: Place) -> None:
    direction = content.mapping.direction
    if not direction.reaches(Side.ERPNEXT):
        at.problem(f'"always": the mapping\'s direction "{direction.value}" writes no ids either', "leave it out")
    elif content.erpnext.external_id is None:
        at.problem('"always" needs external_id, the field that holds the id', 'add external_id = "syncd_…_id"')


def _check_deletion(content: MappingFile, side: Side, reason: str, at: Place) -> None:
    delete = content.delete
    if side is Side.ERPNEXT and delete.source_deleted is not SourceDeleted.IGNORE:
        at.child("source_deleted").problem(f'"{delete.source_deleted.value}": {reason}', 'write "ignore"')
    if side is Side.SOURCE and delete.erpnext_deleted is not ErpnextDeleted.IGNORE:
        at.child("erpnext_deleted").problem(f'"{delete.erpnext_deleted.value}": {reason}', 'write "ignore"')


def _check_columns(content: MappingFile, fields: tuple[FieldSpec, ...], at: Place) -> None:
    """Columns of the source: each with one writer, and syncd's own left alone."""
    source, place = content.source, at.child("source")
    if not any(field.source for field in fields) and at.sound("fields"):
        at.child("fields").problem("no field is mapped to a column", 'write one line for each: customer_name = "name"')
    if len(set(source.id)) < len(source.id):
        place.child("id").problem("a column stands there twice", "name each once")
    own = {source.modified: "modified", source.deleted: "deleted", source.erpnext_name: "erpnext_name"}
    writers: dict[str, str] = {}
    for field in fields:
        if field.source is None or not field.direction.reaches(Side.SOURCE):
            continue
        line = at.child("fields").child(field.erpnext, chosen=True)
        if field.source in own:
            line.problem(
                f"the column {as_toml(field.source)} is [source] {own[field.source]}: syncd writes it itself",
                'read it only: direction = "to_erpnext"',
            )
        elif field.source in writers:
            line.problem(
                f"{as_toml(writers[field.source])} and {as_toml(field.erpnext)} both write to {as_toml(field.source)}",
                'let one of them only read it: direction = "to_erpnext"',
            )
        writers.setdefault(field.source, field.erpnext)
    if content.delete.erpnext_deleted is ErpnextDeleted.MARK and source.deleted is None:
        at.child("delete").child("erpnext_deleted").problem(
            '"mark" needs the column that marks deleted records', 'add deleted = "deleted_at" under [source]'
        )


def _check_match(content: MappingFile, fields: tuple[FieldSpec, ...], at: Place) -> None:
    place = at.child("match").child("by")
    mapped = {field.erpnext: field for field in fields}
    if not mapped:
        return
    for name in dict.fromkeys(name for rule in content.match.by for name in rule):
        column = next((field.erpnext for field in fields if field.source == name), None)
        if name not in mapped and at.child("fields").sound(name):
            hint = (
                f"write the ERPNext field: {as_toml(column)}" if column else suggestion(name, mapped, plural="fields")
            )
            place.problem(f"{as_toml(name)} is not mapped under [fields]", hint)
        elif name in mapped and mapped[name].source is None and at.child("fields").sound(name):
            place.problem(
                f"{as_toml(name)} is a constant: it tells no record from another", "match by a field with a source"
            )


def _check_identity(content: MappingFile, create: Create, at: Place) -> None:
    external_id, source = content.erpnext.external_id, content.source
    if external_id is not None and external_id in content.fields:
        at.child("fields").child(external_id, chosen=True).problem(
            "this is [erpnext] external_id: syncd writes it itself", "take the line out"
        )
    if external_id is not None and external_id in _SERVERS_OWN:
        at.child("erpnext").child("external_id").problem(
            f"ERPNext sets {as_toml(external_id)} itself", "name a custom field; `syncd provision` makes it"
        )
    if create.allows(Side.ERPNEXT) and not (external_id or source.erpnext_name or content.match.by):
        example = f"syncd_{content.mapping.source or 'source'}_id"
        at.child("erpnext").child("external_id").warn(
            "without it nothing ties a new document to its record if syncd's state is lost: it would be created again",
            f'add external_id = "{example}"; `syncd provision --apply` makes the field',
        )


def _check_newest(content: MappingFile, at: Place) -> None:
    """`newest` without stamps of the source decides nothing."""
    if content.source.modified is not None:
        return
    lines = at.child("fields")
    places = [lines.child(name, chosen=True) for name, line in content.fields.items() if line.wins is Wins.NEWEST]
    if content.conflict.wins is Wins.NEWEST:
        places.insert(0, at.child("conflict"))
    for place in places:
        place.child("wins").warn(
            '"newest" needs the stamps of the source: without them every difference is a conflict',
            'add modified = "updated_at" under [source]',
        )


def check_together(specs: Mapping[str, MappingSpec], places: Mapping[str, Place]) -> None:
    """Notes what is wrong between mappings: the same records mapped twice, one id field for several entities."""
    seen_records: dict[object, str] = {}
    seen_ids: dict[object, MappingSpec] = {}
    for name, spec in specs.items():
        records = (
            spec.site,
            spec.doctype,
            spec.source,
            spec.entity,
            spec.erpnext_filters,
            as_toml(spec.source_filters),
        )
        twin = seen_records.setdefault(records, name) if spec.enabled else name
        if twin != name:
            places[name].child("mapping").problem(
                f"the mapping {as_toml(twin)} pairs the same {spec.doctype} with the same {spec.source} {spec.entity}",
                "set enabled = false in one of them, or give them different filters",
            )
        if spec.external_id is None:
            continue
        first = seen_ids.setdefault((spec.site, spec.doctype, spec.external_id), spec)
        if (first.source, first.entity) != (spec.source, spec.entity):
            places[name].child("erpnext").child("external_id").problem(
                f"{as_toml(spec.external_id)} of {spec.doctype} already holds the ids of {first.source} {first.entity} "
                f"(mapping {as_toml(first.name)})",
                f'give each its own field, like "syncd_{spec.source}_{spec.entity}_id"',
            )
