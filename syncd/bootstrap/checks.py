"""`syncd check` over a deployment: both sides of each mapping are asked, nothing is changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from syncd.app.results import Finding, Severity
from syncd.bootstrap.connections import Connections
from syncd.config import Deployment
from syncd.core.mapping import MappingSpec, TableSpec
from syncd.core.model import Side
from syncd.errors import AccessError, HaltError, Problem, SyncdError, UnreachableError

if TYPE_CHECKING:
    from syncd.app.checking import LiveRows
    from syncd.core.mapping import CompiledMapping
    from syncd.core.model import Row
    from syncd.core.values import FieldType
    from syncd.ports.endpoint import Endpoint, RowProblem, Schema


_PLACED = re.compile(r"(?P<key>[a-z_]+(\.[^\s:]+)+): (?P<rest>.*)", re.DOTALL)
"""An error that begins with the key of the mapping that it is about."""


def check_deployment(deployment: Deployment, connections: Connections, names: Sequence[str]) -> list[Finding]:
    """Settings, reachability, credentials, rights, fields and live rows of these mappings. No finding holds a secret.

    Mappings that are not enabled are checked where they are named; what several write together only where both are.
    """
    from syncd.app.checking import check_together

    findings = [
        found for name in names for found in _Check(deployment, connections, deployment.mappings[name]).findings()
    ]
    wrong = {each.where for each in findings if each.severity is Severity.ERROR}
    warnings = [_finding(problem, "") for problem in deployment.warnings]
    asked = [deployment.mappings[name] for name in names]
    return [
        *(each for each in warnings if each.where not in wrong),
        *findings,
        *check_together([spec for spec in asked if spec.enabled]),
    ]


class _Check:
    """One mapping against both of its sides."""

    def __init__(self, deployment: Deployment, connections: Connections, spec: MappingSpec) -> None:
        self._deployment = deployment
        self._connections = connections
        self._spec = spec
        self._found: list[Finding] = []

    def findings(self) -> list[Finding]:
        """Everything there is to say of the mapping, each thing once."""
        spec = self._spec
        erpnext, source = self._tried(Side.ERPNEXT, self._site_schema), self._tried(Side.SOURCE, self._source_schema)
        if erpnext is not None:
            self._tried(Side.ERPNEXT, self._ask_site)
        self._compare(erpnext, source)
        if erpnext is not None and source is not None:
            self._look_at_rows()
        if not any(finding.severity is Severity.ERROR for finding in self._found):
            both = f"{spec.doctype} on site {spec.site}, {spec.entity} of {spec.source}"
            self._found.append(
                Finding(severity=Severity.OK, mapping=spec.name, where=spec.file, message=f"both sides answer: {both}")
            )
        return self._found

    def _tried(self, side: Side, ask: Callable[[], Schema | None]) -> Schema | None:
        """What `ask` answers; what goes wrong is a finding."""
        try:
            return ask()
        except SyncdError as error:
            self._tell([self._broken(side, error)])
            return None

    def _site_schema(self) -> Schema:
        endpoint = self._connections.erpnext(self._spec, "check")
        endpoint.capabilities()
        return endpoint.schema()

    def _source_schema(self) -> Schema:
        """The entity and the rows of the tables, each asked for by itself: one that is not there hides no other."""
        from syncd.app.computing import with_computed

        spec = self._spec
        source = self._connections.source(spec.source)
        plain = with_computed(replace(spec, tables=()), source.endpoint(replace(spec, tables=()), 1))
        plain.capabilities()
        schema = plain.schema()
        tables = {}
        for table in spec.tables:
            rows = self._rows_schema(table, schema)
            if rows is not None:
                tables[table.erpnext] = rows
        return replace(schema, tables=tables)

    def _rows_schema(self, table: TableSpec, around: Schema) -> Schema | None:
        spec = self._spec
        source = self._connections.source(spec.source)
        if table.source is not None and table.source not in around.fields:
            return None
        try:
            return source.endpoint(replace(spec, tables=(table,)), 1).schema().tables.get(table.erpnext)
        except HaltError as error:
            named = f"{spec.file}: tables.{table.erpnext}.rows.entity: "
            self._tell(
                [
                    Finding(
                        severity=Severity.ERROR,
                        mapping=spec.name,
                        where=named.removesuffix(": "),
                        message=self._redact(error.message).removeprefix(named),
                        hint=self._redact(error.hint),
                    )
                ]
            )
            return None

    def _ask_site(self) -> None:
        from syncd.adapters.erpnext.checks import check_site

        targets = {
            entry.link: self._deployment.mappings[entry.link]
            for _, entry in self._spec.linked()
            if entry.link in self._deployment.mappings
        }
        client = self._connections.client(self._spec.site)
        self._tell(_finding(problem, self._spec.name) for problem in check_site(client, self._spec, targets))

    def _compare(self, erpnext: Schema | None, source: Schema | None) -> None:
        from syncd.app.checking import check_fields, missing_columns

        if erpnext is not None and source is not None:
            self._tell(check_fields(self._spec, erpnext, source, linked=self._linked_ids()))
        elif source is not None:
            self._tell(missing_columns(self._spec, source))

    def _linked_ids(self) -> Mapping[str, FieldType]:
        """The type of the id of each mapping that links lead to, where its table tells it."""
        found: dict[str, FieldType] = {}
        for _, entry in self._spec.linked():
            target = self._deployment.mappings.get(entry.link or "")
            if target is None or target.name in found or len(target.source_id) != 1:
                continue
            plain = replace(target, tables=())
            try:
                fields = self._connections.source(target.source).endpoint(plain, 1).schema().fields
            except (HaltError, UnreachableError):  # told where that mapping is checked
                continue
            if target.source_id[0] in fields:
                found[target.name] = fields[target.source_id[0]].type
        return found

    def _look_at_rows(self) -> None:
        """The first rows of both sides, through the lines that fit."""
        from syncd.adapters.erpnext.checks_links import check_targets
        from syncd.app.checking import LiveRows, check_rows, names_sent
        from syncd.app.checking_rows import MOST_ROWS
        from syncd.app.computing import with_computed
        from syncd.bootstrap.binding import bind

        spec = self._sound()
        if spec is None:
            return
        client = self._connections.client(spec.site)
        try:
            spec = self._connections.fitted(spec)
            endpoints: dict[Side, Endpoint] = {
                Side.ERPNEXT: self._connections.erpnext(spec, "check", page_size=MOST_ROWS),
                Side.SOURCE: with_computed(spec, self._connections.source(spec.source).endpoint(spec, MOST_ROWS)),
            }
            mapping = bind(spec, endpoints, fitted=lambda: False).mapping
            live = _first_rows(endpoints, LiveRows, MOST_ROWS)
            self._tell(check_rows(mapping, live, required=_required(mapping, endpoints[Side.ERPNEXT].schema())))
            problems = check_targets(client, spec, names_sent(mapping, live))
        except SyncdError as error:
            if not any(finding.severity is Severity.ERROR for finding in self._found):
                self._tell([self._broken(None, error)])
            return
        self._tell(_finding(problem, spec.name) for problem in problems)

    def _sound(self) -> MappingSpec | None:
        """The mapping without the lines that have an error; None where nothing can be read at all.

        An external-id field that is not there yet is left out, so that a draft is looked at before `provision`.
        """
        spec = self._spec
        wrong = {
            finding.where.removeprefix(f"{spec.file}: ")
            for finding in self._found
            if finding.severity is Severity.ERROR and finding.mapping == spec.name
        }
        if any(key.startswith(("source.", "mapping.", "erpnext.filters", "site ")) for key in wrong):
            return None

        def fits(key: str) -> bool:
            return not any(each == key or each.startswith(f"{key}.") for each in wrong)

        fields = tuple(entry for entry in spec.fields if fits(f"fields.{entry.erpnext}"))
        tables = tuple(table for table in spec.tables if fits(f"tables.{table.erpnext}"))
        if not any(entry.source for entry in fields):
            return None
        known = {entry.erpnext for entry in fields}
        return replace(
            spec,
            fields=fields,
            tables=tables,
            external_id=spec.external_id if fits("erpnext.external_id") else None,
            match=tuple(rule for rule in spec.match if set(rule) <= known),
            lifecycle=spec.lifecycle if fits("lifecycle") else None,
        )

    def _tell(self, findings: Iterator[Finding] | Sequence[Finding]) -> None:
        """Add what was not told yet: one place is wrong once, whichever check found it first."""
        told = {(each.where, each.message) for each in self._found}
        wrong = {each.where for each in self._found if each.severity is Severity.ERROR}
        for finding in findings:
            if (finding.where, finding.message) in told:
                continue
            if finding.severity is Severity.ERROR and finding.where in wrong and ": fields." in finding.where:
                continue
            self._found.append(finding)

    def _redact(self, text: str) -> str:
        return self._deployment.redactor.redact(text)

    def _broken(self, side: Side | None, error: SyncdError) -> Finding:
        spec = self._spec
        places = {Side.ERPNEXT: f"site {spec.site}", Side.SOURCE: f"source {spec.source}", None: spec.file}
        where, message = places[side], self._redact(error.message)
        named = _PLACED.fullmatch(message.removeprefix(f"{spec.file}: "))
        if message.startswith(f"{spec.file}: ") and named is not None:
            where, message = f"{spec.file}: {named['key']}", named["rest"]
        return Finding(
            severity=Severity.ERROR,
            mapping=spec.name,
            where=where,
            message=message,
            hint=self._redact(error.hint),
            unreachable=isinstance(error, UnreachableError | AccessError),
        )


def _first_rows(endpoints: Mapping[Side, Endpoint], made: type[LiveRows], most: int) -> LiveRows:
    """Up to `most` rows of each side; a feed may begin with a page that only tells where it stands."""
    rows: dict[Side, list[Row]] = {side: [] for side in Side}
    problems: list[RowProblem] = []
    for side, endpoint in endpoints.items():
        for page in endpoint.scan():
            rows[side] += page.rows
            problems += page.problems if side is Side.SOURCE else ()
            if len(rows[side]) >= most:
                break
    return made(erpnext=rows[Side.ERPNEXT][:most], source=rows[Side.SOURCE][:most], problems=problems)


def _required(mapping: CompiledMapping, schema: Schema) -> frozenset[str]:
    """The fields that ERPNext must have and does not fill by itself, those of rows with their table in front."""
    named = {name for name, info in schema.fields.items() if info.required and not info.has_default}
    for table in mapping.tables:
        rows = schema.tables[table.name].fields
        named |= {f"{table.name}.{name}" for name, info in rows.items() if info.required and not info.has_default}
    return frozenset(named)


def _finding(problem: Problem, mapping: str) -> Finding:
    return Finding(
        severity=Severity.WARNING if problem.warning else Severity.ERROR,
        mapping=mapping,
        where=f"{problem.file}: {problem.key}" if problem.key else problem.file,
        message=problem.message,
        hint=problem.hint,
    )
