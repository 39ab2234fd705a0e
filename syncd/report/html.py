"""RUN.html: one file without network or server, rendered by jinja2 with autoescaping."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import BinaryIO
from urllib.parse import quote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from syncd.report.document import Document, dump, own_values
from syncd.report.model import RunSummary, Verdict, utc_text
from syncd.report.text import HELD_ADVICE, counts_lines, duration_text

MOST_OPERATIONS = 1_000
"""Operations that RUN.html shows; the others are in RUN.json alone."""
MOST_OPEN = 500
"""Conflicts, and failures, that RUN.html shows."""


def documents_url(site_url: str, doctype: str) -> str:
    """Where a site's desk shows documents of a DocType; the quoted name follows it. Empty for what is no http(s) URL.

    https://docs.frappe.io/framework/user/en/desk: routes are `/app/` and the DocType in lower case with hyphens.
    """
    if urlsplit(site_url).scheme.lower() not in {"http", "https"}:
        return ""
    return f"{site_url.rstrip('/')}/app/{quote(doctype.lower().replace(' ', '-'), safe='-')}/"


@dataclass(slots=True)
class Excerpt:
    """At most `most` of many documents: those that went wrong first, then the others, each in their order."""

    most: int
    total: int = 0
    _wrong: list[Document] = field(default_factory=list)
    _right: list[Document] = field(default_factory=list)

    def add(self, documents: Sequence[Document]) -> None:
        """Take note of some more; keeps no more than twice `most` whatever comes."""
        self.total += len(documents)
        if len(self._wrong) >= self.most:
            return
        for document in documents:
            kept = self._right if document["result"] == "done" else self._wrong
            if len(kept) < self.most:
                kept.append(document)

    @property
    def shown(self) -> list[Document]:
        """What fits."""
        return [*self._wrong, *self._right][: self.most]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What RUN.html is made of. `site_urls` maps a mapping to `documents_url`; `program` begins named commands."""

    summary: RunSummary
    verdict: Verdict
    conflicts: Sequence[Document]
    failures: Sequence[Document]
    """Those that nobody ignores."""
    operations: Excerpt
    site_urls: Mapping[str, str]
    program: str = "syncd"


def render(page: Page, stream: BinaryIO) -> None:
    """Write the page as UTF-8."""
    script, style = _asset("run.js"), _asset("run.css")
    fingerprint = b64encode(sha256(script.encode()).digest()).decode()
    shown = page.operations.shown
    context = {
        "page": page,
        "started": utc_text(page.summary.started),
        "finished": utc_text(page.summary.finished),
        "took": duration_text(page.summary.seconds),
        "mappings": {name: counts_lines(counts) for name, counts in page.summary.mappings.items()},
        "conflicts": page.conflicts[:MOST_OPEN],
        "failures": page.failures[:MOST_OPEN],
        "operations": shown,
        "more_operations": page.operations.total - len(shown),
        "script": script,
        "script_hash": fingerprint,
        "style": style,
        "link": lambda mapping, name: _link(page.site_urls.get(mapping, ""), name),
        "shown": _shown,
        "own_values": own_values,
        "advice": HELD_ADVICE,
    }
    stream.write(_text(_template().render(context)).encode())


def _link(prefix: str, name: str | None) -> str:
    if not name or not prefix.lower().startswith(("https://", "http://")):
        return ""
    return prefix + quote(name, safe="")


def _shown(value: object) -> str | None:
    """A value as the page shows it; None stays None, and is shown as empty."""
    if value is None or isinstance(value, str):
        return value
    return dump(value).decode()


def _text(value: str) -> str:
    """Text as UTF-8 can hold it: half surrogate pairs become escapes."""
    return value.encode("utf-8", "backslashreplace").decode()


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("syncd.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _template() -> Template:
    return _environment().get_template("run.html.j2")


@lru_cache(maxsize=2)
def _asset(name: str) -> str:
    """The page's own script or style as it stands in the package."""
    loader = _environment().loader
    if loader is None:
        raise RuntimeError("the environment of the page has no loader")
    return loader.get_source(_environment(), name)[0]
