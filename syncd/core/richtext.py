"""Rich text (HTML, as ERPNext's Text Editor keeps it) to plain text and back."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from html.parser import HTMLParser

_BREAKS = frozenset({"br", "hr"})
_BLOCKS = frozenset(
    {"p", "div", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "section"}
)
_UNSEEN = frozenset({"script", "style", "head", "title"})


class _Plain(HTMLParser):
    """Collects what a reader sees; lines end at breaks and around blocks."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[list[str]] = [[]]
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - fixed by HTMLParser
        if tag in _BREAKS or (tag in _BLOCKS and self._written()):
            self.lines.append([])
        if tag in _UNSEEN:
            self._unseen += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS and self._written():
            self.lines.append([])
        if tag in _UNSEEN and self._unseen:
            self._unseen -= 1

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.lines[-1].append(data)

    def _written(self) -> bool:
        """Whether the current line shows anything: a block begins and ends a line, but does not make an empty one."""
        return any(not piece.isspace() for piece in self.lines[-1])


@lru_cache(maxsize=4096)
def plain_of(html: str) -> str:
    """What a reader of `html` sees: no tags, entities decoded, blanks run together, at most one empty line in a row."""
    parser = _Plain()
    parser.feed(html)
    parser.close()
    lines = (" ".join("".join(line).split()) for line in parser.lines)
    return re.sub("\n{3,}", "\n\n", "\n".join(lines)).strip()


def html_of(plain: str) -> str:
    """Plain text as HTML: `&`, `<` and `>` escaped, line breaks as `<br>`."""
    return "<br>".join(escape(plain, quote=False).replace("\r\n", "\n").replace("\r", "\n").split("\n"))


def letters_of(html: str) -> str:
    """What of rich or plain text counts in a comparison: what a reader sees, on one line."""
    return " ".join(plain_of(html).split())
