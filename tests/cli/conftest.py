from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from syncd.cli.main import call
from tests.cli.fakes import FakeApplication


@dataclass(frozen=True)
class Called:
    """What one command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout; anything beside it fails."""
        return orjson.loads(self.out)


Syncd = Callable[..., Called]


@pytest.fixture
def application() -> FakeApplication:
    return FakeApplication()


@pytest.fixture
def syncd(application: FakeApplication, capfdbinary: pytest.CaptureFixture[bytes]) -> Syncd:
    """Calls the program with a fake application behind it."""

    def opener(config: Path | None, *, verbose: bool, quiet: bool, offline: bool) -> FakeApplication:
        application.opened = {"config": config, "verbose": verbose, "quiet": quiet}
        return application

    def syncd(*arguments: str) -> Called:
        code = call(arguments, opener=opener)
        out, err = capfdbinary.readouterr()
        return Called(code, out.decode(), err.decode())

    return syncd
