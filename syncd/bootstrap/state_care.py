"""`syncd state`: what is done to the state store as a whole, and to all that is kept of one mapping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.bootstrap.signals import heard
from syncd.core.model import Side
from syncd.errors import UsageError

if TYPE_CHECKING:
    from syncd.adapters.store.opening import Upgrade
    from syncd.adapters.store.repository import SqlStateStore
    from syncd.adapters.store.verifying import Verified
    from syncd.app.context import Options, Stop
    from syncd.app.passes import Bound
    from syncd.app.rebuild import Rebuilt
    from syncd.bootstrap.connections import Connections
    from syncd.config import Deployment
    from syncd.ports.endpoint import Clock, ProgressReport
    from syncd.ports.state import MappingTotals, StateStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup that was made: its file, and its size in bytes."""

    file: Path
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """What is kept of a mapping, and how the next run would find its pairs again.

    `unfindable` says why it could not find all of them; empty where it can. `known`: syncd.toml still has the mapping.
    """

    mapping: str
    totals: MappingTotals
    known: bool
    enabled: bool
    unfindable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """What a rebuild came to. `aside` is how texts call the store that was moved away; empty where there was none."""

    aside: str
    mappings: dict[str, Rebuilt]


class StateCare:
    """Care for the state store of one deployment. Nothing of it is opened before it is asked for."""

    def __init__(
        self,
        deployment: Deployment,
        connections: Connections,
        clock: Clock,
        *,
        store: Callable[[], SqlStateStore],
        names: Callable[[Sequence[str]], list[str]],
        options: Callable[[bool], Options],
        open_mapping: Callable[[str, str, StateStore], Bound],
        stop: Stop,
    ) -> None:
        self._deployment = deployment
        self._connections = connections
        self._clock = clock
        self._store = store
        self._names = names
        self._options = options
        self._open_mapping = open_mapping
        self._stop = stop

    @property
    def _url(self) -> str:
        return self._deployment.settings.state.url.reveal()

    def backup(self, target: Path, *, force: bool) -> Backup:
        """Copy the store into `target` while it is in use. Raises `StateError`; see `backup_store`."""
        from syncd.adapters.store.care import backup_store

        backup_store(self._url, target, directory=self._deployment.directory, replace=force)
        return Backup(file=target, size=target.stat().st_size)

    def verify(self, progress: ProgressReport | None) -> Verified:
        """Whether the store is whole. Raises `StateError` where there is none, or where it cannot be reached."""
        from syncd.adapters.store.verifying import verify_store

        return verify_store(self._url, directory=self._deployment.directory, progress=progress)

    def upgrade(self) -> Upgrade:
        """Bring the store to this version's schema. Raises `StateError` and, while it is in use, `LeaseHeldError`."""
        from syncd.adapters.store.care import upgrade_store

        return upgrade_store(self._url, directory=self._deployment.directory, clock=self._clock)

    def forgetting(self, mapping: str) -> Forgetting:
        """What `forget` would drop. Raises `UsageError` for a name that nobody knows."""
        from syncd.adapters.store.care import require_store
        from syncd.app.rebuild import unfindable

        require_store(self._url, directory=self._deployment.directory)
        store, specs = self._store(), self._deployment.mappings
        known = {*store.mappings(), *specs}
        if mapping not in known:
            close = get_close_matches(mapping, sorted(known), n=1, cutoff=0.4)
            hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(sorted(known)) or 'none'}."
            raise UsageError(f"there is no mapping {mapping}, and nothing is kept of one", hint=hint)
        spec = specs.get(mapping)
        return Forgetting(
            mapping=mapping,
            totals=store.totals(mapping),
            known=spec is not None,
            enabled=spec is not None and spec.enabled,
            unfindable=unfindable(spec) if spec is not None else "",
        )

    def forget(self, mapping: str) -> None:
        """Drop everything that is kept of a mapping. Raises `LeaseHeldError` while a run holds it."""
        self._store().forget(mapping)

    def rebuild(self, *, force: bool, progress: ProgressReport | None) -> Rebuild:
        """Move the store aside and find the pairs of every enabled mapping again; see `app.rebuild`.

        Before anything is moved, every mapping is looked at and both of its sides are asked what they are. Raises
        `UsageError` for mappings whose pairs nothing tells, and what the sides and `set_aside_store` raise.
        """
        from syncd.adapters.store.care import set_aside_store
        from syncd.app.rebuild import Rebuilder
        from syncd.bootstrap.clock import new_run_id

        names = self._names([])
        self._refuse_unfindable(names)
        for name in names:
            self._ask_both_sides(name)
        aside = set_aside_store(
            self._url, directory=self._deployment.directory, clock=self._clock, force=force, progress=progress
        )
        store = self._store()
        rebuilder = Rebuilder(
            store=store,
            open_mapping=lambda name, run: self._open_mapping(name, run, store),
            clock=self._clock,
            redact=self._deployment.redactor.redact,
        )
        with heard(self._stop):
            found = rebuilder.rebuild(
                names,
                self._options(force),
                new_run_id(self._clock.now()),
                stop=self._stop,
                progress=progress or _nobody,
            )
        return Rebuild(aside=aside, mappings=found)

    def _refuse_unfindable(self, names: Sequence[str]) -> None:
        from syncd.app.rebuild import unfindable

        why = {name: unfindable(self._deployment.mappings[name]) for name in names}
        lost = [f"{self._deployment.mappings[name].file}: {text}" for name, text in why.items() if text]
        if lost:
            raise UsageError(
                f"nothing tells which records belong together; nothing was changed: {'; '.join(lost)}",
                hint="add a rule under [match] by which they are found, or set enabled = false and rebuild the others; "
                "a run without its pairs would make every record anew",
            )

    def _ask_both_sides(self, name: str) -> None:
        from syncd.app.checking import missing_fields

        spec = self._deployment.mappings[name]
        endpoints = {
            Side.ERPNEXT: self._connections.erpnext(spec, "rebuild"),
            Side.SOURCE: self._connections.entity(spec),
        }
        for endpoint in endpoints.values():
            endpoint.capabilities()
        missing = missing_fields(spec, endpoints[Side.ERPNEXT].schema(), endpoints[Side.SOURCE].schema())
        if missing:
            raise UsageError(
                "; ".join(f"{each.where}: {each.message}" for each in missing) + "; nothing was changed",
                hint=f"make the mapping and both sides fit; `syncd check {name}` looks at all of it",
            )


def _nobody(what: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""
