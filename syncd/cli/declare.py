"""How commands are declared: global options on each of them, examples in each help.

A command's function takes the `Session` and its own options, and gives an exit code. Parsing a command line only binds
them (`Task`); `syncd.cli.main` runs the task, so that no library between stands in the way of its exceptions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, TypeAlias

import typer

from syncd.cli.session import Session
from syncd.errors import ExitCode

P = ParamSpec("P")
Task: TypeAlias = Callable[[], ExitCode]
"""A command with its arguments, ready to be run."""

_GLOBAL_OPTIONS: tuple[tuple[str, Any, Any], ...] = (
    (
        "config",
        Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Settings, instead of ./syncd.toml.")],
        None,
    ),
    ("json", Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")], False),
    ("quiet", Annotated[bool, typer.Option("--quiet", help="Print only what somebody has to act on.")], False),
    ("verbose", Annotated[bool, typer.Option("--verbose", help="Say more, with the traceback of a defect.")], False),
)


def new_typer() -> typer.Typer:
    """An empty group; without rich, which would double the time that help takes."""
    return typer.Typer(
        rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True
    )


def epilog(examples: Sequence[str]) -> str:
    """The examples at the end of a help; the mark keeps their lines apart."""
    return "\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples)


def command(
    group: typer.Typer, name: str, *, examples: Sequence[str]
) -> Callable[[Callable[Concatenate[Session, P], ExitCode]], Callable[Concatenate[Session, P], ExitCode]]:
    """Declare a function as a command of `group`, with the global options beside its own."""

    def declare(
        function: Callable[Concatenate[Session, P], ExitCode],
    ) -> Callable[Concatenate[Session, P], ExitCode]:
        def bind(ctx: typer.Context, **given: Any) -> Task:
            session = _session(ctx, given)
            return partial(_run, function, session, given)

        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        _sign(bind, own, inspect.getdoc(function) or "")
        group.command(name, epilog=epilog(examples))(bind)
        return function

    return declare


def group_default(
    group: typer.Typer,
    *,
    text: str,
    examples: Sequence[str],
    default: Callable[[Session], ExitCode] | None = None,
    own: Sequence[inspect.Parameter] = (),
) -> None:
    """Give a group its help and the global options; `default` is what it does without a command.

    `own` are options that act by their callbacks alone.
    """

    def bind(ctx: typer.Context, **given: Any) -> Task | None:
        session = _session(ctx, given)
        if default is None or ctx.invoked_subcommand is not None:
            return None
        return partial(default, session)

    _sign(bind, own, text)
    bare = default is not None
    group.callback(invoke_without_command=bare, no_args_is_help=not bare, epilog=epilog(examples))(bind)


def _run(function: Callable[..., ExitCode], session: Session, given: dict[str, Any]) -> ExitCode:
    return function(session, **given)


def _session(ctx: typer.Context, given: dict[str, Any]) -> Session:
    """The call's session, with the global options taken out of `given`."""
    session = ctx.obj
    if not isinstance(session, Session):
        raise TypeError("the command line is parsed without a session")
    session.add(**{name: given.pop(name) for name, _, _ in _GLOBAL_OPTIONS})
    return session


def _sign(bind: Callable[..., object], own: Sequence[inspect.Parameter], text: str) -> None:
    """Give `bind` the signature that typer reads: its own parameters, then the global options."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("ctx", keyword, annotation=typer.Context)]
    parameters += [each.replace(kind=keyword) for each in own]
    parameters += [
        inspect.Parameter(name, keyword, default=default, annotation=annotation)
        for name, annotation, default in _GLOBAL_OPTIONS
    ]
    bind.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    bind.__annotations__ = {each.name: each.annotation for each in parameters}
    bind.__doc__ = text
