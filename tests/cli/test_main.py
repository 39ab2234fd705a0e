from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import typer

from syncd import __version__
from syncd.cli.main import _program, call
from syncd.errors import (
    AccessError,
    BusyError,
    ConfigError,
    ExitCode,
    HaltError,
    LeaseHeldError,
    Problem,
    RefusedError,
    StateError,
    SyncdError,
    UnreachableError,
    UsageError,
)
from tests.cli.conftest import Syncd
from tests.cli.fakes import SECRET, FakeApplication


def _commands(group: typer.Typer, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for command in group.registered_commands:
        yield (*path, str(command.name))
    for each in group.registered_groups:
        assert each.typer_instance is not None
        yield from _commands(each.typer_instance, (*path, str(each.name)))


COMMANDS = sorted(_commands(_program()))


def test_the_commands_of_this_version_are_there() -> None:
    assert {" ".join(path) for path in COMMANDS} == {
        "",
        "init",
        "check",
        "mapping",
        "mapping new",
        "provision",
        "plan",
        "reconcile",
        "run",
        "status",
        "report",
        "report list",
        "report show",
        "report open",
        "state",
        "state backup",
        "state verify",
        "state rebuild",
        "state upgrade",
        "state forget",
        "conflicts",
        "conflicts list",
        "conflicts show",
        "conflicts resolve",
        "conflicts export",
        "conflicts import",
        "conflicts revive",
        "failures",
        "failures list",
        "failures show",
        "failures retry",
        "failures ignore",
        "sandbox",
        "sandbox serve",
        "sandbox reset",
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example_and_the_global_options(path: tuple[str, ...], syncd: Syncd) -> None:
    called = syncd(*path, "--help")
    assert (called.code, called.err) == (0, "")
    help_text, _, examples = called.out.partition("Examples:")
    assert f"syncd {' '.join(path)}".strip() in examples
    for option in ("--config FILE", "--json", "--quiet", "--verbose", "--help"):
        assert option in help_text
    first = help_text.split("\n\n")[1].strip()
    assert first.endswith("."), first


def test_the_short_helps_are_not_cut(syncd: Syncd) -> None:
    assert "..." not in syncd("--help").out.partition("Commands:")[2]


def test_the_program_alone_shows_its_help_and_is_wrong_usage(syncd: Syncd) -> None:
    called = syncd()
    assert called.code == 2
    assert called.err.startswith("Usage: syncd")
    assert called.out == ""


def test_version(syncd: Syncd) -> None:
    assert syncd("--version").out == f"syncd {__version__}\n"
    assert syncd("--json", "--version").json == {"schema": "syncd.version/1", "version": __version__}


@pytest.mark.parametrize(
    ("what", "arguments"),
    [
        ("before the command", ("--config", "a.toml", "--quiet", "--verbose", "status")),
        ("after the command", ("status", "--config", "a.toml", "--quiet", "--verbose")),
        ("between group and command", ("report", "--config", "a.toml", "--quiet", "list", "--verbose")),
        ("the later file wins", ("--config", "b.toml", "status", "--config", "a.toml", "--quiet", "--verbose")),
    ],
)
def test_global_options_stand_anywhere(
    what: str, arguments: tuple[str, ...], syncd: Syncd, application: FakeApplication
) -> None:
    assert syncd(*arguments).code == 0
    assert application.opened == {"config": Path("a.toml"), "verbose": True, "quiet": True}, what
    assert application.closed == 1


def test_json_quietens_the_application_too(syncd: Syncd, application: FakeApplication) -> None:
    syncd("--json", "status")
    assert application.opened["quiet"] is True


ERRORS = [
    (
        "a wrong name",
        UsageError("no mapping 'custmer'", hint="did you mean customer?"),
        2,
        "error: no mapping 'custmer'",
    ),
    ("a damaged store", StateError("state/syncd.db is damaged"), 2, "error: state/syncd.db is damaged"),
    ("a guard", HaltError("max_deletes", "400 of 500 would go", hint="look"), 4, "error: 400 of 500 would go"),
    ("no answer", UnreachableError("https://erp did not answer"), 5, "error: https://erp did not answer"),
    ("a wrong secret", AccessError("refused the key"), 5, "error: refused the key"),
    ("another run", LeaseHeldError("held by process 12"), 6, "error: held by process 12"),
    ("a refused record", RefusedError("too long"), 3, "error: too long"),
    ("a busy place", BusyError("locked"), 3, "error: locked"),
    ("an explained defect", SyncdError("cannot be"), 1, "error: cannot be"),
    ("Ctrl+C", KeyboardInterrupt(), 130, "error: interrupted"),
    ("a prompt that was left", typer.Abort(), 130, "error: interrupted"),
    ("a defect", KeyError("x"), 1, "error: unexpected error at fakes.py:"),
]


@pytest.mark.parametrize(("what", "error", "code", "text"), ERRORS, ids=[row[0] for row in ERRORS])
def test_errors_become_text_and_exit_code(
    what: str, error: BaseException, code: int, text: str, syncd: Syncd, application: FakeApplication
) -> None:
    application.error = error
    called = syncd("status")
    assert called.code == code
    assert called.err.startswith(text)
    assert called.out == ""
    assert "Traceback" not in called.err
    if hint := getattr(error, "hint", ""):
        assert f"\n  → {hint}\n" in called.err
    assert application.closed == 1


@pytest.mark.parametrize(("what", "error", "code", "text"), ERRORS, ids=[row[0] for row in ERRORS])
def test_errors_are_json_documents_with_json(
    what: str, error: BaseException, code: int, text: str, syncd: Syncd, application: FakeApplication
) -> None:
    application.error = error
    called = syncd("status", "--json")
    assert called.code == code
    assert called.err == ""
    document = called.json
    assert document["schema"] == "syncd.error/1"
    assert document["exit_code"] == code
    assert f"error: {document['error']}".startswith(text)
    assert list(document) == ["schema", "error", "hint", "exit_code"]


def test_a_defect_asks_for_a_report_and_shows_its_traceback_with_verbose_only(
    syncd: Syncd, application: FakeApplication
) -> None:
    application.error = ValueError(f"cannot parse {SECRET}")
    called = syncd("status")
    assert "ValueError: cannot parse ***" in called.err
    assert "this is a defect" in called.err
    assert __version__ in called.err
    verbose = syncd("status", "--verbose")
    assert "Traceback (most recent call last)" in verbose.err
    assert SECRET not in called.err + verbose.err


def test_a_defect_before_the_secrets_are_known_keeps_its_message_to_itself(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    def opener(config: Path | None, *, verbose: bool, quiet: bool, offline: bool) -> FakeApplication:
        raise ValueError(f"wrong url https://u:{SECRET}@host")

    assert call(["status", "--verbose"], opener=opener) == 1
    err = capfdbinary.readouterr().err.decode()
    assert "unexpected error at test_main.py" in err
    assert "in opener" in err
    assert SECRET not in err


def test_secrets_are_taken_out_of_explained_errors(syncd: Syncd, application: FakeApplication) -> None:
    application.error = UnreachableError(f"no answer with {SECRET}", hint=f"check {SECRET}")
    assert "no answer with ***\n  → check ***" in syncd("status").err


def test_every_problem_of_the_files_is_told(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    def opener(config: Path | None, *, verbose: bool, quiet: bool, offline: bool) -> FakeApplication:
        raise ConfigError(
            [
                Problem(file="syncd.toml", key="log.level", message="a literal", warning=True),
                Problem(file="syncd.toml", key="sites.main.ulr", message="unknown key", hint="did you mean url?"),
                Problem(file="mappings/a.toml", key="", message="line 3: not TOML"),
            ]
        )

    assert call(["check"], opener=opener) == 2
    lines = capfdbinary.readouterr().err.decode().splitlines()
    assert lines == [
        "syncd.toml: sites.main.ulr: unknown key (did you mean url?)",
        "mappings/a.toml: line 3: not TOML",
        "warning: syncd.toml: log.level: a literal",
        "  → correct these 2 problems, then try again",
    ]
    assert call(["check", "--json"], opener=opener) == 2
    problems = orjson.loads(capfdbinary.readouterr().out)["problems"]
    assert [(problem["key"], problem["warning"]) for problem in problems] == [
        ("sites.main.ulr", False),
        ("", False),
        ("log.level", True),
    ]


@pytest.mark.parametrize(
    ("what", "arguments", "words"),
    [
        ("an unknown option", ("reconcile", "--ful"), ("--ful", "--full", "`syncd reconcile --help` shows how")),
        ("an unknown command", ("recncile",), ("recncile", "reconcile", "`syncd --help` shows how")),
        ("a missing argument", ("conflicts", "show"), ("ID", "`syncd conflicts show --help` shows how")),
        ("not a number", ("conflicts", "show", "x"), ("'ID'", "integer")),
        ("an unknown choice", ("conflicts", "resolve", "1", "--take", "both"), ("--take", "erpnext", "source")),
        ("a port that is none", ("sandbox", "serve", "--port", "70000"), ("--port", "65535")),
        ("a wait that is no time", ("reconcile", "--wait", "soon"), ("--wait soon", "30s")),
    ],
)
def test_wrong_usage_is_exit_2(what: str, arguments: tuple[str, ...], words: tuple[str, ...], syncd: Syncd) -> None:
    called = syncd(*arguments)
    assert called.code == 2
    for word in words:
        assert word in called.err, what
    document = syncd(*arguments, "--json")
    assert (document.code, document.json["exit_code"], document.err) == (2, 2, "")


def test_what_a_site_says_cannot_command_the_terminal(syncd: Syncd, application: FakeApplication) -> None:
    application.error = RefusedError("no \x1b]0;title\x07\x1b[2J", hint="try \u202e")
    called = syncd("status")
    assert "\x1b" not in called.err
    assert "\u202e" not in called.err


def test_the_command_line_imports_nothing_heavy() -> None:
    heavy = (
        "httpx",
        "sqlalchemy",
        "sqlmodel",
        "pydantic",
        "rich",
        "alembic",
        "starlette",
        "jinja2",
        "deepdiff",
    )
    code = f"import sys, syncd.cli.main; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_of_the_program_imports_nothing_heavy() -> None:
    code = (
        "import sys; from syncd.cli.main import call; code = call(['--help']); "
        "heavy = ('rich', 'httpx', 'sqlalchemy', 'pydantic', 'syncd.core'); "
        "sys.exit(code or sum(name in sys.modules for name in heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_package_runs_as_a_program(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "syncd", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    version = run("--version")
    assert (version.returncode, version.stdout, version.stderr) == (0, f"syncd {__version__}\n", "")
    refused = run("status")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "syncd.toml" in refused.stderr, "its exit code is the command's"


@pytest.mark.parametrize("arguments", [["--json", "--version"], ["--help"]])
def test_a_reader_that_leaves_is_no_error(arguments: list[str]) -> None:
    code = f"from syncd.cli.main import call; import sys; sys.exit(call({arguments!r}))"
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(write)
    assert "Traceback" not in done.stderr
    assert "unexpected error" not in done.stderr


def test_the_service_unit_notifies_and_never_restarts_a_wrong_configuration() -> None:
    unit = (Path(__file__).parents[2] / "deploy" / "syncd.service").read_text("utf-8")
    for line in (
        "Type=notify",
        "Restart=on-failure",
        f"RestartPreventExitStatus={ExitCode.USAGE.value}",
        "StateDirectory=syncd",
    ):
        assert f"\n{line}\n" in unit
    assert "LoadCredential=" in unit
    assert "TimeoutStopSec=" in unit
