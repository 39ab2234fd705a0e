"""The contract as the tests read it: its sentences and its keys. It lies beside the repository, where it is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

CONTRACT = Path(__file__).resolve().parents[2].parent / "shared" / "contract.md"
SECTION = "### What the keys mean where it is easy to get wrong"
_SENTENCE = re.compile(r"(?<=\.) (?=[A-Z`\"(])")
_LEAD = re.compile(r"^\*\*[^*]+\.\*\* ")
_LINE = re.compile(r"(?P<key>[a-z_0-9]+)\s*=|\[(?P<table>[a-z_.]+)\]")


def one_line(text: str) -> str:
    """Text without its line breaks."""
    return " ".join(text.split())


def sentences(contract: str) -> list[str]:
    """The sentences of the section, each on one line; a paragraph's name in front (`**Match.**`) is left out."""
    section = contract.partition(SECTION)[2].partition("\n## ")[0]
    found = []
    for line in section.split("\n"):
        text = _LEAD.sub("", line.removeprefix("- ").strip())
        found += [sentence for sentence in _SENTENCE.split(text) if sentence]
    return found


def keys(contract: str, heading: str) -> list[str]:
    """The dotted keys of the TOML block under `heading`, in its order: `source.touch`; fields go by their example."""
    block = contract.partition(f"\n## {heading}\n")[2].partition("```toml\n")[2].partition("\n```")[0]
    tomllib.loads(block)
    found, table = [], ""
    for line in block.split("\n"):
        entry = _LINE.match(line)
        if entry is None:
            continue
        if entry["table"]:
            table = entry["table"]
        else:
            found.append(f"{table}.{entry['key']}")
    return found
