"""Who decides when both sides changed a field: every policy, for a mapping and for a field, and what `newest` means."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from syncd.adapters.sources.memory import MemoryOptions
from syncd.core.mapping import compile_mapping
from syncd.core.model import Direction, Wins
from syncd.errors import ExitCode
from tests.app.harness import FIELDS, NAME, World, spec

HELD = ("Erp", "Shop")
BY_ERPNEXT = ("Erp", "Erp")
BY_SOURCE = ("Shop", "Shop")
EARLY, LATE = "2026-02-01 10:00:00.000000", "2026-02-01 10:00:01.000000"


def wins_of(mapping: Wins, name: Wins | None = None):
    """A mapping as its file is read: fields take the mapping's policy over, unless they have their own."""
    fields = [replace(entry, wins=mapping) for entry in FIELDS]
    if name is not None:
        fields[0] = replace(fields[0], wins=name)
    return spec(wins=mapping, fields=tuple(fields))


def clash(world: World, erpnext: str = EARLY, source: str = LATE) -> tuple[str, str]:
    """Both sides change the name; gives (document, row)."""
    [(document, row), *_] = world.agreed(2)
    world.erpnext.edit(document, customer_name="Erp", stamp=erpnext)
    world.source.edit(row, name="Shop", stamp=source)
    return document, row


def outcome(world: World, document: str, row: str) -> tuple[str, str]:
    return world.customer(document)[0], world.shopper(row)[0]


@pytest.mark.parametrize(
    ("what", "mapping", "field", "names"),
    [
        ("manual", Wins.MANUAL, None, HELD),
        ("erpnext", Wins.ERPNEXT, None, BY_ERPNEXT),
        ("source", Wins.SOURCE, None, BY_SOURCE),
        ("newest: the source's is the later one", Wins.NEWEST, None, BY_SOURCE),
        ("a field overrides manual", Wins.MANUAL, Wins.ERPNEXT, BY_ERPNEXT),
        ("a field overrides erpnext", Wins.ERPNEXT, Wins.SOURCE, BY_SOURCE),
        ("a field overrides source", Wins.SOURCE, Wins.NEWEST, BY_SOURCE),
        ("a field asks for a person though the mapping does not", Wins.ERPNEXT, Wins.MANUAL, HELD),
    ],
)
def test_the_policy_of_the_field_then_of_the_mapping_decides(make_world, what, mapping, field, names):
    world = make_world(wins_of(mapping, field))
    document, row = clash(world)
    counts = world.counts()
    assert outcome(world, document, row) == names, what
    assert (counts.held, counts.conflicts) == ((1, 1) if names == HELD else (0, 0)), what
    after = world.quiet()
    assert after.exit_code is (ExitCode.ATTENTION if names == HELD else ExitCode.OK), what


@pytest.mark.parametrize("wins", list(Wins))
@pytest.mark.parametrize("equal", ["both edited to the same", "only one side edited"])
def test_no_policy_is_asked_where_nothing_is_contested(make_world, wins, equal):
    world = make_world(wins_of(wins))
    [(document, row)] = world.agreed()
    world.erpnext.edit(document, customer_name="New")
    if equal == "both edited to the same":
        world.source.edit(row, name="New")
    assert world.counts().held == 0
    assert outcome(world, document, row) == ("New", "New")


def test_one_manual_field_holds_what_policies_decide_beside_it(make_world):
    world = make_world(wins_of(Wins.ERPNEXT, Wins.MANUAL))
    document, row = clash(world)
    world.erpnext.edit(document, tax_id="ERP")
    world.source.edit(row, vat="SHOP")
    assert world.counts().held == 1
    assert (world.customer(document)[1], world.shopper(row)[1]) == ("ERP", "SHOP"), "the whole record waits"
    [conflict] = world.conflicts()
    assert [field["field"] for field in orjson.loads(conflict.fields)] == ["customer_name"]
    world.store.resolve([(conflict, b'{"take":"source"}')])
    world.counts()
    assert world.customer(document)[:2] == world.shopper(row)[:2] == ("Shop", "ERP")


class ZonedWorld(World):
    """A site with stamps in its own zone."""

    zone = "Europe/Berlin"

    def bound(self, name: str = NAME, run: str = ""):
        bound = super().bound(name, run)
        compiled = compile_mapping(
            replace(self.spec, name=name), self.erpnext.fields, self.source.fields, erpnext_zone=self.zone
        )
        return replace(bound, mapping=compiled)


