"""Foreign keys of a database, for `syncd mapping new`: what leads to which table."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import inspect

from syncd.adapters.sources.sql_dialect import Dialect


class Relation(NamedTuple):
    """One foreign key: `columns` of `entity` hold the `target_columns` of `target`."""

    entity: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]


def relations(dialect: Dialect) -> list[Relation]:
    """The foreign keys of the tables that a mapping may name, by table; those of other schemas with a dot.

    Raises the driver's error.
    """
    inspector = inspect(dialect.engine)
    found = []
    for schema in (None, *dialect.schemas()):
        for (_, table), keys in sorted(inspector.get_multi_foreign_keys(schema=schema).items()):
            for key in keys:
                target = key["referred_schema"] or schema
                found.append(
                    Relation(
                        entity=_dotted(schema, table),
                        columns=tuple(key["constrained_columns"]),
                        target=_dotted(target, key["referred_table"]),
                        target_columns=tuple(key["referred_columns"]),
                    )
                )
    return found


def _dotted(schema: str | None, table: str) -> str:
    return table if schema is None else f"{schema}.{table}"


__all__ = ["Relation", "relations"]
