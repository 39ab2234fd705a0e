"""Fixtures of the sentences: a site that was provisioned once, copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sentences.place import Place
from tests.sentences.place import place as made_place
from tests.sentences.site_fields import TYPED


@pytest.fixture(scope="session")
def provisioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site's file with what `syncd provision --apply` makes, and a custom field of each type on Customer."""
    folder = tmp_path_factory.mktemp("sentences")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SITE_KEY", "full")
        with made_place(folder) as made:
            for values in TYPED:
                made.desk.act("create", "Custom Field", dt="Customer", **values)
            made.map_orders()
            made.provision(user="limited@example.com")
            made.provision()
    kept = folder / "provisioned.db"
    shutil.move(folder / "site.db", kept)
    return kept


@pytest.fixture
def site(tmp_path: Path, provisioned: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A deployment whose shop is empty beside a site without customers; syncd is the user with every role."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SITE_KEY", "full")
    with made_place(tmp_path, provisioned) as made:
        yield made
