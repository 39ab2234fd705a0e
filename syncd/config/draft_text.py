"""A drafted mapping as the text of its file. Whatever the names hold, the text is TOML and loads."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping

from syncd.config.draft_lines import Line
from syncd.config.draft_names import normal
from syncd.config.draft_tables import DraftTable
from syncd.config.drafting import Draft
from syncd.config.schema import FOLDER
from syncd.core.values import Kind
from syncd.ports.endpoint import FieldInfo

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH = 118


def text_of(draft: Draft, name: str, *, schema: bool) -> str:
    """The file of the mapping `name`; with `schema`, its first line names the deployment's JSON Schema."""
    parts = [
        *([f"#:schema ../{FOLDER}/mapping.schema.json"] if schema else []),
        *_head(draft, name),
        "",
        *_mapping(draft),
        "",
        *_sides(draft),
        "",
        *_match(draft),
        "",
        "[conflict]",
        'wins = "manual"  # manual (a person decides) | erpnext | source | newest',
        "",
        "[fields]  # ERPNext fieldname = what it is in the source",
        *(text for line in draft.lines for text in _line(line)),
        *_unfilled(draft.unfilled, draft.sides.erpnext.fields, draft.sides.links),
        *_left_over(draft),
        *(text for table in draft.tables for text in _table(table, draft)),
        *_other_tables(draft),
        *_states(draft),
    ]
    return "\n".join(parts) + "\n"


