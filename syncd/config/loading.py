"""Reads a deployment: syncd.toml and the mappings beside it. Every problem of every file is reported at once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from syncd.config.mapping_file import MappingFile
from syncd.config.mappings import build_spec
from syncd.config.problems import Place, Reading
from syncd.config.secrets import Redactor, References
from syncd.config.settings import Settings
from syncd.config.tables import Table, TableT, homes_of, read_table
from syncd.config.together import check_links, check_rows, check_together
from syncd.config.toml import BrokenFile, as_toml, read_toml
from syncd.core.mapping import MappingSpec
from syncd.errors import ConfigError, Problem

CONFIG_VARIABLE = "SYNCD_CONFIG"
SETTINGS_FILE = "syncd.toml"
MAPPINGS_FOLDER = "mappings"

MAPPING_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""What a mapping may be called: names that can be typed on a command line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A deployment's folder, read and found to be in order."""

    directory: Path
    """Absolute; relative paths of the files start here."""
    file: Path
    """syncd.toml, absolute."""
    settings: Settings
    mappings: dict[str, MappingSpec]
    """By name, in the order of names; those with `enabled = false` too."""
    warnings: list[Problem]
    """What works, but ought to be looked at; `syncd check` shows them."""
    redactor: Redactor
    """Knows every secret of the settings."""

    @property
    def enabled(self) -> tuple[str, ...]:
        """The names of the mappings that are enabled."""
        return tuple(name for name, spec in self.mappings.items() if spec.enabled)

    def path(self, relative: str | Path) -> Path:
        """A path of the files, from the deployment's folder."""
        return self.directory / relative


def load(
    config: Path | None = None, *, environment: Mapping[str, str] | None = None, offline: bool = False
) -> Deployment:
    """Read the deployment named by `config`, else by SYNCD_CONFIG, else by ./syncd.toml; a folder means its syncd.toml.

    `environment` stands for the process's variables (default: those). With `offline`, secrets that cannot be resolved
    are warnings, and only fail where they are revealed: reports and the state are read without them. Raises
    `ConfigError` with every problem of every file; no text of it holds a secret.
    """
    environment = os.environ if environment is None else environment
    given = _settings_file(config, environment)
    file = Path.cwd() / given
    directory = file.parent
    redactor = Redactor()
    references = References(directory, environment)

    def reading(path: Path, table: type[Table]) -> Reading:
        return Reading(
            file=_known_as(path),
            directory=directory,
            references=references,
            redactor=redactor,
            offline=offline,
            homes=homes_of(table),
        )

    top = reading(given, Settings)
    settings = _read(top, file, Settings)
    paths = _mapping_files(given.parent / MAPPINGS_FOLDER, top)
    places = {path.stem: Place(reading(path, MappingFile)) for path in paths}
    mappings: dict[str, MappingSpec] = {}
    for path in paths:
        spec = _read_mapping(path, places[path.stem], settings)
        if spec is not None:
            mappings[path.stem] = spec
    check_links(mappings, places)
    sound = {name: spec for name, spec in mappings.items() if not places[name].reading.failed}
    check_together(sound, places)
    check_rows(sound, places)
    if mappings and not any(spec.enabled for spec in mappings.values()):
        names = ", ".join(spec.file for spec in mappings.values())
        Place(top).warn("no mapping is enabled: nothing is synced", f"set enabled = true in {names}")
    problems = [problem for place in (Place(top), *places.values()) for problem in place.reading.problems]
    return Deployment(
        directory=directory,
        file=file,
        settings=_sound(settings, problems, redactor),
        mappings=mappings,
        warnings=[_redacted(problem, redactor) for problem in problems],
        redactor=redactor,
    )


def _sound(settings: Settings | None, problems: list[Problem], redactor: Redactor) -> Settings:
    errors = [_redacted(problem, redactor) for problem in problems if not problem.warning]
    if errors or settings is None:
        raise ConfigError(errors)
    return settings


def _redacted(problem: Problem, redactor: Redactor) -> Problem:
    return replace(
        problem,
        key=redactor.redact(problem.key),
        message=redactor.redact(problem.message),
        hint=redactor.redact(problem.hint),
    )


def _settings_file(config: Path | None, environment: Mapping[str, str]) -> Path:
    """The path of syncd.toml as the user gave it."""
    named = environment.get(CONFIG_VARIABLE)
    given = config or (Path(named).expanduser() if named else Path(SETTINGS_FILE))
    return given / SETTINGS_FILE if given.is_dir() else given


def _known_as(path: Path) -> str:
    """A path as the user knows it: relative to the folder they are in, where it lies below it."""
    working = Path.cwd()
    return str(path.relative_to(working)) if path.is_relative_to(working) else str(path)


def _read(reading: Reading, file: Path, table: type[TableT]) -> TableT | None:
    """The file as `table` describes it; None, and a problem, when it cannot be read as TOML."""
    try:
        return read_table(table, read_toml(file), Place(reading))
    except BrokenFile as broken:
        hint = broken.hint
        if not file.exists() and table is Settings:
            hint = f"`syncd init` makes one; or name yours with --config or {CONFIG_VARIABLE}"
        Place(reading).problem(str(broken), hint)
        return None


def _mapping_files(folder: Path, top: Reading) -> list[Path]:
    """The mapping files by name; editors' and hidden files are passed over."""
    found = sorted(path for path in folder.glob("*.toml") if not path.name.startswith("."))
    if not found:
        Place(top).warn(
            "there are no mappings: nothing is synced",
            f"add {_known_as(folder / 'NAME.toml')}, one file for each mapping",
        )
    return found


def _read_mapping(path: Path, at: Place, settings: Settings | None) -> MappingSpec | None:
    if not MAPPING_NAME.fullmatch(path.stem):
        at.problem(f"{as_toml(path.stem)} cannot be a mapping's name", "rename the file: letters, digits, _, . and -")
    content = _read(at.reading, Path.cwd() / path, MappingFile)
    if content is None:
        return None
    sites = tuple(settings.sites) or None if settings else None
    sources = tuple(settings.sources) or None if settings else None
    return build_spec(path.stem, content, at, sites=sites, sources=sources)
