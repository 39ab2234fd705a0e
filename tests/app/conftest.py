from __future__ import annotations

import pytest

from tests.app.harness import World


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
