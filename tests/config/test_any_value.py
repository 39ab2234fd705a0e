"""Whatever stands at a key, the files load or are refused with problems: never with another exception."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from syncd.config import load
from syncd.errors import ConfigError, Problem
from tests.config.cases import CUSTOMER, ENVIRONMENT, TOP, lay_out
from tests.config.test_contract_examples import CONTRACT_CREATE, CONTRACT_MAPPING, CONTRACT_SETTINGS

ODD: tuple[Any, ...] = (
    *(
        "",
        " ",
        "x",
        "\n",
        "${env:GONE}",
        "${file:a\0b}",
        "${file:~nobody/x}",
        "~nobody/x",
        "${",
        "://",
        "https://[",
        "sqlite://",
        "1m",
        "ä" * 300,
        "a\0b",
        "../..",
        "%",
    ),
    *(0, -1, 2**70, 1.5, float("nan"), float("inf"), True, False),
    *(tomllib.loads("a = 2026-01-31")["a"], tomllib.loads("a = 10:00:00")["a"]),
    *([], [1], [""], [[]], [["a"]], [["a", "=", 1]], [["a", "=", [[]]]], [["a", "in", [{}]]], ["a", "=", "b"]),
    *({}, {"a": 1}, {"a": {}}, {"source": 1}, {"": ""}),
)


def spots(table: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of a file, tables and their contents."""
    for name, value in table.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from spots(value, (*path, name))


PAYMENT = "mappings/payment.toml"
CONTENTS = {TOP: CONTRACT_SETTINGS, CUSTOMER: CONTRACT_MAPPING, PAYMENT: CONTRACT_CREATE}
SPOTS = [(name, path) for name, content in CONTENTS.items() for path in spots(tomllib.loads(content))]


def refused(directory: Path, environment: dict[str, str], *, offline: bool) -> list[Problem] | None:
    """The problems of the deployment; None when it is in order."""
    try:
        load(directory, environment=environment, offline=offline)
    except ConfigError as error:
        return error.problems
    return None


@pytest.mark.parametrize(("name", "path"), SPOTS, ids=[".".join(path) for _, path in SPOTS])
def test_any_value_at_any_key(name: str, path: tuple[str, ...], tmp_path: Path) -> None:
    environment = {**ENVIRONMENT, "SHOP_DATABASE_URL": "sqlite:///shop.db"}
    for value in ODD:
        document = tomllib.loads(CONTENTS[name])
        table = document
        for part in path[:-1]:
            table = table[part]
        table[path[-1]] = value
        lay_out(tmp_path, {**CONTENTS, name: tomli_w.dumps(document)})
        for offline in {False, name == TOP}:
            problems = refused(tmp_path, environment, offline=offline)
            assert problems is None or (problems and all(problem.message for problem in problems)), repr(value)
