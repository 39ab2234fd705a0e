"""An application that answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from syncd.app.results import Finding, MappingStatus, NeededRight, PlanResult, ProvisionStep, Result, RunResult
from syncd.app.reviving import Revived
from syncd.app.waiting import Surroundings
from syncd.core.model import Counts, Raw, Side
from syncd.errors import ExitCode
from syncd.ports.endpoint import ProgressReport
from syncd.ports.state import ConflictRecord
from tests.report.fakes import RUN, STARTED, FakeStore

SECRET = "s3cr3t-token"


@dataclass
class FakeSite:
    url: str


@dataclass
class FakeSettings:
    sites: Mapping[str, FakeSite] = field(default_factory=dict)


@dataclass
class FakeDeployment:
    directory: Path = Path()
    settings: FakeSettings = field(default_factory=FakeSettings)


def run_result(
    result: Result = Result.IN_SYNC, code: ExitCode = ExitCode.OK, *, report: str = "", **mappings: Counts
) -> RunResult:
    return RunResult(
        run=RUN,
        started=STARTED,
        finished=STARTED + timedelta(seconds=3),
        result=result,
        exit_code=code,
        mappings=mappings or {"customer": Counts()},
        report=report,
        html=report.replace(".json", ".html"),
    )


@dataclass
class FakeApplication:
    """Stands for `syncd.bootstrap.Application`; `error` is raised by whatever is asked."""

    deployment: FakeDeployment = field(default_factory=FakeDeployment)
    state: FakeStore = field(default_factory=FakeStore)
    run: RunResult = field(default_factory=run_result)
    planned: PlanResult = field(default_factory=PlanResult)
    findings: list[Finding] = field(default_factory=list)
    steps: list[ProvisionStep] = field(default_factory=list)
    needed: list[NeededRight] = field(default_factory=list)
    mappings: list[MappingStatus] = field(default_factory=list)
    daemon: ExitCode = ExitCode.OK
    around: Surroundings = field(default_factory=Surroundings)
    misfits: Mapping[str, str] | BaseException = field(default_factory=dict)
    """Why values of fields do not fit; or what asking for it raises."""
    error: BaseException | None = None
    asked: list[tuple[str, Any]] = field(default_factory=list)
    opened: dict[str, Any] = field(default_factory=dict)
    closed: int = 0

    def _ask(self, what: str, how: Any) -> None:
        self.asked.append((what, how))
        if self.error is not None:
            raise self.error

    def store(self) -> FakeStore:
        self._ask("store", None)
        return self.state

    def reconcile(
        self, mappings: Sequence[str], *, full: bool, force: bool, wait: float, progress: ProgressReport | None
    ) -> RunResult:
        self._ask("reconcile", (list(mappings), full, force, wait, progress is not None))
        if progress is not None:
            progress("customer: reading ERPNext", 10, 100)
            progress("customer: writing", 1, None)
        return self.run

    def plan(self, mappings: Sequence[str], *, full: bool, progress: ProgressReport | None) -> PlanResult:
        self._ask("plan", (list(mappings), full))
        return self.planned

    def save_plan(self, plan: PlanResult, mappings: Sequence[str], file: Path, *, full: bool, force: bool) -> None:
        self._ask("save_plan", (plan is self.planned, list(mappings), file, full, force))

    def carry_out(self, file: Path, *, force: bool, wait: float, progress: ProgressReport | None) -> RunResult:
        self._ask("carry_out", (file, force, wait))
        return self.run

    def check(self, mappings: Sequence[str]) -> list[Finding]:
        self._ask("check", list(mappings))
        return self.findings

    def provision(self, *, apply: bool, remove: bool, user: str | None = None) -> list[ProvisionStep]:
        self._ask("provision", (apply, remove) if user is None else (apply, remove, user))
        return self.steps

    def rights(self, *, user: str | None = None) -> list[NeededRight]:
        return self.needed

    def status(self) -> list[MappingStatus]:
        self._ask("status", None)
        return self.mappings

    def surroundings(self, conflict: ConflictRecord) -> Surroundings:
        self._ask("surroundings", conflict.id)
        return self.around

    def unfit(self, mapping: str, chosen: Sequence[Mapping[str, Raw]]) -> list[dict[str, str]]:
        self.asked.append(("unfit", (mapping, list(chosen))))
        if isinstance(self.misfits, BaseException):
            raise self.misfits
        return [{name: self.misfits[name] for name in values if name in self.misfits} for values in chosen]

    def revive(self, mapping: str, key: str, *, side: Side | None, anew: bool, wait: float) -> Revived:
        self._ask("revive", (mapping, key, side, anew, wait))
        return Revived(mapping=mapping, external_id=key, erpnext_name=None if anew else "CUST-1", tied=not anew)

    def run_daemon(self) -> ExitCode:
        self._ask("run", None)
        return self.daemon

    def redact(self, text: str) -> str:
        return text.replace(SECRET, "***")

    def close(self) -> None:
        self.closed += 1
