"""Bringing a database to this program's schema, with Alembic. Imported only when there is something to migrate."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

SCRIPTS = "syncd.adapters.store:migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    config.set_main_option("path_separator", "os")
    return config


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring the database behind `connection` to a revision, the newest by default, within the transaction it is in."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def steps(revision: str) -> list[tuple[str, str]]:
    """(revision, what it does) of every migration that a store of `revision` still lacks, in order."""
    newer = []
    for script in ScriptDirectory.from_config(_config()).walk_revisions():
        if script.revision == revision:
            break
        newer.append((script.revision, (script.doc or "").strip()))
    return newer[::-1]


def revisions() -> list[str]:
    """All revisions that this program knows, newest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]
