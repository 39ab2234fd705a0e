"""The file of a state store on SQLite: how it is made, looked at and copied, and who has it open.

A store is made under another name, filled, and only then given its own: a file under the store's name is always whole,
so an empty or a cut one is damage and never "a new store".
"""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
import struct
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from syncd.adapters.store.database import OtherProgramError
from syncd.adapters.store.faults import explained_file
from syncd.adapters.store.hints import DAMAGED_HINT
from syncd.errors import StateError

APPLICATION_ID = 0x73796E63
"""`sync` in SQLite's `application_id`: tells a state store from any other database."""

_HEADER = 100
_MAGIC = b"SQLite format 3\x00"
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510
_FLOCK = "hhqqi4x"
"""`struct flock` of Linux on 64 bits: type, whence, start, length, process."""


@dataclass(frozen=True, slots=True)
class StoreFile:
    """The file of a store, and how it is called in texts (as the settings write it)."""

    path: Path
    name: str

    @property
    def log(self) -> Path:
        """SQLite's write-ahead log beside the file."""
        return Path(f"{self.path}-wal")

    @property
    def parts(self) -> tuple[Path, Path, Path]:
        """The file, its log, and the log's index: all that belongs to the store."""
        return self.path, self.log, Path(f"{self.path}-shm")

    def has_log(self) -> bool:
        """Whether a log with anything in it is there."""
        return self.log.exists() and self.log.stat().st_size > 0


def identity(file: StoreFile) -> tuple[int, int] | None:
    """What tells the file from another one that lies in its place later; None where there is none."""
    try:
        held = file.path.stat()
    except FileNotFoundError:
        return None
    return held.st_dev, held.st_ino


def inspect(file: StoreFile) -> None:
    """Refuse what is no whole state store, before anything is opened for writing. Reads the file's header only.

    Raises `StateError` for a file that is empty, cut short, no SQLite database, or another program's.
    """
    with explained_file(file.name):
        size = file.path.stat().st_size
        with file.path.open("rb") as stream:
            header = stream.read(_HEADER)
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        what = "is empty" if size == 0 else "is no database, or its beginning is damaged"
        raise StateError(f"{file.name}: the file of the state store {what}", hint=DAMAGED_HINT)
    (raw_page,) = struct.unpack(">H", header[16:18])
    page = 65_536 if raw_page == 1 else raw_page
    changes, pages = struct.unpack(">II", header[24:32])
    (valid_for,) = struct.unpack(">I", header[92:96])
    # While a log is there the file may be shorter than its header says: a checkpoint was cut off, and is repeated.
    if changes == valid_for and not file.has_log() and size < page * pages:
        raise StateError(
            f"{file.name}: the file of the state store is cut short: {size} bytes of {page * pages}", hint=DAMAGED_HINT
        )
    (application,) = struct.unpack(">I", header[68:72])
    if application != APPLICATION_ID:
        raise OtherProgramError(
            f"{file.name}: this SQLite database is no state store of syncd",
            hint="name another file under [state] url in syncd.toml",
        )


def touch(path: Path) -> None:
    """Make an empty file that only its owner may read. SQLite gives its log and index the mode of the file."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def fold_log(draft: Path) -> None:
    """Bring what a draft's log still holds into its file, which alone gets the name.

    Closing does so, but says nothing where the disk is full, and leaves the log.
    """
    with closing(sqlite3.connect(draft)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def publish(draft: Path, path: Path) -> None:
    """Give a finished file its name; leave the one that is there by now."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError:
        # A file system without links. Nobody else makes this store in the same instant but another syncd, and
        # both drafts are empty stores.
        if not path.exists():
            draft.rename(path)
    _flush_folder(path.parent)


