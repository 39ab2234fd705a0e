"""Printing: one JSON document or text on stdout, everything about the way there on stderr."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncd.ports.endpoint import ProgressReport

_WIDTH = 100
"""Columns of a table that no terminal shows, as far as what cannot be wrapped lets it."""
_NARROWEST = 28
"""Columns that a text keeps however many stand beside it: what is shorter (names, counts, times) never wraps."""
_LONGEST_WORD = 40
"""Columns up to which a word (an id) is kept in one piece."""
_GAP = 3
"""Columns between two cells."""
_UNBOUND = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where a command prints. With `json` only `document` reaches stdout; `quiet` leaves out what needs nobody."""

    json: bool
    quiet: bool

    def say(self, text: str) -> None:
        """Text that --quiet leaves out."""
        if not self.quiet:
            self.show(text)

    def show(self, text: str) -> None:
        """Text that was asked for, or that somebody has to act on."""
        if not self.json:
            _write(text + "\n")

    def document(self, document: object) -> None:
        """One JSON document, indented on a terminal."""
        from syncd.report.document import dump

        self.raw(dump(document, readable=sys.stdout.isatty()) + b"\n")

    def raw(self, data: bytes) -> None:
        """Bytes (UTF-8) as they are, whatever the terminal's encoding."""
        with _reader_may_leave():
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.flush()

    @contextmanager
    def progress(self) -> Iterator[ProgressReport | None]:
        """A progress bar on stderr while the block runs; None where stderr is no terminal, or nobody wants it."""
        if self.json or self.quiet or not sys.stderr.isatty():
            yield None
            return
        with _bar() as report:
            yield report

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]], *, styles: Mapping[str, str]) -> None:
        """A table on stdout; a terminal colours the cells that are keys of `styles`, and obeys none of them."""
        self.show(table_text(heads, rows, styles=styles, terminal=sys.stdout.isatty()))


@contextmanager
def _bar() -> Iterator[ProgressReport]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    tasks: dict[str, int] = {}
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:

        def report(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(progress.task_ids[tasks[what]], completed=done, total=total)

        yield report


def table_text(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, styles: Mapping[str, str], terminal: bool
) -> str:
    """A table as text: as wide as the terminal. Where there is none, long texts wrap, so that it is about 100 wide."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from syncd.report.text import printable

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    cells = [[Text(printable(cell), style=styles.get(cell, "")) for cell in row] for row in rows]
    columns = [[head, *(row[at].plain for row in cells)] for at, head in enumerate(heads)]
    for head, width in zip(heads, [None] * len(heads) if terminal else _widths(columns), strict=True):
        table.add_column(Text(head), overflow="fold", max_width=width)
    for row in cells:
        table.add_row(*row)
    width = shutil.get_terminal_size().columns if terminal else _UNBOUND
    buffer = io.StringIO()
    plain = not terminal or "NO_COLOR" in os.environ
    console = Console(file=buffer, width=width, no_color=plain, force_terminal=terminal, legacy_windows=False)
    console.print(table)
    return "\n".join(line.rstrip() for line in buffer.getvalue().rstrip("\n").split("\n"))


def _widths(columns: Sequence[Sequence[str]]) -> list[int]:
    """How wide each column becomes: those with long texts share the room that the short ones leave."""
    from rich.cells import cell_len

    widths = [max(cell_len(cell) for cell in cells) for cells in columns]
    left, room = len(columns), _WIDTH - _GAP * (len(columns) - 1)
    for at in sorted(range(len(columns)), key=lambda each: widths[each]):
        if widths[at] > _NARROWEST:
            word = max(cell_len(word) for cell in columns[at] for word in cell.split() or [""])
            widths[at] = min(widths[at], max(_NARROWEST, min(word, _LONGEST_WORD), room // left))
        left, room = left - 1, room - widths[at]
    return widths


def _write(text: str) -> None:
    with _reader_may_leave():
        sys.stdout.write(text)
        sys.stdout.flush()


@contextmanager
def _reader_may_leave() -> Iterator[None]:
    """Whoever reads our stdout may stop reading (`| head`): that ends the printing, not the work, and is no error."""
    try:
        yield
    except BrokenPipeError:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
