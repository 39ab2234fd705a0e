"""Files of reports: written whole or not at all, read by nobody else, dropped when they are old."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from syncd.errors import StateError
from syncd.report.model import RUN_SCHEMA

JSON_MARK = f'{{"schema":"{RUN_SCHEMA}"'.encode()
"""How every RUN.json begins."""
HTML_MARK = f"<!doctype html><!-- {RUN_SCHEMA} -->".encode()
"""How every RUN.html begins."""
_TEMPORARY = ".syncd-report-"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def atomic(path: Path) -> Iterator[BinaryIO]:
    """A new file under a temporary name that takes its place when the block ends well; mode 0600.

    The directory is made where it is missing. Raises `StateError` when the disk is full or the place not writable; the
    half-written file is removed.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb", buffering=1 << 18) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> StateError:
    cause = error.strerror or str(error)
    if error.errno in _FULL:
        hint = (
            "free space there, or name another place as `directory` under [reports] in syncd.toml; "
            "the run itself is in the state store: nothing it did is lost"
        )
        return StateError(f"the report {path} could not be written: the disk is full ({cause})", hint=hint)
    hint = "make the directory writable for this user, or name another as `directory` under [reports] in syncd.toml"
    return StateError(f"the report {path} could not be written: {cause}", hint=hint)


def prune_reports(directory: Path, keep_seconds: float, now: datetime) -> int:
    """Remove reports last written more than `keep_seconds` before `now` (aware); returns how many files went.

    Only files that begin as reports do are touched: the directory may hold a person's own files. Raises `StateError`
    when an old report cannot be removed.
    """
    oldest = now.timestamp() - keep_seconds
    removed = 0
    try:
        for path in sorted(directory.glob("*")) if directory.is_dir() else ():
            if path.is_file() and not path.is_symlink() and path.stat().st_mtime < oldest and _is_ours(path):
                path.unlink(missing_ok=True)
                removed += 1
    except OSError as error:
        hint = "make the directory and its files writable for this user"
        raise StateError(f"old reports in {directory} could not be removed: {error.strerror}", hint=hint) from error
    return removed


def _is_ours(path: Path) -> bool:
    if path.name.startswith(_TEMPORARY):
        return True
    if path.suffix not in {".json", ".html"}:
        return False
    with path.open("rb") as stream:
        beginning = stream.read(max(len(JSON_MARK), len(HTML_MARK)))
    return beginning.startswith((JSON_MARK, HTML_MARK))
