"""Where a value stands while a file is read, and the problems that are found there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from syncd.config.not_yet import NOT_YET
from syncd.config.secrets import Redactor, References
from syncd.config.toml import as_toml, dotted
from syncd.core.values import nearest
from syncd.errors import Problem


class Wrong(ValueError):  # noqa: N818 - it names what is wrong, as the error texts do
    """A value that its key cannot take: `message` says why, `hint` what to write."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(slots=True, kw_only=True)
class Reading:
    """One file while it is read. `file` is its path as the user knows it; `offline` forgives missing secrets."""

    file: str
    directory: Path
    references: References
    redactor: Redactor
    offline: bool = False
    homes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Key → the tables of this kind of file that know it: a key in the wrong table is shown its place."""
    problems: list[Problem] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    """Dotted keys that have a problem: checks that build on their values are left out."""


@dataclass(frozen=True, slots=True)
class Place:
    """A dotted key in a file. `pattern` is the same with `*` for names that the user chose."""

    reading: Reading
    names: tuple[str, ...] = ()
    pattern: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The dotted key."""
        return dotted(*self.names)

    @property
    def key(self) -> str:
        """The last part of the dotted key."""
        return self.names[-1] if self.names else ""

    def child(self, name: str, *, chosen: bool = False) -> Place:
        """The place of `name` in the table here; `chosen` when the name is the user's own."""
        return Place(self.reading, (*self.names, name), (*self.pattern, "*" if chosen else name))

    def problem(self, message: str, hint: str = "") -> None:
        """Note what is wrong here."""
        self.reading.failed.add(self.path)
        self.reading.problems.append(
            Problem(file=self.reading.file, key=self.path, message=message, hint=hint, warning=False)
        )

    def warn(self, message: str, hint: str = "") -> None:
        """Note what works, but ought to be looked at."""
        self.reading.problems.append(
            Problem(file=self.reading.file, key=self.path, message=message, hint=hint, warning=True)
        )

    def sound(self, *names: str) -> bool:
        """Whether neither these keys of the table here nor anything in them has a problem; without names: this key."""
        wanted = [dotted(*self.names, name) for name in names] or [self.path]
        return not any(
            failed == key or failed.startswith(f"{key}.") for failed in self.reading.failed for key in wanted
        )

    def not_yet(self, value: str | None = None) -> bool:
        """Note that this key (or this value of it) belongs to a later version, if it does."""
        entry = ".".join(self.pattern) if value is None else f"{'.'.join(self.pattern)}={value}"
        if entry not in NOT_YET:
            return False
        what = f"[{self.path}]" if len(self.names) == 1 else as_toml(value or self.key)
        self.problem(f"{what} is not supported by this version yet", NOT_YET[entry])
        return True

    def unknown(self, known: Iterable[str]) -> None:
        """Note that nothing knows the key here; `known` are the keys of its table."""
        table = ".".join(self.pattern[:-1])
        homes = [home for home in self.reading.homes.get(self.key, ()) if home != table]
        known = tuple(known)
        if homes and self.key not in known:
            self.problem("unknown key", f"it belongs under {' or '.join(f'[{home}]' for home in homes)}")
        else:
            self.problem("unknown key", suggestion(self.key, known))


def suggestion(word: str, known: Iterable[str], *, plural: str = "keys") -> str:
    """What to write instead of `word`: the nearest of `known`, else all of them."""
    known = tuple(known)
    close = nearest(word, known, 1)
    if close:
        return f"did you mean {as_toml(close[0])}?"
    return f"known {plural}: {', '.join(known)}" if known else ""
