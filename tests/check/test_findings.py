"""Everything that `syncd check` finds in a mapping, each with its exact text, on a sandbox site and a SQLite shop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest

from syncd.app.results import Severity
from tests.check.conftest import Place, key_of


class Case(NamedTuple):
    """One mistake: the mapping, what is put in place of what, and the finding that it gets."""

    what: str
    mapping: str
    edits: Sequence[tuple[str, str]]
    severity: str
    key: str
    message: str
    hint: str
    sql: str = ""


CASES = [
]
