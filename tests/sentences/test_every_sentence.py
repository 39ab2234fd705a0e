"""Every sentence of the contract's section is quoted by a test that shows it; every key of its files has one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.sentences.contract import CONTRACT, keys, one_line, sentences
from tests.sentences.keys import MAPPING_KEYS, SETTINGS_KEYS

HERE = Path(__file__).parent
TESTS = HERE.parent
MAPPING, SETTINGS = "mappings/NAME.toml", "syncd.toml"


@pytest.fixture(scope="module")
def contract() -> str:
    if not CONTRACT.is_file():
        pytest.skip("the contract is not beside this repository")
    return CONTRACT.read_text(encoding="utf-8")


def functions(path: Path) -> list[ast.FunctionDef]:
    """The tests of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [node for node in found if node.name.startswith("test_")]


def quoted() -> dict[str, str]:
    """Test → its docstring on one line."""
    return {
        f"{path.name}::{node.name}": one_line(ast.get_docstring(node) or "")
        for path in sorted(HERE.glob("test_*.py"))
        for node in functions(path)
        if path.name != Path(__file__).name
    }


def unquoted(text: str) -> list[str]:
    docstrings = quoted().values()
    return [sentence for sentence in sentences(text) if not any(sentence in each for each in docstrings)]


def test_every_sentence_is_quoted_by_a_test(contract: str) -> None:
    assert len(sentences(contract)) > 30
    assert unquoted(contract) == []


def test_a_sentence_that_nobody_shows_is_found(contract: str) -> None:
    added = contract.replace("- **Scope.** ", "- **Scope.** The moon is of cheese. ")
    assert unquoted(added) == ["The moon is of cheese."]


def test_what_is_quoted_stands_in_the_contract(contract: str) -> None:
    """A test whose sentence was changed since would else go on under the old one."""
    known = sentences(contract)
    strange = [name for name, text in quoted().items() if text and not any(each in text for each in known)]
    own = ("test_types", "test_keys")
    assert [name for name in strange if not name.startswith(own)] == []


@pytest.mark.parametrize(
    ("heading", "table"), [(MAPPING, MAPPING_KEYS), (SETTINGS, SETTINGS_KEYS)], ids=["mapping", "settings"]
)
def test_every_key_has_a_test(contract: str, heading: str, table: dict[str, tuple[str, ...]]) -> None:
    listed = list(dict.fromkeys(keys(contract, heading)))
    assert len(listed) > 20
    assert [key for key in listed if not table.get(key)] == [], "keys of the contract without a test"
    assert [key for key in table if key not in listed] == [], "keys that the contract does not have"


@pytest.mark.parametrize("table", [MAPPING_KEYS, SETTINGS_KEYS], ids=["mapping", "settings"])
def test_the_tests_that_show_a_key_are_there(table: dict[str, tuple[str, ...]]) -> None:
    known: dict[str, set[str]] = {}
    missing = []
    for node in dict.fromkeys(node for nodes in table.values() for node in nodes):
        file, _, name = node.partition("::")
        path = TESTS / file
        if not path.is_file():
            missing.append(node)
            continue
        names = known.setdefault(file, {each.name for each in functions(path)})
        if name not in names:
            missing.append(node)
    assert missing == []
