"""The composition root: a deployment's files → a wired application. The only place that knows every part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.bootstrap.clock import ImpatientClock, SystemClock, new_run_id
from syncd.bootstrap.collector import relax_collector
from syncd.bootstrap.connections import Connections
from syncd.bootstrap.logs import configure_logging
from syncd.bootstrap.signals import heard
from syncd.config import fingerprint, load
from syncd.core.model import Raw, Side
from syncd.core.order import in_link_order
from syncd.errors import ExitCode, SyncdError, UsageError

if TYPE_CHECKING:
    from syncd.adapters.store.repository import SqlStateStore
    from syncd.app.context import Options, Stop
    from syncd.app.daemon import Schedule
    from syncd.app.gate import Gate
    from syncd.app.passes import Bound
    from syncd.app.reconciler import Reconciler
    from syncd.app.results import Finding, MappingStatus, NeededRight, PlanResult, ProvisionStep, RunResult
    from syncd.app.reviving import Revived
    from syncd.app.waiting import Surroundings
    from syncd.bootstrap.drafts import Drafted
    from syncd.bootstrap.state_care import StateCare
    from syncd.config import Deployment
    from syncd.ports.endpoint import ProgressReport
    from syncd.ports.state import ConflictRecord, RunRecord, StateStore


KEYS_KEPT = 7 * 86_400.0
"""Seconds that operation keys are kept at least: far beyond any attempt that may still arrive late."""
PATIENCE = 3.0
"""Seconds that a command at a terminal waits, in all, between attempts at a side that does not answer."""


class Application:
    """A deployment, ready to work. Everything that costs is opened when it is first needed."""

    def __init__(self, deployment: Deployment, *, clock: SystemClock | None = None) -> None:
        from syncd.app.context import Stop

        self.deployment = deployment
        self.clock = clock or SystemClock()
        self.connections = Connections(deployment, self.clock)
        self.stop: Stop = Stop()
        self._store: SqlStateStore | None = None

    @classmethod
    def open(
        cls, config: Path | None, *, verbose: bool = False, quiet: bool = False, offline: bool = False
    ) -> Application:
        """Read the deployment's files and set logging up. Raises `ConfigError` with every problem of every file.

        `offline` is for commands that only read the state and the reports: secrets need not be there.
        """
        deployment = load(config, offline=offline)
        configure_logging(deployment, verbose=verbose, quiet=quiet)
        return cls(deployment)

    def store(self) -> SqlStateStore:
        """The state store. Raises `StateError` when it cannot be used."""
        if self._store is None:
            from syncd.adapters.store import open_store

            self._store = open_store(
                self.deployment.settings.state.url.reveal(), clock=self.clock, directory=self.deployment.directory
            )
        return self._store

    def redact(self, text: str) -> str:
        """The text without any secret of the deployment."""
        return self.deployment.redactor.redact(text)

    def close(self) -> None:
        """Give back what was opened."""
        self.connections.close()
        if self._store is not None:
            self._store.close()
            self._store = None

    def reconcile(
        self, mappings: Sequence[str], *, full: bool, force: bool, wait: float, progress: ProgressReport | None
    ) -> RunResult:
        """One run over `mappings`, or over all that are enabled. SIGINT and SIGTERM finish what is in flight."""
        return self._run_once(self._names(mappings), None, full=full, force=force, wait=wait, progress=progress)

    def carry_out(self, file: Path, *, force: bool, wait: float, progress: ProgressReport | None) -> RunResult:
        """One run by the plan in `file`: exactly what stands there, where nothing has moved since.

        Raises `UsageError` for a file that holds no plan, or not one for this deployment as it is now.
        """
        from syncd.app.planned import Warrant
        from syncd.bootstrap.plan_files import read_plan

        plan = read_plan(file, self.deployment)
        names = self._names([mapping.name for mapping in plan.mappings])
        gate = Warrant(plan.records)
        return self._run_once(names, gate, full=plan.full, force=force, wait=wait, progress=progress)

    def _run_once(
        self,
        names: Sequence[str],
        gate: Gate | None,
        *,
        full: bool,
        force: bool,
        wait: float,
        progress: ProgressReport | None,
    ) -> RunResult:
        options = self._options(full=full, force=force, wait=wait)
        relax_collector()
        with heard(self.stop):
            result = self._reconciler(gate).run(names, options, stop=self.stop, progress=progress or _nobody)
        if full:
            # A site that has just failed, or asked to be left alone, is not asked for more.
            ended = [name for name, counts in result.mappings.items() if counts.error is None and counts.halt is None]
            self._prune_keys(ended)
        return result

    def plan(self, mappings: Sequence[str], *, full: bool, progress: ProgressReport | None) -> PlanResult:
        """What a run would do. Changes nothing, the state store included."""
        from syncd.adapters.store import open_temporary
        from syncd.app.planning import Planner

        opened: list[StateStore] = []

        @contextmanager
        def temporary() -> Iterator[StateStore]:
            store = open_temporary(
                self.deployment.settings.state.url.reveal(), clock=self.clock, directory=self.deployment.directory
            )
            opened.append(store)
            try:
                yield store
            finally:
                store.close()

        planner = Planner(
            temporary=temporary,
            open_mapping=lambda name, run: self._open_mapping(name, run, opened[-1]),
            clock=self.clock,
            redact=self.redact,
            circles=self._circles(),
        )
        options = self._options(full=full, force=False, wait=0.0)
        with heard(self.stop):
            return planner.plan(self._names(mappings), options, stop=self.stop, progress=progress or _nobody)

    def save_plan(self, plan: PlanResult, mappings: Sequence[str], file: Path, *, full: bool, force: bool) -> None:
        """Write a plan over `mappings` into a file that `carry_out` takes; `force`: one that is there goes.

        Raises `UsageError` where that cannot be.
        """
        from syncd.bootstrap.plan_files import plan_file, write_plan

        content = plan_file(self.deployment, self._names(mappings), plan.records, full=full, made=self.clock.now())
        write_plan(file, content, force=force)

    def check(self, mappings: Sequence[str]) -> list[Finding]:
        """What can be told before a run: settings, reachability, credentials, rights, fields. Changes nothing."""
        from syncd.bootstrap.checks import check_deployment

        return check_deployment(self.deployment, self.connections, self._names(mappings, disabled=True))

    def draft(self, doctype: str, *, source: str, entity: str, site: str | None, output: str | None) -> Drafted:
        """A mapping drafted from the schemas of both sides, written to a file of its own; see `draft_mapping`."""
        from syncd.bootstrap.drafts import Wanted, draft_mapping

        wanted = Wanted(doctype=doctype, source=source, entity=entity, site=site, output=output)
        return draft_mapping(self.deployment, self.connections, wanted)

    def provision(self, *, apply: bool, remove: bool, user: str | None = None) -> list[ProvisionStep]:
        """What the sites need: external-id fields and the DocType `Syncd Operation`; made or removed with `apply`."""
        from syncd.bootstrap.provisioning import provision

        return provision(self.deployment, self.connections, apply=apply, remove=remove, user=user)

    def rights(self, *, user: str | None = None) -> list[NeededRight]:
        """The rights that the mappings need on their sites, and what of them the integration user lacks."""
        from syncd.bootstrap.provisioning import rights

        return rights(self.deployment, self.connections, user=user)

    def status(self) -> list[MappingStatus]:
        """Each mapping as the state store knows it; neither side is asked."""
        from syncd.app.status import statuses

        return statuses(self.store(), self._schedules(disabled=True), self.deployment.enabled, self.clock.now())

    def surroundings(self, conflict: ConflictRecord) -> Surroundings:
        """What else a person is told about a held record; neither side is asked."""
        from syncd.app.waiting import surroundings_of

        return surroundings_of(self.store(), self.deployment.mappings.get(conflict.mapping), conflict)

    def unfit(self, mapping: str, chosen: Sequence[Mapping[str, Raw]]) -> list[dict[str, str]]:
        """For each of `chosen` (values by ERPNext fieldname): why some of them do not fit their fields.

        Asks both sides for their types. Raises `UnreachableError` soon where one does not answer, and `UsageError` or
        `HaltError` where the mapping does not fit them.
        """
        from syncd.core.resolution import unfit_values

        [name] = self._names([mapping], disabled=True)
        asking = Application(self.deployment, clock=ImpatientClock(PATIENCE))
        try:
            compiled = asking._open_mapping(name, "conflicts", self.store()).mapping
            return [unfit_values(compiled, values) for values in chosen]
        finally:
            asking.connections.close()

    def revive(self, mapping: str, key: str, *, side: Side | None, anew: bool, wait: float) -> Revived:
        """Revive an ended pair; see `syncd.app.reviving.revive`."""
        from syncd.app.reviving import revive

        [name] = self._names([mapping], disabled=True)
        return revive(self.store(), name, key, side=side, anew=anew, wait=wait)

    def care(self) -> StateCare:
        """What `syncd state` does."""
        from syncd.bootstrap.state_care import StateCare

        return StateCare(
            self.deployment,
            self.connections,
            self.clock,
            store=self.store,
            names=self._names,
            options=lambda force: self._options(full=False, force=force, wait=0.0),
            open_mapping=self._open_mapping,
            stop=self.stop,
        )

    def run_daemon(self) -> ExitCode:
        """Run by schedule until SIGTERM or SIGINT."""
        from syncd.app.daemon import Daemon

        reconciler = self._reconciler()
        store = self.store()
        relax_collector()

        def once(mapping: str, full: bool) -> RunResult:  # noqa: FBT001 - the daemon's port
            options = replace(self._options(full=full, force=False, wait=0.0), scheduled=True)
            result = reconciler.run([mapping], options, stop=self.stop)
            if full:
                self._prune_keys([mapping])
            return result

        daemon = Daemon(
            self._schedules(),
            once,
            lambda mapping: store.mapping_state(mapping).last_full,
            clock=self.clock,
            stop=self.stop,
            is_halted=lambda mapping: bool(store.mapping_state(mapping).halt),
        )
        return daemon.run()

    def _schedules(self, *, disabled: bool = False) -> list[Schedule]:
        from syncd.app.daemon import Schedule

        general = self.deployment.settings.schedule
        schedules = []
        for spec in self.deployment.mappings.values():
            if spec.enabled or disabled:
                own = spec.every is not None or spec.cron is not None
                schedules.append(
                    Schedule(
                        mapping=spec.name,
                        every=spec.every if own else general.every,
                        cron=spec.cron if own else general.cron,
                        full_every=general.full_every,
                    )
                )
        return schedules

    def _names(self, mappings: Sequence[str], *, disabled: bool = False) -> list[str]:
        """The mappings asked for: all enabled ones where none is named. Raises `UsageError` for an unknown one."""
        known = self.deployment.mappings
        for name in mappings:
            if name not in known:
                close = get_close_matches(name, list(known), n=1, cutoff=0.4)
                raise UsageError(
                    f"there is no mapping {name}",
                    hint=f"Did you mean {close[0]}?" if close else f"There are: {', '.join(known) or 'none'}.",
                )
            if not known[name].enabled and not disabled:
                raise UsageError(
                    f"the mapping {name} is not enabled", hint=f"Set enabled = true in {known[name].file}."
                )
        names = list(mappings) or list(self.deployment.enabled)
        if not names and not disabled:
            files = ", ".join(spec.file for spec in known.values())
            raise UsageError(
                "no mapping is enabled, so there is nothing to sync",
                hint=f"Set enabled = true in {files}." if files else "Add one: `syncd mapping new` drafts it.",
            )
        place = {name: at for at, name in enumerate(name for group in self._groups() for name in group)}
        return sorted(names, key=place.__getitem__)

    def _options(self, *, full: bool, force: bool, wait: float) -> Options:
        from syncd.app.context import Options

        settings = self.deployment.settings
        return Options(
            full=full,
            force=force,
            wait=wait,
            overlap=settings.schedule.overlap,
            max_deletes=settings.safety.max_deletes,
            max_updates=settings.safety.max_updates,
        )

    def _reconciler(self, gate: Gate | None = None) -> Reconciler:
        from syncd.app.reconciler import Reconciler

        store = self.store()

        def open_mapping(name: str, run: str) -> Bound:
            bound = self._open_mapping(name, run, store)
            return bound if gate is None else replace(bound, gate=gate)

        return Reconciler(
            store=store,
            open_mapping=open_mapping,
            write_report=self._write_report,
            clock=self.clock,
            new_run=new_run_id,
            redact=self.redact,
            circles=self._circles(),
        )

    def _circles(self) -> dict[str, frozenset[str]]:
        """For each mapping that stands in a circle of links: the others of it."""
        return {name: frozenset(group) - {name} for group in self._groups() for name in group if len(group) > 1}

    def _groups(self) -> list[tuple[str, ...]]:
        """All mappings, what links lead to first; those of a circle of links together."""
        return in_link_order(self.deployment.mappings.values())

    def _open_mapping(self, name: str, run: str, store: StateStore) -> Bound:
        """Bind a mapping to both of its sides; `store` tells whether it ever fitted them."""
        from syncd.bootstrap.binding import bind

        spec = self.deployment.mappings[name]
        spec = self.connections.fitted(spec)
        endpoints = {Side.ERPNEXT: self.connections.erpnext(spec, run), Side.SOURCE: self.connections.entity(spec)}
        return bind(spec, endpoints, fitted=lambda: store.mapping_state(name).fingerprint == fingerprint(spec))

    def _prune_keys(self, names: Sequence[str]) -> None:
        """After a full pass: operation keys on the sites that are older than `[reports] keep` have done their work.

        Some at a time; a site that does not answer or refuses keeps its keys until the next full pass.
        """
        import structlog

        from syncd.adapters.erpnext.operations import prune_keys

        before = self.clock.now() - timedelta(seconds=max(self.deployment.settings.reports.keep, KEYS_KEPT))
        for name in names:
            spec = self.deployment.mappings[name]
            try:
                prune_keys(self.connections.client(spec.site), name, before)
            except SyncdError as error:
                structlog.get_logger("syncd.run").info("old keys stay", mapping=name, reason=self.redact(error.message))

    def _write_report(self, record: RunRecord) -> tuple[str, str]:
        """RUN.json and RUN.html; older reports than `[reports] keep` go."""
        from syncd.report.build import write_report
        from syncd.report.files import prune_reports
        from syncd.report.html import documents_url

        settings = self.deployment.settings
        urls = {}
        for name in record.mappings:
            spec = self.deployment.mappings[name]
            site = settings.sites[spec.site]
            urls[name] = "" if site.is_sandbox else documents_url(site.url, spec.doctype)
        now = self.clock.now()
        path = write_report(
            self.store(), record.id, settings.reports.directory, site_urls=urls, record=record, redact=self.redact
        )
        prune_reports(settings.reports.directory, settings.reports.keep, now)
        self.store().prune(now - timedelta(seconds=settings.reports.keep))
        return str(path), str(path.with_suffix(".html"))


def _nobody(what: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""
