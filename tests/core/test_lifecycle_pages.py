"""The pages that are made from the tables say what the tables say now."""

import pytest

from syncd.core.lifecycle import RULES
from syncd.core.pair_life import LIFE
from tests.core.pages import DOCS, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_the_code_makes(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `make pages`"


def test_no_row_is_left_out() -> None:
    transitions, pairs = (page() for page in PAGES.values())
    assert [rule.told for rule in RULES if f"| {rule.told} |" not in transitions] == []
    assert [row.why for row in LIFE if f"| {row.why} |" not in pairs] == []
