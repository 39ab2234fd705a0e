"""The records of the bench: Customers as a site would list them, made from their number alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

FIELDS = (
    "customer_name",
    "customer_type",
    "territory",
    "tax_id",
    "website",
    "language",
    "default_commission_rate",
    "disabled",
)
"""The mapped fields, in the order of the mapping."""

FIRST = datetime(2024, 1, 1, 8, 0, 0, 1)  # noqa: DTZ001 - a site's stamps are naive, in its own zone
STEP = timedelta(minutes=1)
_TERRITORIES = ("Germany", "France", "United States", "Japan", "Poland", "Brazil")
_LANGUAGES = ("de", "fr", "en", "ja", "pl", "pt")
_SCRIPTS = ("Müller & Söhne", "Žluťoučký kůň", "Ελληνικά Νησιά", "株式会社さくら", "Иванов и дети", "Acme 'Best'")


def name_of(number: int) -> str:
    """The document's name: they sort as their numbers do."""
    return f"CUST-{number:07d}"


def number_of(name: str) -> int:
    """The number of a document by its name; raises ValueError for a name that is none of ours."""
    return int(name.removeprefix("CUST-"))


def stamp_of(number: int) -> str:
    """`modified` and `creation`: one minute after that of the record before."""
    return (FIRST + number * STEP).strftime("%Y-%m-%d %H:%M:%S.%f")


def first_at(stamp: str, *, after: bool = False) -> int:
    """The first number whose stamp is not before `stamp`, or is after it."""
    shape = "%Y-%m-%d %H:%M:%S.%f" if "." in stamp else "%Y-%m-%d %H:%M:%S"
    since = datetime.strptime(stamp, shape) - FIRST  # noqa: DTZ007 - as above
    return max(0, since // STEP + 1 if after else -(-since // STEP))


_MAKERS: dict[str, Callable[[int], object]] = {
    "name": name_of,
    "modified": stamp_of,
    "creation": stamp_of,
    "modified_by": lambda _: "clerk@example.com",
    "owner": lambda _: "clerk@example.com",
    "docstatus": lambda _: 0,
    "idx": lambda _: 0,
    "customer_name": lambda number: f"{_SCRIPTS[number % 6]} {number}",
    "customer_type": lambda number: "Individual" if number % 3 else "Company",
    "customer_group": lambda _: "Commercial",
    "territory": lambda number: _TERRITORIES[number % 6],
    "tax_id": lambda number: f"DE{number:09d}" if number % 5 else None,
    "website": lambda number: f"https://shop-{number}.example.com" if number % 4 else "",
    "language": lambda number: _LANGUAGES[number % 6],
    "default_commission_rate": lambda number: number % 40 / 4,
    "disabled": lambda number: int(number % 50 == 0),
}


def record(number: int, fields: tuple[str, ...]) -> dict[str, object]:
    """One document with these fields; a field that is not made here is empty, as an unused custom field would be."""
    return {field: _MAKERS[field](number) if field in _MAKERS else None for field in fields}
