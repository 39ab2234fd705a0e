"""The one place that turns an exception into a text and an exit code."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from syncd import __version__
from syncd.errors import ConfigError, ExitCode, Problem, SyncdError

ERROR_SCHEMA = "syncd.error/1"
Redact = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a person, or a program, is told about an exception."""

    error: str
    hint: str
    exit_code: ExitCode
    problems: tuple[Problem, ...] = field(default=())
    traceback: str = ""
    """Only of defects; for --verbose."""

    @property
    def text(self) -> str:
        """For stderr."""
        text = self.error if self.problems or self.error.startswith("Usage:") else f"error: {self.error}"
        return f"{text}\n  → {self.hint}" if self.hint else text

    @property
    def document(self) -> dict[str, Any]:
        """For --json."""
        document: dict[str, Any] = {
            "schema": ERROR_SCHEMA,
            "error": self.error,
            "hint": self.hint,
            "exit_code": int(self.exit_code),
        }
        if self.problems:
            document["problems"] = [
                {
                    "file": problem.file,
                    "key": problem.key,
                    "message": problem.message,
                    "hint": problem.hint,
                    "warning": problem.warning,
                }
                for problem in self.problems
            ]
        return document


def explain(error: BaseException, redact: Redact | None) -> Explanation:
    """Any exception as text, hint and exit code. `redact` is None where the deployment's secrets are not known."""
    clean = redact or str
    if isinstance(error, ConfigError):
        return _configuration(error, clean)
    if isinstance(error, SyncdError):
        return Explanation(error=clean(error.message), hint=clean(error.hint), exit_code=error.exit_code)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return Explanation(
            error="interrupted",
            hint="what was done is recorded; the next run goes on from there",
            exit_code=ExitCode.INTERRUPTED,
        )
    if isinstance(error, typer.TyperException):
        return _usage(error)
    return _defect(error, redact)


def _configuration(error: ConfigError, clean: Redact) -> Explanation:
    problems = tuple(
        Problem(
            file=problem.file,
            key=problem.key,
            message=clean(problem.message),
            hint=clean(problem.hint),
            warning=problem.warning,
        )
        for problem in sorted(error.problems, key=lambda problem: problem.warning)
    )
    lines = [f"warning: {problem}" if problem.warning else str(problem) for problem in problems]
    wrong = sum(not problem.warning for problem in problems)
    hint = f"correct {'this' if wrong == 1 else f'these {wrong} problems'}, then try again" if wrong else ""
    return Explanation(error="\n".join(lines), hint=hint, exit_code=error.exit_code, problems=problems)


def _usage(error: typer.TyperException) -> Explanation:
    """What typer says of a wrong command line; a bare group answers with its help."""
    message = error.format_message()
    path = getattr(getattr(error, "ctx", None), "command_path", "syncd")
    hint = "" if message.startswith("Usage:") else f"`{path} --help` shows how"
    return Explanation(error=message, hint=hint, exit_code=ExitCode.USAGE)


def _defect(error: BaseException, redact: Redact | None) -> Explanation:
    """An error that nobody explained. While the secrets are not known, its message may hold one: it is left out."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    kind = type(error).__name__
    if redact is not None:
        message = redact(str(error))
        trace = redact("".join(traceback.format_exception(error)))
    else:
        message = ""
        trace = "".join(traceback.format_list(frames)) + kind
    said = f": {message}" if message else ""
    return Explanation(
        error=f"unexpected error{place}: {kind}{said}",
        hint=(
            f"this is a defect of syncd {__version__}: please report it with the command and what it prints with "
            "--verbose; what was done is recorded"
        ),
        exit_code=ExitCode.DEFECT,
        traceback=trace,
    )
