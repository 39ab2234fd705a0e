"""One call of the program: its global options, the application it opened, and how both end."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from syncd.cli.output import Output

if TYPE_CHECKING:
    from syncd.app.results import Finding, MappingStatus, NeededRight, PlanResult, ProvisionStep, RunResult
    from syncd.app.reviving import Revived
    from syncd.app.waiting import Surroundings
    from syncd.bootstrap.drafts import Drafted
    from syncd.bootstrap.state_care import StateCare
    from syncd.core.model import Raw, Side
    from syncd.errors import ExitCode
    from syncd.ports.endpoint import ProgressReport
    from syncd.ports.state import ConflictRecord, StateStore


class Site(Protocol):
    """What the commands need of a site's settings."""

    @property
    def url(self) -> str:
        """As syncd.toml has it."""
        ...


class Settings(Protocol):
    """What the commands need of syncd.toml."""

    @property
    def sites(self) -> Mapping[str, Site]:
        """The sites by name."""
        ...


class Deployment(Protocol):
    """What the commands need of a deployment."""

    @property
    def directory(self) -> Path:
        """The folder of syncd.toml: relative paths start there."""
        ...

    @property
    def settings(self) -> Settings:
        """What syncd.toml says."""
        ...


class Application(Protocol):
    """The wired application (`syncd.bootstrap.Application`) as the commands use it; no mapping named means all."""

    @property
    def deployment(self) -> Deployment:
        """The deployment it was opened for."""
        ...

    def store(self) -> StateStore:
        """The state store, opened at the first call."""
        ...

    def reconcile(
        self, mappings: Sequence[str], *, full: bool, force: bool, wait: float, progress: ProgressReport | None
    ) -> RunResult:
        """One run; `wait` in seconds."""
        ...

    def plan(self, mappings: Sequence[str], *, full: bool, progress: ProgressReport | None) -> PlanResult:
        """What a run would do; changes nothing."""
        ...

    def save_plan(self, plan: PlanResult, mappings: Sequence[str], file: Path, *, full: bool, force: bool) -> None:
        """Write a plan into a file; `force`: one that is there goes."""
        ...

    def carry_out(self, file: Path, *, force: bool, wait: float, progress: ProgressReport | None) -> RunResult:
        """One run by the plan in a file."""
        ...

    def check(self, mappings: Sequence[str]) -> list[Finding]:
        """Everything that can be told before a run; changes nothing."""
        ...

    def draft(self, doctype: str, *, source: str, entity: str, site: str | None, output: str | None) -> Drafted:
        """A mapping drafted from both schemas, and written; `output` None: where mappings lie, "-": nowhere."""
        ...

    def provision(self, *, apply: bool, remove: bool, user: str | None = None) -> list[ProvisionStep]:
        """What the site needs, made or removed where `apply` is set."""
        ...

    def rights(self, *, user: str | None = None) -> list[NeededRight]:
        """The rights that the mappings need, and what of them syncd's user lacks."""
        ...

    def status(self) -> list[MappingStatus]:
        """Each mapping as the state store knows it."""
        ...

    def surroundings(self, conflict: ConflictRecord) -> Surroundings:
        """What else a person is told about a held record."""
        ...

    def unfit(self, mapping: str, chosen: Sequence[Mapping[str, Raw]]) -> list[dict[str, str]]:
        """For each of `chosen`: why values do not fit their fields; asks both sides for their types."""
        ...

    def revive(self, mapping: str, key: str, *, side: Side | None, anew: bool, wait: float) -> Revived:
        """Revive an ended pair."""
        ...

    def care(self) -> StateCare:
        """What `syncd state` does."""
        ...

    def run_daemon(self) -> ExitCode:
        """Run until told to stop."""
        ...

    def redact(self, text: str) -> str:
        """The text without any secret of the deployment."""
        ...

    def close(self) -> None:
        """Give back what was opened."""
        ...


class Opener(Protocol):
    """Opens the application of a deployment; raises `ConfigError` when its files do not allow it."""

    def __call__(self, config: Path | None, *, verbose: bool, quiet: bool, offline: bool) -> Application:
        """`config` is the path of syncd.toml; None: where the contract says it is found."""
        ...


def open_application(config: Path | None, *, verbose: bool, quiet: bool, offline: bool) -> Application:
    """The real application; imported here, so that help and usage errors cost nothing of it."""
    from syncd.bootstrap import Application as Wired

    return Wired.open(config, verbose=verbose, quiet=quiet, offline=offline)


class Session:
    """The state of one call. Global options may stand before and after a command's name; they add up."""

    def __init__(self, opener: Opener = open_application, *, json: bool = False) -> None:
        self.config: Path | None = None
        self.json = json
        self.quiet = False
        self.verbose = False
        self._opener = opener
        self._opened: Application | None = None
        self.redact: Callable[[str], str] | None = None
        """Takes secrets out of a text, also after closing; None while nobody knows which secrets there are."""

    def add(self, *, config: Path | None, json: bool, quiet: bool, verbose: bool) -> None:
        """Take the global options of one place of the command line; a later --config wins."""
        self.config = config or self.config
        self.json = self.json or json
        self.quiet = self.quiet or quiet
        self.verbose = self.verbose or verbose

    @property
    def output(self) -> Output:
        """Where this call prints."""
        return Output(json=self.json, quiet=self.quiet)

    @property
    def program(self) -> str:
        """How a command of this deployment begins, for next steps that a person can paste."""
        return f"syncd --config {shlex.quote(str(self.config))}" if self.config else "syncd"

    def application(self, *, offline: bool = False) -> Application:
        """The application, opened at the first call; `offline` for what only reads state and reports."""
        if self._opened is None:
            self._opened = self._opener(
                self.config, verbose=self.verbose, quiet=self.quiet or self.json, offline=offline
            )
            self.redact = self._opened.redact
        return self._opened

    def close(self) -> None:
        """Close the application, if it was opened."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            opened.close()
