import pytest

from syncd.adapters.sources.memory import MemoryEndpoint, MemoryOptions, text_fields
from syncd.core.model import Action, Side, Write
from syncd.errors import BusyError, UnknownOutcomeError, UnreachableError
from syncd.ports.endpoint import Done, Failed


def endpoint(side=Side.ERPNEXT, **options):
    return MemoryEndpoint(side, text_fields("name"), MemoryOptions(**options))


def creation(name, partner):
    return Write(action=Action.CREATE, side=Side.ERPNEXT, key=None, partner=partner, values={"name": name}, link=True)


def rows(feed):
    return [row for page in feed for row in page.rows]


def test_a_fault_before_a_creation_leaves_nothing():
    memory = endpoint()

    def busy(method, writes):
        if method == "create":
            raise BusyError("not now")

    memory.before = busy
    results = memory.create([creation("a", "1"), creation("b", "2")], "op")
    assert [type(result) for result in results] == [Failed, Failed]
    assert memory.records == {}


def test_an_answer_lost_after_a_creation_is_found_and_not_made_again():
    memory = endpoint()

    def lost(method, writes):
        raise UnknownOutcomeError("no answer")

    memory.after = lost
    writes = [creation("a", "1")]
    assert isinstance(memory.create(writes, "op")[0], Failed)
    assert [row.partner for row in memory.created(writes, "op")] == ["1"]
    memory.after = lambda method, writes: None
    assert isinstance(memory.create(writes, "op")[0], Done)
    assert len(memory.records) == 1


def test_a_page_that_fails_fails_the_feed():
    memory = endpoint(page_size=2)
    for number in range(5):
        memory.insert(name=f"n{number}")
    feed = memory.scan()
    next(feed)

    def down(method, writes):
        raise UnreachableError("down")

    memory.before = down
    with pytest.raises(UnreachableError):
        next(feed)


def test_the_erpnext_side_tells_creation_and_editor_and_the_source_does_not():
    site, table = endpoint(), endpoint(Side.SOURCE)
    site.insert(name="a")
    table.insert(name="a")
    (by_person,) = rows(site.scan())
    assert by_person.editor == "person@example.com"
    assert by_person.creation == by_person.stamp
    made = site.create([creation("b", "1")], "op")[0].row
    assert made.editor == site.capabilities().editor
    (row,) = rows(table.scan())
    assert (row.creation, row.editor, table.capabilities().editor) == (None, None, None)


def test_rename_keeps_the_record_and_its_creation():
    memory = endpoint()
    key = memory.insert("Old", name="a")
    before = rows(memory.scan())[0]
    memory.rename(key, "New")
    (after,) = rows(memory.scan())
    assert (after.key, after.creation, after.values) == ("New", before.creation, before.values)
    assert after.stamp > before.stamp


def test_options_name_limit_and_bend_what_is_stored():
    memory = endpoint(
        naming=lambda values, number: f"{values['name']}-{number}",
        fits=lambda values: values["name"] != "OUT",
        store=lambda name, value: value.upper(),
    )
    assert memory.insert(name="in") == "in-1"
    memory.insert(name="out")
    assert [row.values for row in rows(memory.scan())] == [("IN",)]
    assert [row.key for row in memory.fetch(["out-2"])] == ["out-2"]
