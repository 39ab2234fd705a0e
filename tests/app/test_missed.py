"""Nothing silent: a value that the site takes without a word and does not keep is a failure with a name."""

from __future__ import annotations

import pytest

from syncd.errors import ExitCode, RefusedError
from syncd.ports.endpoint import Done, Failed


class Careless:
    """A site that does not keep `website`: no right at that field's permission level."""

    def __init__(self, endpoint):
        self._endpoint = endpoint
        self.puts = 0

    def __getattr__(self, name):
        return getattr(self._endpoint, name)

    def create(self, writes, operation):
        kept = [write._replace(values={k: v for k, v in write.values.items() if k != "website"}) for write in writes]
        return [
            Done(result.row, ("website",)) if "website" in write.values else result
            for write, result in zip(writes, self._endpoint.create(kept, operation), strict=True)
        ]

    def apply(self, writes):
        for index, write in enumerate(writes):
            if "website" in write.values:
                self.puts += 1
                yield index, Failed(RefusedError("website was not taken: permission level 1", code="NotTaken"))
            else:
                for _, result in self._endpoint.apply([write]):
                    yield index, result


@pytest.fixture
def careless(world):
    world.erpnext = Careless(world.erpnext)
    return world.erpnext


def test_a_field_that_a_creation_lost_fails_under_its_name(world, careless):
    world.source.insert(name="With", vat="V1", url="https://a.example.com")
    world.source.insert(name="Without", vat="V2", url=None)
    result = world.run()
    assert result.exit_code is ExitCode.ATTENTION
    assert len(world.pairs()) == 2
    (failure,) = world.failures()
    assert (failure.external_id, "website" in failure.error, failure.permanent) == ("1", True, True)


def test_it_is_not_sent_again_until_the_record_changes(world, careless):
    row = world.source.insert(name="With", vat="V1", url="https://a.example.com")
    world.run()
    sent = careless.puts
    world.run()
    assert careless.puts == sent
    world.source.edit(row, url="https://b.example.com")
    world.run()
    assert careless.puts == sent + 1
    world.source.edit(row, url=None)
    assert world.run().exit_code is ExitCode.OK
    assert world.failures() == []
