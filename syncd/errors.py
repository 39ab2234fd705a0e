"""One tree of errors.

    SyncdError
    ├── UsageError            exit 2   wrong usage
    │   └── ConfigError       exit 2   problems in files, all at once
    ├── StateError            exit 2   the state store cannot be used (damaged, newer, full, read-only)
    ├── HaltError             exit 4   a guard stopped the mapping before damage
    ├── UnreachableError      exit 5   a site or source did not answer usably, after the retries
    │   └── AccessError       exit 5   it refused the credentials, or a right is missing for the whole mapping
    ├── LeaseHeldError        exit 6   another run holds the mapping
    ├── InterruptedRunError   exit 130 asked to stop; what was done is recorded
    └── RecordError           (exit 3 by way of the run's result) concerns records, never the whole run
        ├── RefusedError      permanent: the other side refuses this content
        │   ├── NotAllowedError   a right is missing for all records of the kind: nothing more of it is sent
        │   │   └── SubmitNotAllowedError  the one to submit: drafts may still be made
        │   └── LostLinkError     a record that it links to is not there
        ├── HeldError         permanent: only a person can decide what is to become of it; the record is held
        ├── StaleError        the record moved since it was read: observe it again
        ├── GoneError         the record is not there any more
        ├── BusyError         transient: deadlock, lock, overload; nothing was done
        └── UnknownOutcomeError   sent, but no usable answer: done or not, nobody knows yet

Adapters translate foreign exceptions into this tree; one place (the CLI) prints. Anything else that escapes is a
defect: exit 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum


class ExitCode(IntEnum):
    """The exit codes of the contract ("Commands")."""

    OK = 0
    DEFECT = 1
    USAGE = 2
    ATTENTION = 3
    HALTED = 4
    UNREACHABLE = 5
    LEASE_HELD = 6
    CHANGES = 10
    INTERRUPTED = 130


class Kind(Enum):
    """How an error may be met again: what a retry policy needs to know."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    STALE = "stale"
    UNKNOWN = "unknown"
    HALT = "halt"
    USAGE = "usage"


class SyncdError(Exception):
    """Base of all errors that syncd explains: a cause in plain words and a next step.

    `message` says what and why; `hint` what to do next. Neither ever holds a secret.
    """

    kind: Kind = Kind.PERMANENT
    exit_code: ExitCode = ExitCode.DEFECT

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.hint}" if self.hint else self.message


class UsageError(SyncdError):
    """The command or its arguments are wrong."""

    kind = Kind.USAGE
    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in one file: `key` is dotted (`fields.tax_id.convert`), `file` as the user knows it."""

    file: str
    key: str
    message: str
    hint: str = ""
    warning: bool = False

    def __str__(self) -> str:
        text = f"{self.file}: {self.key}: {self.message}" if self.key else f"{self.file}: {self.message}"
        return f"{text} ({self.hint})" if self.hint else text


class ConfigError(UsageError):
    """Every problem of every file, at once."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class StateError(SyncdError):
    """The state store cannot be used as it is: damaged, of a newer version, on a full or read-only disk."""

    exit_code = ExitCode.USAGE


class HaltError(SyncdError):
    """A guard halted the mapping; nothing past it was written. `guard` is its name in the documentation."""

    kind = Kind.HALT
    exit_code = ExitCode.HALTED

    def __init__(self, guard: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.guard = guard


class UnreachableError(SyncdError):
    """A site or a source gave no usable answer, retries included."""

    kind = Kind.TRANSIENT
    exit_code = ExitCode.UNREACHABLE


class AccessError(UnreachableError):
    """The credentials are refused, or a right that the whole mapping needs is missing."""

    kind = Kind.PERMANENT


class LeaseHeldError(SyncdError):
    """Another run holds the mapping."""

    kind = Kind.TRANSIENT
    exit_code = ExitCode.LEASE_HELD


class InterruptedRunError(SyncdError):
    """The run was asked to stop: what was in flight was finished and is recorded."""

    kind = Kind.TRANSIENT
    exit_code = ExitCode.INTERRUPTED


class RecordError(SyncdError):
    """Concerns the records of one write; never stops the others. `request_id` is the site's, where it gives one."""

    exit_code = ExitCode.ATTENTION

    def __init__(self, message: str, *, hint: str = "", code: str = "", request_id: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.request_id = request_id


class RefusedError(RecordError):
    """The other side refuses this content and will go on doing so. `code` is its own name for it."""


class NotAllowedError(RefusedError):
    """A right is missing that every write of this kind needs, whatever its content: no part of a batch would fare
    better, and nothing more of it is sent in this run."""


class SubmitNotAllowedError(NotAllowedError):
    """It is the right to submit: the documents may be made as drafts."""


class LostLinkError(RefusedError):
    """A record that the content links to is not there: it was never made, or it was renamed or deleted meanwhile."""


class HeldError(RecordError):
    """Nothing was done, or only as much as the text says, and a person has to decide: the record is held."""


class StaleError(RecordError):
    """The record is not as it was read: the write did nothing."""

    kind = Kind.STALE


class GoneError(RecordError):
    """The record is not there any more."""

    kind = Kind.STALE


class BusyError(RecordError):
    """Not now (deadlock, lock, overload, rate limit): nothing was done, the same write may be sent again."""

    kind = Kind.TRANSIENT


class UnknownOutcomeError(RecordError):
    """Sent without a usable answer: it may or may not have been done. Only looking tells."""

    kind = Kind.UNKNOWN