def _flush_folder(path: Path) -> None:
    """Names of files are on disk, too."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def copy(source: StoreFile, target: Path, *, replace: bool = False, proven: bool = False) -> None:
    """Copy a store, while it is in use, into the file `target` (mode 0600). The store itself is only read.

    `replace`: a file that is there goes, at once and only for a whole one. `proven`: a copy with damage is refused.
    Raises `StateError` when `target` exists and may not go, or when either file cannot be used.
    """
    if target.exists() and not replace:
        raise StateError(f"{target}: there is a file already", hint="name a file that is not there yet, or add --force")
    part = target.with_name(f"{target.name}.part-{secrets.token_hex(4)}")
    try:
        with explained_file(str(target)):
            touch(part)
        with explained_file(source.name):
            found = _transfer(source, part, proven=proven)
        if found != "ok":
            words = " ".join(str(found).split())
            raise StateError(f"{source.name}: the file is damaged ({words}); no copy was made", hint=DAMAGED_HINT)
        with explained_file(str(target)):
            if replace:
                part.replace(target)
                _flush_folder(target.parent)
            else:
                publish(part, target)
    finally:
        part.unlink(missing_ok=True)


def _transfer(source: StoreFile, part: Path, *, proven: bool) -> str:
    """Copy a store into the file `part`; what a check of the copy says ("ok": nothing is wrong).

    A store that nobody uses has no log, and is read as it lies there: any other connection would leave an empty log and
    its index behind. Where somebody begins to use it meanwhile, it is copied once more.
    """
    before = source.path.stat()
    if not source.log.exists():
        found = _back_up(_at_rest(source), part, proven=proven)
        now = source.path.stat()
        if not source.log.exists() and (before.st_mtime_ns, before.st_size) == (now.st_mtime_ns, now.st_size):
            return found
    return _back_up(read_only(source), part, proven=proven)


def _back_up(connection: sqlite3.Connection, part: Path, *, proven: bool) -> str:
    with closing(connection) as origin, closing(sqlite3.connect(part)) as destination:
        origin.backup(destination)
        destination.execute("PRAGMA journal_mode = DELETE")
        return str(destination.execute("PRAGMA quick_check(1)").fetchone()[0]) if proven else "ok"


def _at_rest(file: StoreFile) -> sqlite3.Connection:
    """A connection to a file that nobody writes to."""
    return sqlite3.connect(f"{file.path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)


def read_only(file: StoreFile) -> sqlite3.Connection:
    """A connection that cannot write. A log needs an index beside it; in a folder that cannot be written there is
    none, and without a log the file may be taken as it lies there."""
    place = file.path.absolute().as_uri()
    connection = sqlite3.connect(f"{place}?mode=ro", uri=True, check_same_thread=False)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        connection.close()
        if file.has_log():
            raise
        return _at_rest(file)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def move_aside(file: StoreFile, suffix: str) -> Path:
    """Rename a store, whole or damaged: `syncd.db.SUFFIX`, its log beside it. Nothing is ever written over.

    The file goes first: cut short between the two, the log stands there without a file, which nobody takes for a new
    store's. Raises `StateError` while another process has it open, which would go on writing to it.
    """
    user = _user_of(file.path)
    if user is not None:
        raise StateError(
            f"{file.name}: process {user} has the state store open",
            hint="stop the daemon, or wait for the run to end; then try again",
        )
    aside = file.path.with_name(f"{file.path.name}.{suffix}")
    with explained_file(file.name):
        for part in file.parts:
            target = Path(f"{aside}{str(part).removeprefix(str(file.path))}")
            if target.exists():
                raise StateError(f"{target}: there is a file already", hint="move it away, then try again")
            if part.exists():
                part.rename(target)
        _flush_folder(aside.parent)
    return aside


def _user_of(path: Path) -> int | None:
    """The number of another process that has a SQLite file open in WAL mode; None where none has.

    Each of its connections keeps a shared lock on the bytes that SQLite sets aside for that (SQLite's os.h,
    SHARED_FIRST) until it is closed. To be called while this process has no connection of its own to the file: closing
    it here would let go of all its locks (fcntl(2)).
    """
    if not path.exists():
        return None
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, _SHARED_FIRST, _SHARED_SIZE, 0)
    with explained_file(str(path)), path.open("rb") as stream:
        kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(stream, fcntl.F_GETLK, asked))
    return None if kind == fcntl.F_UNLCK else int(pid)
