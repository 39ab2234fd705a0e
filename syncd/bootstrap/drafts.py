"""`syncd mapping new`: asks both sides what they are, has a mapping drafted, and writes its file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncd.bootstrap.draft_sources import Neighbours
from syncd.config import schema
from syncd.config.draft_lines import MOST_VALUES, Sample
from syncd.config.draft_tables import ChildInfo
from syncd.config.draft_text import text_of
from syncd.config.drafting import Draft, Sides, draft, mapping_name, roles_of
from syncd.config.loading import MAPPING_NAME, MAPPINGS_FOLDER
from syncd.config.scaffold import write_new
from syncd.core.mapping import FieldSpec, MappingSpec
from syncd.core.values import InvalidValue, Kind, Value, canonical, nearest
from syncd.errors import AccessError, HaltError, UsageError

if TYPE_CHECKING:
    from syncd.adapters.erpnext import SiteClient
    from syncd.bootstrap.connections import Connections
    from syncd.config import Deployment
    from syncd.core.model import Row
    from syncd.ports.endpoint import Endpoint, Schema

STDOUT = "-"
FIRST_ROWS = 500
"""Rows of the source that are looked at for choices and doubles: one page."""
_NOT_SAMPLED = frozenset({Kind.BYTES, Kind.JSON})


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """A drafted mapping: its text, and where it was written (None: nowhere)."""

    name: str
    file: Path | None
    text: str
    draft: Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What `syncd mapping new` was asked for. `output` None: mappings/ENTITY.toml of the deployment; "-": nowhere."""

    doctype: str
    source: str
    entity: str
    site: str | None = None
    output: str | None = None


def draft_mapping(deployment: Deployment, connections: Connections, wanted: Wanted) -> Drafted:
    """Draft a mapping and write it to a file that is not there yet.

    Raises `UsageError` for a name that neither syncd.toml nor a side knows (with the nearest), and for a file that is
    there; `UnreachableError` where a side does not answer.
    """
    settings = deployment.settings
    _known("source", wanted.source, settings.sources)
    site = _site(wanted.site, settings.sites)
    folder = deployment.path(MAPPINGS_FOLDER)
    target = _target(wanted, folder)
    beside = target is not None and target.resolve().parent == folder.resolve()
    _free(target, mapping=beside)
    client = connections.client(site)
    described = _described(client, wanted.doctype)
    name = target.stem if target is not None else mapping_name(wanted.entity, wanted.doctype)
    spec = _asking(wanted, site, name=name)
    table = _table(connections, spec)
    samples = _samples(table, _first_rows(connections, spec, table))
    around = Neighbours(
        connections.source(spec.source),
        replace(spec, source_id=roles_of(table).id),
        table,
        deployment.mappings.values(),
    )
    made = draft(
        Sides(
            doctype=wanted.doctype,
            source=wanted.source,
            entity=wanted.entity,
            site=site if len(settings.sites) > 1 else None,
            erpnext=_doctype_schema(client, wanted.doctype),
            table=table,
            links=_leading(described, "Link"),
            tables=_leading(described, "Table") | _leading(described, "Table MultiSelect"),
            samples=samples,
            taken=_taken(deployment, wanted, site),
            dynamic=_leading(described, "Dynamic Link"),
            children=_children(client, described),
            rows=around.rows(lambda entity, rows: _sampled_rows(connections, spec, entity, rows), samples),
            references=around.references(wanted.entity, table),
        )
    )
    text = text_of(made, name, schema=beside)
    if beside:
        schema.install(deployment.directory)
    if target is not None:
        write_new(target, text, make_folder=beside)
    return Drafted(name=name, file=target, text=text, draft=made)


def _target(wanted: Wanted, folder: Path) -> Path | None:
    """Where the draft goes, as the user knows it: relative to the folder they are in, where it lies below that."""
    if wanted.output == STDOUT:
        return None
    if wanted.output:
        return Path(wanted.output)
    path, working = folder / f"{mapping_name(wanted.entity, wanted.doctype)}.toml", Path.cwd()
    return path.relative_to(working) if path.is_relative_to(working) else path


def _free(target: Path | None, *, mapping: bool) -> None:
    """Before either side is asked: whether the file can be made; as a `mapping` of the deployment its name counts."""
    if target is None:
        return
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target} is there already; nothing was written", hint="name another file: --output FILE")
    if mapping and not (target.suffix == ".toml" and MAPPING_NAME.fullmatch(target.stem)):
        raise UsageError(
            f"{str(target)!r} cannot be a mapping's file", hint="letters, digits, _, . and -, and .toml at the end"
        )


def _known(what: str, name: str, known: Iterable[str]) -> None:
    names = list(known)
    if name not in names:
        raise UsageError(f"syncd.toml has no {what} {name!r}", hint=_nearest(name, names))


def _nearest(name: str, known: list[str]) -> str:
    close = nearest(name, known)
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    return f"there are: {', '.join(known[:12])}" if known else ""


def _site(name: str | None, sites: Mapping[str, object]) -> str:
    if name is not None:
        _known("site", name, sites)
        return name
    if len(sites) > 1:
        raise UsageError("syncd.toml has several sites", hint=f"name one: --site {' or --site '.join(sites)}")
    return next(iter(sites))