ZONES = [
    ("the same wall time: west is later", "Europe/Berlin", "UTC", EARLY, EARLY, BY_SOURCE),
    (
        "an earlier wall time in the west is later",
        "Asia/Kolkata",
        "UTC",
        "2026-02-01 10:00:00",
        "2026-02-01 05:00:00",
        BY_SOURCE,
    ),
    (
        "an offset of five hours and a half counts whole",
        "Asia/Kolkata",
        "UTC",
        "2026-02-01 10:00:00",
        "2026-02-01 04:00:00",
        BY_ERPNEXT,
    ),
    (
        "east of the source",
        "America/New_York",
        "Europe/Berlin",
        "2026-02-01 04:00:01",
        "2026-02-01 10:00:00",
        BY_ERPNEXT,
    ),
    (
        "a stamp with an offset needs no zone",
        "Europe/Berlin",
        "Asia/Tokyo",
        EARLY,
        "2026-02-01T09:00:01+00:00",
        BY_SOURCE,
    ),
    (
        "one moment under two wall times is a tie",
        "Europe/Berlin",
        "UTC",
        "2026-02-01 10:00:00",
        "2026-02-01 09:00:00",
        HELD,
    ),
    (
        "one moment, with an offset, is a tie",
        "Europe/Berlin",
        "UTC",
        "2026-02-01 10:00:00",
        "2026-02-01T10:00:00+01:00",
        HELD,
    ),
    ("a microsecond tells them apart", "UTC", "UTC", "2026-02-01 10:00:00.000001", "2026-02-01 10:00:00", BY_ERPNEXT),
    ("in the hour that occurs twice", "Europe/Berlin", "UTC", "2026-10-25 02:30:00", "2026-10-25 12:00:00", HELD),
    (
        "in the source's hour that occurs twice",
        "UTC",
        "America/New_York",
        "2026-11-01 12:00:00",
        "2026-11-01 01:30:00",
        HELD,
    ),
    ("just before that hour", "Europe/Berlin", "UTC", "2026-10-25 01:59:59", "2026-10-25 12:00:00", BY_SOURCE),
    ("just after that hour", "Europe/Berlin", "UTC", "2026-10-25 03:00:00", "2026-10-25 01:00:00", BY_ERPNEXT),
    (
        "in that hour with an offset: it is told",
        "UTC",
        "America/New_York",
        "2026-11-01 12:00:00",
        "2026-11-01T01:30:00-04:00",
        BY_ERPNEXT,
    ),
]


@pytest.mark.parametrize(("what", "erpnext_zone", "source_zone", "erpnext", "source", "names"), ZONES)
def test_newest_compares_aware_times(tmp_path, what, erpnext_zone, source_zone, erpnext, source, names):
    world = ZonedWorld(tmp_path, replace(wins_of(Wins.NEWEST), timezone=source_zone))
    world.zone = erpnext_zone
    try:
        document, row = clash(world)
        world.erpnext.change(document, stamp=erpnext)
        world.source.change(row, stamp=source)
        counts = world.counts(full=True)
        assert outcome(world, document, row) == names, what
        assert counts.held == (1 if names == HELD else 0), what
    finally:
        world.close()


@pytest.mark.parametrize(
    ("what", "erpnext", "source", "reason"),
    [
        ("a tie", LATE, LATE, "both stamps are equal"),
        ("the source has no stamps", LATE, None, "the source gives no stamp for this record"),
        ("the hour that occurs twice", "2026-10-25 02:30:00", LATE, "the hour that is repeated"),
    ],
)
def test_newest_says_why_it_cannot_tell(tmp_path, what, erpnext, source, reason):
    options = MemoryOptions(stamped=source is not None)
    world = ZonedWorld(tmp_path, wins_of(Wins.NEWEST), source=options)
    try:
        document, row = clash(world)
        world.erpnext.change(document, stamp=erpnext)
        if source is not None:
            world.source.change(row, stamp=source if erpnext != LATE else "2026-02-01T09:00:01+00:00")
        assert world.counts(full=True).held == 1, what
        [conflict] = world.conflicts()
        assert reason in conflict.text, what
        assert reason in orjson.loads(conflict.fields)[0]["reason"], what
    finally:
        world.close()


def test_newest_does_not_count_what_syncd_itself_wrote(make_world):
    """The stamp of its own write is the baseline's: only later edits of people move it."""
    world = make_world(wins_of(Wins.NEWEST))
    [(document, row)] = world.agreed()
    world.source.edit(row, name="First")
    world.counts()
    assert world.customer(document)[0] == "First"
    world.source.edit(row, url="second.example")
    world.erpnext.edit(document, customer_name="Erp")
    world.counts()
    assert world.customer(document) == world.shopper(row) == ("Erp", "VAT1", "second.example")


@pytest.mark.parametrize("wins", [Wins.MANUAL, Wins.NEWEST])
def test_a_held_record_stands_in_nobodys_way(make_world, wins):
    world = make_world(wins_of(wins))
    pairs = world.agreed(5)
    world.erpnext.edit(pairs[0][0], customer_name="Erp", stamp=EARLY)
    world.source.edit(pairs[0][1], name="Shop", stamp=EARLY)
    for document, _ in pairs[1:]:
        world.erpnext.edit(document, website="new.example")
    new = world.source.insert(name="New", vat="N1")
    counts = world.counts()
    assert (counts.held, counts.updated["source"], counts.created["erpnext"]) == (1, 4, 1)
    assert all(world.shopper(row)[2] == "new.example" for _, row in pairs[1:])
    assert new in world.pairs()


@pytest.mark.parametrize(
    ("what", "direction", "changed", "names"),
    [
        ("to ERPNext: the source gives", Direction.TO_ERPNEXT, "both", BY_SOURCE),
        ("to the source: ERPNext gives", Direction.TO_SOURCE, "both", BY_ERPNEXT),
    ],
)
def test_a_one_way_field_has_no_conflict(make_world, what, direction, changed, names):
    fields = (replace(FIELDS[0], direction=direction), *FIELDS[1:])
    world = make_world(spec(fields=fields))
    document, row = clash(world)
    assert world.counts().held == 0
    assert outcome(world, document, row) == names, what
