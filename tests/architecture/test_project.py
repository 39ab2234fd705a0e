"""The project's own files keep their promises: nothing of one machine in them, small modules, live links."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOSTS = re.compile(r"pypi\.org|python[h]osted|npmjs\.(?:org|com)|deb\.debian|crates\.io")
PATHS = re.compile(r"(?<![\w.{}$])/(?:work|farm|opt|root)/\w")
LINK = re.compile(r"\]\(([^)\s]+)\)")
LONGEST_MODULE = 400
LONGEST_FUNCTION = 70


def tracked() -> list[Path]:
    """Files that git tracks or would track; everything but known rubbish where there is no git."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        rubbish = {".venv", ".git", "state", "dist", "build", "__pycache__"}
        return [path for path in ROOT.rglob("*") if path.is_file() and not rubbish & set(path.parts)]
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def texts() -> list[tuple[str, str]]:
    """(path relative to the root, text) of every tracked text file."""
    found = []
    for path in tracked():
        try:
            found.append((str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def modules() -> list[Path]:
    return sorted((ROOT / "syncd").rglob("*.py"))


def test_no_file_names_a_package_index_or_a_path_of_one_machine() -> None:
    found = [
        f"{name}:{number}: {line.strip()[:80]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if HOSTS.search(line) or PATHS.search(line)
    ]
    assert found == []


def test_constraints_pin_exact_versions_and_name_no_place() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line)] == []
    assert lines == sorted(lines, key=str.lower)


def test_each_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().split()}
    names = {re.split(r"[^A-Za-z0-9._-]", entry)[0].lower().replace("_", "-") for entry in wanted}
    assert names - pinned == set()


def test_modules_stay_small() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules()}
    assert {name: lines for name, lines in long.items() if lines > LONGEST_MODULE} == {}


def test_functions_stay_small() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {length} lines"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    ]
    assert found == []


@pytest.mark.parametrize(
    "page", [path.relative_to(ROOT) for path in tracked() if path.suffix == ".md"], ids=lambda page: str(page)
)
def test_links_between_pages_resolve(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    dead = []
    for target in LINK.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        place, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (ROOT / page.parent / place) if place else ROOT / page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            dead.append(target)
    assert dead == []


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be reached, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_page_of_the_documentation_is_in_its_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    missing = [path.name for path in (ROOT / "docs").glob("*.md") if path.name != "index.md" and path.name not in index]
    assert missing == []


def test_the_readme_opens_with_the_promise_and_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    opening = text[: text.index("\n## ")]
    for invariant in (
        "Nothing twice",
        "Nothing lost",
        "Nothing half",
        "Nothing missed",
        "Nothing silent",
        "Nothing by accident",
    ):
        assert invariant in opening
    assert "make run" in opening
    assert "make test" in opening


def test_the_changelog_has_an_entry_for_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    text = (ROOT / "CHANGELOG.md").read_text()
    sections = dict(re.findall(r"^## (\S+).*\n((?:(?!## ).*\n?)*)", text, re.MULTILINE))
    assert re.search(r"^- \w", sections[version], re.MULTILINE)


@pytest.mark.parametrize("target", ["run", "test", "test-slow", "check", "bench", "clean"])
def test_make_knows_its_targets(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
