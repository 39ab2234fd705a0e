"""What the site does to text that looks like markup: unknown tags are shown as text, known ones stay."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from .meta import Field

_TAGS = frozenset(
    [
        "a",
        "abbr",
        "address",
        "article",
        "aside",
        "b",
        "bdi",
        "bdo",
        "big",
        "blockquote",
        "body",
        "br",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "colgroup",
        "data",
        "dd",
        "del",
        "details",
        "dfn",
        "dir",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "font",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "head",
        "header",
        "hr",
        "html",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "link",
        "main",
        "map",
        "mark",
        "nav",
        "ol",
        "p",
        "picture",
        "pre",
        "q",
        "rp",
        "rt",
        "ruby",
        "s",
        "samp",
        "section",
        "small",
        "source",
        "span",
        "strike",
        "strong",
        "style",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "time",
        "title",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
        "video",
        "wbr",
        "button",
        "meta",
    ]
)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--")
_BARE_AMPERSAND = re.compile(r"&(?!(?:#\d+|#x[0-9A-Fa-f]+|[A-Za-z][A-Za-z0-9]*);)")
_EXEMPT = frozenset({"Attach", "Attach Image", "Barcode", "Code"})
_ADDRESSES = frozenset({"href", "src", "action"})


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.pieces: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        raw = self.get_starttag_text() or ""
        if tag not in _TAGS:
            self.pieces.append(html.escape(raw, quote=False))
            return
        kept = [(key, value or "") for key, value in attrs if _harmless(key, value)]
        shown = "".join(f' {key}="{html.escape(value)}"' for key, value in kept)
        self.pieces.append(f"<{tag}{shown}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self.pieces.append(f"</{tag}>" if tag in _TAGS else f"&lt;/{tag}&gt;")

    def handle_data(self, data: str) -> None:
        self.pieces.append(html.escape(data, quote=False))

    def handle_entityref(self, name: str) -> None:
        self.pieces.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.pieces.append(f"&#{name};")

    def set_cdata_mode(self, tag: str, *, escapable: bool = False) -> None:
        """Read the inside of `script` and `style` like any other text, so that it is escaped too."""


def _harmless(key: str, value: str | None) -> bool:
    if key.lower().startswith("on"):
        return False
    return not (key in _ADDRESSES and (value or "").strip().lower().startswith(("javascript:", "vbscript:")))


def sanitised(field: Field, value: str) -> str:
    """The text as the site keeps it in this field."""
    if field.fieldtype == "Text Editor" and "&" in value:
        value = _BARE_AMPERSAND.sub("&amp;", value)
    if "<" not in value or _TAG.search(value) is None:
        return value
    if field.ignore_xss_filter or field.fieldtype in _EXEMPT or field.options == "Email":
        return value
    cleaner = _Cleaner()
    cleaner.feed(value)
    cleaner.close()
    return "".join(cleaner.pieces)