def quoted(text: str) -> str:
    """A TOML string. JSON's escapes are TOML's too, but for DEL, which TOML wants escaped."""
    plain = text.encode("utf-8", "replace").decode()
    return json.dumps(plain, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(text: str) -> str:
    return text if _BARE.fullmatch(text) else quoted(text)


def _list(names: tuple[str, ...]) -> str:
    return f"[{', '.join(map(quoted, names))}]"


def _comment(text: str, *, indent: str = "") -> list[str]:
    """Comment lines; what a comment may not hold (line breaks, control characters) is taken out."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return [f"# {line}" for line in textwrap.wrap(plain, _WIDTH, subsequent_indent=indent, break_on_hyphens=False)]


def _head(draft: Draft, name: str) -> list[str]:
    sides = draft.sides
    lines = _comment(
        f"A draft by `syncd mapping new`: DocType {sides.doctype}, and {quoted(sides.entity)} of {sides.source}. It is "
        'disabled until a person has looked at it: read every line, above all what is marked "unsure", run '
        f"`syncd provision --apply` (it makes the external-id field) and `syncd check {name}`, then set enabled = true."
    )
    if sides.erpnext.submittable:
        what = "without [lifecycle] its documents are made as drafts, and nothing is submitted"
        lines += _comment(f"{sides.doctype} can be submitted; {what}.")
    return lines


def _mapping(draft: Draft) -> list[str]:
    sides = draft.sides
    site = [f"site = {quoted(sides.site)}"] if sides.site is not None else []
    return [
        "[mapping]",
        f"doctype = {quoted(sides.doctype)}",
        f"source = {quoted(sides.source)}",
        f"entity = {quoted(sides.entity)}",
        *site,
        *_direction(draft),
        "enabled = false",
    ]


def _direction(draft: Draft) -> list[str]:
    if not draft.read_only:
        return ['direction = "both"  # both | to_erpnext | to_source']
    return [*_comment(f"nothing can be written to {quoted(draft.sides.entity)}"), 'direction = "to_erpnext"']


def _sides(draft: Draft) -> list[str]:
    roles = draft.roles
    ident = quoted(roles.id[0]) if len(roles.id) == 1 else _list(roles.id)
    lines = [
        "[erpnext]",
        f"external_id = {quoted(draft.external_id)}  # custom field for the source's id; `syncd provision` makes it",
        "",
        "[source]",
    ]
    if not roles.id_is_sure:
        lines += _comment("unsure: the table has no primary key; name the column that tells one row from another")
    lines.append(f"id = {ident}")
    if roles.modified is None:
        lines += _comment('modified = "…": no column looks like the stamp of the last change; every pass reads all')
    else:
        info = draft.sides.table.fields[roles.modified]
        if not info.required:
            lines += _comment("rows without a stamp here are read in every pass")
        lines.append(f"modified = {quoted(roles.modified)}")
        if info.type.kind in (Kind.TEXT, Kind.DATETIME):
            lines.append('# timezone = "UTC"  # of stamps without a zone; UTC unless said otherwise')
    if roles.deleted is not None:
        lines.append(f"deleted = {quoted(roles.deleted)}")
    if roles.erpnext_name is not None:
        lines.append(f"erpnext_name = {quoted(roles.erpnext_name)}")
    return lines


def _match(draft: Draft) -> list[str]:
    lines = ["[match]  # finds records that exist on both sides before they are paired"]
    if draft.match:
        lines.append(f"by = [{', '.join(_list((name,)) for name in draft.match)}]")
    for name in draft.doubtful_match:
        lines += _comment(f"unsure: {name}: a value stands in more than one of the first rows; not used as a rule")
    spare = next((line.field for line in draft.lines if line.active and line.field.endswith("_name")), None)
    if spare is not None and spare not in draft.match:
        rules = ", ".join(_list((name,)) for name in (*draft.match, spare))
        lines.append(f"# by = [{rules}]  # where names tell records apart too")
    elif not draft.match:
        lines += _comment('by = [["fieldname"]]: no field looks unique; without a rule every record is created anew')
    return lines


def _line(line: Line, *, active: bool = True) -> list[str]:
    """A line of `[fields]`, with what is not sure above it; as a comment where it, or what it stands in, is one."""
    doubt = _comment(f"unsure: {line.doubt}", indent="  ") if line.doubt else []
    return [*doubt, f"{'' if line.active and active else '# '}{line.field} = {_what(line)}"]


def _what(line: Line) -> str:
    if not line.column:
        fixed = line.constant
        written = str(fixed).lower() if isinstance(fixed, bool) else quoted(str(fixed or "…"))
        return f"{{ constant = {written} }}"
    entries = [f"source = {quoted(line.column)}"]
    if line.link:
        entries.append(f"link = {quoted(line.link)}")
    if line.convert:
        entries.append(f"convert = {quoted(line.convert)}")
    if line.values is not None:
        pairs = ", ".join(f"{_key(word)} = {quoted(value)}" for word, value in line.values.items())
        entries.append(f"values = {{ {pairs} }}")
    if line.direction:
        entries.append(f"direction = {quoted(line.direction)}")
    return quoted(line.column) if len(entries) == 1 else f"{{ {', '.join(entries)} }}"


def _unfilled(names: tuple[str, ...], fields: Mapping[str, FieldInfo], links: Mapping[str, str]) -> list[str]:
    """Mandatory fields that nothing fills, as constants to complete."""
    if not names:
        return []
    what = "name a column, or write a constant, unless the site fills it by itself"
    lines = ["", *_comment(f"Mandatory in ERPNext, and filled by nothing above: {what}.")]
    for name in names:
        info, link = fields[name], links.get(name)
        options = info.type.options
        what = f"the name of a {link}" if link else f"one of {', '.join(options)}" if options else info.type.name
        lines += _comment(f"{name} = {{ constant = {quoted(options[0] if options else '…')} }}  # {info.label}: {what}")
    return lines


def _table(table: DraftTable, draft: Draft) -> list[str]:
    """One child table; `[tables.NAME]` and its fields."""
    child = draft.sides.children[table.field]
    mark = "" if table.active else "# "
    rows = table.rows
    if rows.column is not None:
        where = f"source = {quoted(rows.column)}"
    else:
        parent = quoted(rows.parent[0]) if len(rows.parent) == 1 else _list(rows.parent)
        where = f"rows = {{ entity = {quoted(rows.entity or '')}, parent = {parent} }}"
    return [
        "",
        *(_comment(f"unsure: {table.doubt}") if table.doubt else []),
        f"{mark}[tables.{table.field}]  # rows of {child.doctype}",
        f"{mark}{where}",
        *_row_key(table, mark),
        f"{mark}[tables.{table.field}.fields]",
        *(text for line in table.lines for text in _line(line, active=table.active)),
        *_unfilled(table.unfilled, child.schema.fields, child.links),
        *_rows_left(table),
    ]


def _row_key(table: DraftTable, mark: str) -> list[str]:
    if table.key:
        return [f"{mark}key = {_list(table.key)}"]
    if table.rows.table.fields:
        return _comment("key = […]: no column tells one row from another; its position does")
    return []


def _rows_left(table: DraftTable) -> list[str]:
    if not table.left_over:
        return []
    return ["", *_comment(f"Not paired: {', '.join(map(quoted, table.left_over))}", indent="  ")]


def _other_tables(draft: Draft) -> list[str]:
    """Child tables that nothing in the source was found for."""
    taken = {table.field for table in draft.tables}
    rest = {name: child for name, child in draft.sides.tables.items() if name not in taken}
    if not rest:
        return []
    named = ", ".join(f"{name} ({child})" for name, child in rest.items())
    return ["", *_comment(f"Child tables that nothing was found for ([tables.NAME] maps one): {named}.", indent="  ")]


def _states(draft: Draft) -> list[str]:
    """`[lifecycle]`, as a comment: only a person knows what a state stands for."""
    states = draft.states
    if states is None:
        return []
    lines = ["", *_comment(f"Which values of {quoted(states.column)} mean what? With this, documents are submitted:")]
    if states.unknown:
        lines += _comment(f"unsure: what {', '.join(map(quoted, states.unknown))} stands for", indent="  ")
    lines += _comment("[lifecycle]") + _comment(f"field = {quoted(states.column)}")
    for name in ("draft", "submitted", "cancelled"):
        lines += _comment(f"{name} = {_list(getattr(states, name)) if getattr(states, name) else '[…]'}")
    return lines


def _left_over(draft: Draft) -> list[str]:
    if not draft.left_over:
        return []
    lines = ["", *_comment(f"Columns of {quoted(draft.sides.entity)} that no field was found for:")]
    for name in draft.left_over:
        info = draft.sides.table.fields[name]
        lines += _comment(f"  {quoted(name)} ({info.type.name or 'no type'}){_about(name, draft)}")
    return lines


def _about(column: str, draft: Draft) -> str:
    """What else is known of a column that was left over."""
    word = normal(column)
    if not column.strip():
        return ": a blank name cannot be written in a mapping"
    stem = word.removesuffix("_id")
    if stem != word:
        target = next((f"{name}, " for name, link in draft.sides.links.items() if normal(link) == stem), "")
        return f": looks like a key of another table ({target}a link needs a mapping of that table)"
    if word in {"created_at", "created", "created_on", "creation", "date_created", "create_time", "inserted_at"}:
        return ": ERPNext keeps its own stamp of creation"
    return ""
