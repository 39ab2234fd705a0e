from __future__ import annotations

import pytest

from tests.app.documents import Documents, orders
from tests.app.harness import World
from tests.app.trade import Trade


@pytest.fixture
def make_world(tmp_path):
    """Makes worlds, each in a folder of its own."""
    made: list[World] = []

    def make(mapping=None, **given) -> World:
        folder = tmp_path / f"world-{len(made)}"
        folder.mkdir()
        made.append(World(folder, mapping, **given))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(make_world) -> World:
    return make_world()


@pytest.fixture
def make_documents(tmp_path):
    """Makes worlds of orders; what belongs into `[lifecycle]` or the mapping may be given by name."""
    made: list[Documents] = []

    def make(mapping=None, *, sides=None, **changes) -> Documents:
        folder = tmp_path / f"documents-{len(made)}"
        folder.mkdir()
        made.append(Documents(folder, mapping or orders(**changes), **(sides or {})))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def make_trade(tmp_path):
    """Makes worlds of several mappings, each in a folder of its own."""
    made: list[Trade] = []

    def make(*specs, **given) -> Trade:
        folder = tmp_path / f"trade-{len(made)}"
        folder.mkdir()
        made.append(Trade(folder, specs, **given))
        return made[-1]

    yield make
    for world in made:
        world.close()
