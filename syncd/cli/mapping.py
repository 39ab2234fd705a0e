"""`syncd mapping`: drafting mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.declare import command, group_default, new_typer
from syncd.cli.session import Session
from syncd.errors import ExitCode

if TYPE_CHECKING:
    from syncd.bootstrap.drafts import Drafted
    from syncd.config.draft_lines import Line

NEW_EXAMPLES = (
    "syncd mapping new Customer --source shop --entity customers",
    "syncd mapping new Item --source shop --entity products --output mappings/item.toml",
    "syncd mapping new Lead --source crm --entity leads --site main --output -",
)


def declare(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = new_typer()
    group_default(group, text="Draft mappings.", examples=NEW_EXAMPLES[:1])
    command(group, "new", examples=NEW_EXAMPLES)(mapping_new)
    app.add_typer(group, name="mapping")


def mapping_new(
    session: Session,
    *,
    doctype: Annotated[str, typer.Argument(metavar="DOCTYPE", help="As ERPNext names it: Customer.")],
    source: Annotated[str, typer.Option("--source", metavar="S", help="A source of syncd.toml.")],
    entity: Annotated[str, typer.Option("--entity", metavar="E", help="The table of the source.")],
    site: Annotated[
        str | None, typer.Option("--site", metavar="NAME", help="A site of syncd.toml; needed where it has several.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", metavar="FILE", help="Where, instead of mappings/E.toml; - prints it."),
    ] = None,
) -> ExitCode:
    """Draft a mapping from both schemas.

    Fields are paired by name, label and type, foreign keys become links to other mappings, and rows of related tables
    and nested lists child tables; what is not sure is marked "unsure" in a comment. The draft is disabled until a
    person has looked at it. Nothing is changed on either side, and no file is overwritten.
    """
    drafted = session.application().draft(doctype, source=source, entity=entity, site=site, output=output)
    if session.json:
        session.output.document(_document(drafted))
    elif drafted.file is None:
        session.output.raw(drafted.text.encode())
    else:
        _say(session, drafted)
    return ExitCode.OK


def _say(session: Session, drafted: Drafted) -> None:
    from syncd.report.text import number

    lines = drafted.draft.lines
    unsure = sum(bool(line.doubt) for line in lines)
    tables = [table for table in drafted.draft.tables if table.active]
    told = [
        f"{number(sum(line.active for line in lines), 'field')} paired, {unsure:,} of the lines unsure",
        *([f"{number(len(tables), 'child table')} found"] if tables else []),
        f"{number(len(drafted.draft.unfilled), 'mandatory field')} to fill",
        f"{number(len(drafted.draft.left_over), 'column')} left over",
    ]
    session.output.say(f"wrote {drafted.file}: {', '.join(told)}.")
    check = f"`{session.program} check {drafted.name}`"
    session.output.say(
        f"Next: read it, run `{session.program} provision --apply` and {check}, then set enabled = true."
    )


def _document(drafted: Drafted) -> dict[str, object]:
    draft = drafted.draft
    return {
        "schema": "syncd.mapping_new/1",
        "mapping": drafted.name,
        "file": None if drafted.file is None else str(drafted.file),
        "text": drafted.text,
        "fields": [_line(line) for line in draft.lines],
        "tables": [
            {
                "field": table.field,
                "entity": table.rows.entity,
                "column": table.rows.column,
                "key": list(table.key),
                "active": table.active,
                "unsure": table.doubt,
                "fields": [_line(line) for line in table.lines],
                "unfilled": list(table.unfilled),
                "left_over": list(table.left_over),
            }
            for table in draft.tables
        ],
        "states": None if draft.states is None else draft.states.column,
        "match": [[name] for name in draft.match],
        "unfilled": list(draft.unfilled),
        "left_over": list(draft.left_over),
        "exit_code": int(ExitCode.OK),
    }


def _line(line: Line) -> dict[str, object]:
    """A line as JSON tells it; a constant has no column."""
    document: dict[str, object] = {"field": line.field, "column": line.column or None}
    document |= {"link": line.link} if line.link else {}
    return {**document, "active": line.active, "unsure": line.doubt}
