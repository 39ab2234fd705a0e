"""From a mapping file to its `MappingSpec`: defaults filled in, and everything checked that the file alone can tell.

What needs the site's metadata or the source's schema is for `syncd check`.
"""

from __future__ import annotations

from syncd.config.grouping import check_group
from syncd.config.mapping_fields import SERVERS_OWN, Flow, check_writers, document_field
from syncd.config.mapping_file import MappingFile
from syncd.config.mapping_tables import build_create, build_lifecycle, build_tables
from syncd.config.problems import Place, suggestion
from syncd.config.toml import as_toml
from syncd.core.model import Direction, Side, Wins
from syncd.core.spec import Create, ErpnextDeleted, FieldSpec, MappingSpec, SourceDeleted, WriteBack

_LEADS_TO = {Direction.BOTH: Create.BOTH, Direction.TO_ERPNEXT: Create.ERPNEXT, Direction.TO_SOURCE: Create.SOURCE}
"""Where missing partners are created unless the mapping says so: where its direction leads."""

_PLACES = {Side.ERPNEXT: "ERPNext", Side.SOURCE: "the source"}


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
    flow = Flow(table.direction, content.conflict.wins, "mapping")
    lines = at.child("fields")
    fields = tuple(
        document_field(field, line, flow, lines.child(field, chosen=True)) for field, line in content.fields.items()
    )
    tables = build_tables(content, flow, at)
    lifecycle = build_lifecycle(content, at)
    _check_direction(content, create, at)
    _check_columns(content, fields, at)
    _check_match(content, fields, at)
    _check_identity(content, create, at)
    _check_newest(content, at)
    check_group(content, at)
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
        tables=tables,
        lifecycle=lifecycle,
        create_method=build_create(content, create, fields, at),
        group=content.erpnext.group,
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
    check_writers(fields, _own_columns(content), at.child("fields"))
    if content.delete.erpnext_deleted is ErpnextDeleted.MARK and source.deleted is None:
        at.child("delete").child("erpnext_deleted").problem(
            '"mark" needs the column that marks deleted records', 'add deleted = "deleted_at" under [source]'
        )


def _own_columns(content: MappingFile) -> dict[str, str]:
    """Column → what syncd writes into it by itself."""
    source = content.source
    own = {source.modified: "[source] modified", source.deleted: "[source] deleted"}
    own[source.erpnext_name] = "[source] erpnext_name"
    own[None if content.lifecycle is None else content.lifecycle.field] = "[lifecycle] field"
    return {column: what for column, what in own.items() if column}


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
        elif name in mapped and mapped[name].compute is not None and at.child("fields").sound(name):
            place.problem(
                f"{as_toml(name)} is computed: no record of the source can be found by it",
                "match by a field with a source",
            )
    state = None if content.lifecycle is None else content.lifecycle.field
    for rule in content.match.by:
        if state is not None and len(rule) == 1 and rule[0] in mapped and mapped[rule[0]].source == state:
            place.problem(
                f"{as_toml(rule[0])} is [lifecycle] field: it tells no record from another", "match by another field"
            )


def _check_identity(content: MappingFile, create: Create, at: Place) -> None:
    external_id = content.erpnext.external_id
    if external_id is not None and external_id in content.fields:
        at.child("fields").child(external_id, chosen=True).problem(
            "this is [erpnext] external_id: syncd writes it itself", "take the line out"
        )
    if external_id is not None and external_id in SERVERS_OWN:
        at.child("erpnext").child("external_id").problem(
            f"ERPNext sets {as_toml(external_id)} itself", "name a custom field; `syncd provision` makes it"
        )
    if create.allows(Side.ERPNEXT) and not (external_id or content.match.by):
        example = f"syncd_{content.mapping.source or 'source'}_id"
        at.child("erpnext").child("external_id").warn(
            "without it, and without a match rule, no document is created: after a lost answer nothing would tell "
            "which was made for which record",
            f'add external_id = "{example}"; `syncd provision --apply` makes the field',
        )


def _check_newest(content: MappingFile, at: Place) -> None:
    """`newest` without stamps of the source decides nothing."""
    if content.source.modified is not None:
        return
    lines = at.child("fields")
    places = [lines.child(name, chosen=True) for name, line in content.fields.items() if line.wins is Wins.NEWEST]
    for name, table in content.tables.items():
        place = at.child("tables").child(name, chosen=True)
        rows = place.child("fields")
        places += [place] if table.wins is Wins.NEWEST else []
        places += [rows.child(key, chosen=True) for key, line in table.fields.items() if line.wins is Wins.NEWEST]
    if content.conflict.wins is Wins.NEWEST:
        places.insert(0, at.child("conflict"))
    for place in places:
        place.child("wins").warn(
            '"newest" needs the stamps of the source: without them every difference is a conflict',
            'add modified = "updated_at" under [source]',
        )
