"""Checks a cron expression of five fields; the scheduler runs it."""

from __future__ import annotations

from syncd.config.toml import as_toml

_FIELDS = (
    ("a minute", 0, 59),
    ("an hour", 0, 23),
    ("a day of the month", 1, 31),
    ("a month", 1, 12),
    ("a day of the week", 0, 7),
)
_NAMES = {
    "a month": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "a day of the week": ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}

CRON_HINT = 'write minute, hour, day, month and weekday: "*/5 * * * *" is every five minutes'


def check_cron(text: str) -> None:
    """Raises ValueError, with the cause in plain words, when `text` is not a cron expression of five fields."""
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"a cron expression has 5 fields, this one has {len(parts)}")
    for part, (name, least, most) in zip(parts, _FIELDS, strict=True):
        for item in part.split(","):
            _check_item(item, name, least, most)


def _check_item(item: str, name: str, least: int, most: int) -> None:
    span, slash, step = item.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
        raise ValueError(f"{as_toml(item)} is not {name}: the step after / is a whole number above 0")
    if span == "*":
        return
    first, dash, last = span.partition("-")
    low = _number(first, item, name, least, most)
    if dash and _number(last, item, name, least, most) < low:
        raise ValueError(f"{as_toml(item)} is not {name}: the range runs backwards")


def _number(text: str, item: str, name: str, least: int, most: int) -> int:
    names = _NAMES.get(name, ())
    if text.lower() in names:
        return names.index(text.lower()) + least
    if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
        raise ValueError(f"{as_toml(item)} is not {name} ({least} to {most})")
    return int(text)
