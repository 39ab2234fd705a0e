"""`syncd check` over a deployment: both sides of each mapping are asked, nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from syncd.app.results import Finding, Severity
from syncd.bootstrap.connections import Connections
from syncd.config import Deployment
from syncd.core.mapping import MappingSpec
from syncd.core.model import Side
from syncd.errors import AccessError, Problem, SyncdError, UnreachableError

if TYPE_CHECKING:
    from syncd.ports.endpoint import Endpoint, Schema


def check_deployment(deployment: Deployment, connections: Connections, names: Sequence[str]) -> list[Finding]:
    """Settings, reachability, credentials, rights and fields of these mappings. No finding holds a secret."""
    findings = [_finding(problem, "") for problem in deployment.warnings]
    for name in names:
        findings.extend(_check_mapping(deployment, connections, deployment.mappings[name]))
    return findings


def _check_mapping(deployment: Deployment, connections: Connections, spec: MappingSpec) -> list[Finding]:
    from syncd.adapters.erpnext.checks import check_site
    from syncd.app.checking import check_fields

    redact = deployment.redactor.redact
    findings: list[Finding] = []
    schemas: dict[Side, Schema] = {}
    for side in Side:
        try:
            endpoint: Endpoint = (
                connections.erpnext(spec, "check") if side is Side.ERPNEXT else connections.entity(spec)
            )
            endpoint.capabilities()
            schemas[side] = endpoint.schema()
        except SyncdError as error:
            findings.append(_broken(spec, side, redact(error.message), redact(error.hint), error))
    if Side.ERPNEXT in schemas:
        try:
            problems = check_site(connections.client(spec.site), spec)
            findings.extend(_finding(problem, spec.name) for problem in problems)
        except SyncdError as error:
            findings.append(_broken(spec, Side.ERPNEXT, redact(error.message), redact(error.hint), error))
    if len(schemas) == len(Side):
        told = {(finding.where, finding.message) for finding in findings}
        fields = check_fields(spec, schemas[Side.ERPNEXT], schemas[Side.SOURCE])
        findings.extend(finding for finding in fields if (finding.where, finding.message) not in told)
    if not any(finding.severity is Severity.ERROR for finding in findings):
        both = f"{spec.doctype} on site {spec.site}, {spec.entity} of {spec.source}"
        findings.append(
            Finding(severity=Severity.OK, mapping=spec.name, where=spec.file, message=f"both sides answer: {both}")
        )
    return findings


def _finding(problem: Problem, mapping: str) -> Finding:
    return Finding(
        severity=Severity.WARNING if problem.warning else Severity.ERROR,
        mapping=mapping,
        where=f"{problem.file}: {problem.key}" if problem.key else problem.file,
        message=problem.message,
        hint=problem.hint,
    )


def _broken(spec: MappingSpec, side: Side, message: str, hint: str, error: SyncdError) -> Finding:
    where = f"site {spec.site}" if side is Side.ERPNEXT else f"source {spec.source}"
    return Finding(
        severity=Severity.ERROR,
        mapping=spec.name,
        where=where,
        message=message,
        hint=hint,
        unreachable=isinstance(error, UnreachableError | AccessError),
    )
