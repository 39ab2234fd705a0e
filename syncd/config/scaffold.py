"""`syncd init`: lays out the folder of a new deployment, with comments in the files."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from syncd.config import schema
from syncd.errors import UsageError

FILES = {
    "syncd.toml": "templates/syncd.toml",
    "mappings/customer.toml": "templates/customer.toml",
    "state/.gitignore": "templates/state.gitignore",
    f"{schema.FOLDER}/syncd.schema.json": "schemas/syncd.schema.json",
    f"{schema.FOLDER}/mapping.schema.json": "schemas/mapping.schema.json",
}
"""Path in the deployment → the file of the package that is written there."""

_PACKAGE = resources.files("syncd.config")


def init(directory: Path) -> list[Path]:
    """Write a new deployment into `directory`, which is made where it is missing; gives the paths of its files.

    The files load as they are: the site is the embedded stand-in, and the mapping waits with `enabled = false`. Raises
    `UsageError`, with nothing written, when one of the files is there already, or the folder cannot be written to.
    """
    targets = {directory / path: template for path, template in FILES.items()}
    there = [str(path) for path in targets if path.exists() or path.is_symlink()]
    if there:
        raise UsageError(
            f"there already: {', '.join(there)}; nothing was written",
            hint="name another folder: syncd init DIR; or edit what is there and run `syncd check`",
        )
    written: list[Path] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not (directory / "state").exists():
            (directory / "state").mkdir(mode=0o700)
        for path, template in targets.items():
            path.parent.mkdir(exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write((_PACKAGE / template).read_text(encoding="utf-8"))
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise UsageError(
            f"{error.filename or directory} cannot be written: {error.strerror}",
            hint="name a folder that you may write to: syncd init DIR",
        ) from error
    return written


def write_new(path: Path, text: str, *, make_folder: bool = False) -> None:
    """Write a file that is not there yet. Raises `UsageError`, with nothing written, where it is or cannot be."""
    try:
        if make_folder:
            path.parent.mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(
            f"{path} is there already; nothing was written", hint="name another file: --output FILE"
        ) from error
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}", hint="name a file in a folder that you may write to"
        ) from error
