"""Files that a person got wrong: each gives exit code 2 and names file, key, cause and next step."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.system.harness import Deployment, customers, deploy

NOWHERE = "http://127.0.0.1:9"
"""No case comes as far as asking the site."""


@dataclass(frozen=True)
class Case:
    """What is wrong, how it gets so, and what the text must hold: file and key, cause, next step."""

    what: str
    spoil: Callable[[Deployment], object]
    names: str
    cause: str
    step: str


def settings(old: str, new: str) -> Callable[[Deployment], object]:
    return lambda deployment: deployment.replace(deployment.settings, old, new)


def mapping(old: str, new: str) -> Callable[[Deployment], object]:
    return lambda deployment: deployment.replace(deployment.mapping, old, new)


def without_secret(deployment: Deployment) -> None:
    del deployment.environment["SHOP_SECRET"]


CASES = (
    Case(
        "syncd.toml lacks a key that it needs",
        settings('url = "sqlite:///shop.db"\n', ""),
        "syncd.toml: sources.shop.url:",
        "is missing",
        "expected a database URL",
    ),
    Case(
        "the mapping lacks a key that it needs",
        mapping('doctype = "Customer"\n', ""),
        "mappings/customer.toml: mapping.doctype:",
        "is missing",
        "expected a string",
    ),
    Case(
        "a number is text",
        settings("page_size = 1000", 'page_size = "many"'),
        "syncd.toml: sites.main.page_size:",
        'found the string "many"',
        "expected an integer from 1 to 10000",
    ),
    Case(
        "a text is a number",
        mapping('entity = "customers"', "entity = 7"),
        "mappings/customer.toml: mapping.entity:",
        "found the integer 7",
        "expected a string",
    ),
    Case(
        "a key is misspelt in syncd.toml",
        settings("overlap = ", "overlapp = "),
        "syncd.toml: schedule.overlapp:",
        "unknown key",
        'did you mean "overlap"?',
    ),
    Case(
        "a key is misspelt in the mapping",
        mapping("modified = ", "modifed = "),
        "mappings/customer.toml: source.modifed:",
        "unknown key",
        'did you mean "modified"?',
    ),
    Case(
        "a choice that there is not",
        mapping('wins = "manual"', 'wins = "nobody"'),
        "mappings/customer.toml: conflict.wins:",
        '"nobody"',
        "known values: manual, erpnext, source, newest",
    ),
    Case(
        "a source that syncd.toml does not have",
        mapping('source = "shop"', 'source = "shopp"'),
        "mappings/customer.toml: mapping.source:",
        '"shopp"',
        'did you mean "shop"?',
    ),
    Case(
        "a match rule over a field that is not mapped",
        mapping('by = [["customer_name"]]', 'by = [["mobile_no"]]'),
        "mappings/customer.toml: match.by",
        "mobile_no",
        "[fields]",
    ),
    Case(
        "a secret that is not there",
        without_secret,
        "syncd.toml: sites.main.secret:",
        "SHOP_SECRET is not set",
        "export SHOP_SECRET=",
    ),
    Case(
        "no TOML at all",
        settings("[schedule]", "[schedule"),
        "syncd.toml: line 14",
        "without its closing bracket",
        "write [name]",
    ),
    Case(
        "no syncd.toml",
        lambda deployment: deployment.settings.unlink(),
        "syncd.toml:",
        "there is no such file",
        "`syncd init`",
    ),
)


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    made = deploy(tmp_path / "deployment", NOWHERE)
    made.shop.add(customers(2))
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_the_text_names_file_key_cause_and_next_step(deployment: Deployment, case: Case) -> None:
    before = deployment.shop.rows()
    case.spoil(deployment)
    done = deployment.run("reconcile")
    assert (done.returncode, done.stdout) == (2, "")
    assert case.names in done.stderr
    assert case.cause in done.stderr
    assert case.step in done.stderr
    assert "Traceback" not in done.stderr
    assert deployment.shop.rows() == before
    assert not deployment.state.exists()


def test_every_problem_of_every_file_is_told_at_once_and_as_json(deployment: Deployment) -> None:
    deployment.replace(deployment.settings, "overlap = ", "overlapp = ")
    deployment.replace(deployment.mapping, 'doctype = "Customer"\n', "")
    deployment.replace(deployment.mapping, 'wins = "manual"', 'wins = "nobody"')
    done = deployment.run("check", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr, document["exit_code"]) == (2, "", 2)
    assert {(problem["file"], problem["key"]) for problem in document["problems"]} == {
        ("syncd.toml", "schedule.overlapp"),
        ("mappings/customer.toml", "mapping.doctype"),
        ("mappings/customer.toml", "conflict.wins"),
    }