def _taken(deployment: Deployment, wanted: Wanted, site: str) -> frozenset[str]:
    """External-id fields of the DocType that hold the ids of other entities."""
    return frozenset(
        spec.external_id
        for spec in deployment.mappings.values()
        if spec.external_id is not None
        and (spec.site, spec.doctype) == (site, wanted.doctype)
        and (spec.source, spec.entity) != (wanted.source, wanted.entity)
    )


def _described(client: SiteClient, doctype: str) -> dict[str, Any]:
    """The DocType's metadata. Raises `UsageError` for one that is not there, or that holds no documents of its own."""
    from syncd.adapters.erpnext.meta import described_doctype

    try:
        described = described_doctype(client, doctype)
    except HaltError as error:
        raise UsageError(error.message, hint=_nearest(doctype, _doctypes(client)) or error.hint) from error
    for flag, why in (("istable", "is a child table"), ("issingle", "has one document only")):
        if _on(described, flag):
            raise UsageError(f"{doctype} {why}, which cannot be mapped by itself", hint="name another DocType")
    return described


def _doctypes(client: SiteClient) -> list[str]:
    """The site's DocTypes, for a suggestion; none where the user may not list them."""
    from syncd.adapters.erpnext.calls import ListQuery

    query = ListQuery(
        doctype="DocType",
        fields=("name",),
        filters=[["istable", "=", 0]],
        or_filters=[],
        order_by="name asc",
        limit=5000,
    )
    try:
        return [str(row["name"]) for row in client.read_list(query)]
    except AccessError:
        return []


def _doctype_schema(client: SiteClient, doctype: str) -> Schema:
    from syncd.adapters.erpnext.meta import load_schema

    return load_schema(client, doctype)


def _leading(described: Mapping[str, Any], fieldtype: str) -> dict[str, str]:
    """Fieldnames of one type, and the DocTypes they lead to."""
    fields = (entry for entry in described.get("fields") or () if entry.get("fieldtype") == fieldtype)
    return {str(entry.get("fieldname")): str(entry.get("options") or "") for entry in fields}


def _children(client: SiteClient, described: Mapping[str, Any]) -> dict[str, ChildInfo]:
    """The Table fields of the DocType that people fill, with what their rows are."""
    from syncd.adapters.erpnext.meta import described_doctype, load_schema

    found = {}
    for entry in described.get("fields") or ():
        child = str(entry.get("options") or "")
        if entry.get("fieldtype") != "Table" or not child or _on(entry, "read_only"):
            continue
        rows = described_doctype(client, child)
        found[str(entry["fieldname"])] = ChildInfo(
            doctype=child,
            schema=load_schema(client, child),
            links=_leading(rows, "Link"),
            required=_on(entry, "reqd"),
        )
    return found


def _on(described: Mapping[str, Any], flag: str) -> bool:
    return str(described.get(flag) or "0") != "0"


def _sampled_rows(connections: Connections, spec: MappingSpec, entity: str, rows: Schema) -> dict[str, Sample]:
    """What the first rows of a related table show."""
    return _samples(rows, _first_rows(connections, replace(spec, entity=entity), rows))


def _asking(
    wanted: Wanted, site: str, *, name: str = "draft", ids: tuple[str, ...] = (), columns: tuple[str, ...] = ()
) -> MappingSpec:
    """A mapping that only reads: what an endpoint needs before there is a mapping."""
    return MappingSpec(
        name=name,
        file="syncd mapping new",
        doctype=wanted.doctype,
        source=wanted.source,
        entity=wanted.entity,
        site=site,
        fields=tuple(FieldSpec(erpnext=column, source=column) for column in columns),
        source_id=ids,
    )


def _table(connections: Connections, spec: MappingSpec) -> Schema:
    source = connections.source(spec.source)
    try:
        table = source.endpoint(spec, FIRST_ROWS).schema()
    except HaltError as error:
        message = f"the source {spec.source!r} has no table {spec.entity!r}"
        raise UsageError(message, hint=_nearest(spec.entity, source.entities())) from error
    if not any(name.strip() for name in table.fields):
        raise UsageError(f"{spec.entity!r} of {spec.source!r} has no column with a name", hint="name another table")
    return table


def _first_rows(connections: Connections, spec: MappingSpec, table: Schema) -> list[Row]:
    """One page of the table; nothing of a table without a key, which no feed could read cheaply."""
    if not table.key:
        return []
    wanted = Wanted(doctype=spec.doctype, source=spec.source, entity=spec.entity)
    asking = _asking(wanted, spec.site, ids=roles_of(table).id, columns=_sampled(table))
    return next(_pages(connections.source(spec.source).endpoint(asking, FIRST_ROWS)), [])


def _pages(endpoint: Endpoint) -> Iterator[list[Row]]:
    """The rows of each page that has any."""
    return (page.rows for page in endpoint.scan() if page.rows)


def _sampled(table: Schema) -> tuple[str, ...]:
    return tuple(name for name, info in table.fields.items() if info.type.kind not in _NOT_SAMPLED)


def _samples(table: Schema, rows: list[Row]) -> dict[str, Sample]:
    samples: dict[str, Sample] = {}
    for at, name in enumerate(_sampled(table) if rows else ()):
        values: list[Value] = []
        for row in rows:
            try:
                value = canonical(row.values[at], table.fields[name].type)
            except InvalidValue:
                continue
            if value is not None:
                values.append(value)
        distinct = tuple(dict.fromkeys(values))
        samples[name] = Sample(
            values=distinct[:MOST_VALUES], more=len(distinct) > MOST_VALUES, repeats=len(distinct) < len(values)
        )
    return samples
