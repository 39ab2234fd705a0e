"""How the demo's customers are made: as a shop knows them, and as ERPNext holds the same ones."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar

from demo.names import EMOJI, PLACES, Names, Place
from syncd.core.countries import country_name

T = TypeVar("T")

NOTES = (
    "Delivers only before 8 a.m.",
    "Pays by invoice; 2 % off within 10 days",
    "Ring twice,\r\nthen call",
    "Asks for <b>Maria</b>, not for the office",
    "discount if a < b & c > d",
    "VIP ⭐ since the first day",
    "    moved; old address still on the invoice",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopRow:
    """One row of the shop's table `customers`; its id is the database's. Stamps are text, as the shop writes them."""

    name: str
    kind: str
    country_code: str | None
    vat: str | None
    email: str | None
    phone: str | None
    website: str | None
    lang: str | None
    currency: str | None
    commission_cents: int | None
    credit_limit_cents: int | None
    notes: str | None
    blocked: str
    created_at: str
    updated_at: str
    deleted_at: str | None = None


Document = dict[str, str | int | float | None]
"""One Customer of the site, by fieldname."""

KINDS = {"company": "Company", "person": "Individual", "partners": "Partnership"}


class Author:
    """Makes customers, one after the other, from one source of chance: the same seed makes the same customers."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.names = Names(self.random)
        self._made = 0
        self._document_names: set[str] = set()

    def row(self) -> ShopRow:
        """A customer as the shop knows one: unique name and VAT number, some values missing."""
        random = self.random
        place = random.choice(PLACES)
        self._made += 1
        kind = random.choices(("company", "person", "partners"), (55, 40, 5))[0]
        updated = datetime(2024, 1, 2, tzinfo=UTC) + timedelta(milliseconds=random.randrange(500 * 86_400_000))
        return ShopRow(
            name=self.names.person(place) if kind == "person" else self.names.company(place),
            kind=kind,
            country_code=place.code,
            vat=vat_number(place, self._made),
            email=self._maybe(85, f"customer{self._made}@example.com", ""),
            phone=self._maybe(70, self._phone(), ""),
            website=self._maybe(60, f"https://www.customer-{self._made}.example.com", ""),
            lang=self._maybe(80, place.language, None),
            currency=self._maybe(75, place.currency, None),
            commission_cents=self._maybe(50, random.choice((0, 150, 250, 275, 500, 1000)), None),
            credit_limit_cents=self._maybe(40, random.randrange(1, 500) * 10_000, None),
            notes=self._maybe(30, random.choice(NOTES), None),
            blocked=self._maybe(4, "yes", "no"),
            created_at=self._created(place),
            updated_at=shop_stamp(updated),
        )

    def document(self, row: ShopRow) -> Document:
        """The same customer as ERPNext holds one, every value as the shop has it."""
        name = row.name.strip()
        return {
            "name": self._document_name(name),
            "customer_name": name,
            "customer_type": KINDS[row.kind],
            "customer_group": "Commercial",
            "territory": None if row.country_code is None else country_name(row.country_code),
            "tax_id": row.vat,
            "website": row.website,
            "language": row.lang or "en",
            "default_currency": row.currency,
            "default_commission_rate": (row.commission_cents or 0) / 100,
            "customer_details": row.notes,
            "disabled": int(row.blocked == "yes"),
        }

    def decorated(self, row: ShopRow) -> ShopRow:
        """The row with what people leave in a name: blanks at the ends, doubled ones, emoji, decomposed accents."""
        emoji = self.random.choice(EMOJI)
        changes: tuple[Callable[[str], str], ...] = (
            lambda name: name,
            lambda name: name + "  ",
            lambda name: " " + name,
            lambda name: name.replace(" ", "  ", 1),
            lambda name: f"{name} {emoji}",
            lambda name: unicodedata.normalize("NFD", name),
        )
        change = self.random.choices(changes, (60, 10, 5, 10, 10, 5))[0]
        return replace(row, name=change(row.name))

    def respell(self, document: Document) -> None:
        """Write VAT number and website otherwise, in ways that the mapping's normalisers forgive."""
        vat, website = document["tax_id"], document["website"]
        if isinstance(vat, str) and self._maybe(50, otherwise=False, value=True):
            document["tax_id"] = self.random.choice((vat.lower(), f"{vat} "))
        if isinstance(website, str) and website and self._maybe(50, otherwise=False, value=True):
            document["website"] = self.random.choice(
                (website.upper(), website.replace("https", "HTTPS"), f" {website}")
            )

    def _maybe(self, percent: int, value: T, otherwise: T) -> T:
        return value if self.random.random() * 100 < percent else otherwise

    def _phone(self) -> str:
        digits = f"{self.random.randrange(10**9):09d}"
        forms = ("{0}{1}{2}", "0{0} {1}-{2}", "+49 (0){0} {1} {2}", "0049/{0}/{1}{2}", "({0}) {1}.{2}")
        return self.random.choice(forms).format(digits[:2], digits[2:5], digits[5:])

    def _created(self, place: Place) -> str:
        """When the customer signed up, in the ways that shops of that age have written it: three forms, many zones."""
        at = datetime(2019, 1, 1, tzinfo=UTC) + timedelta(seconds=self.random.randrange(5 * 365 * 86_400))
        forms = (f"%Y-%m-%dT%H:%M:%S{place.offset}", "%Y-%m-%d %H:%M:%SZ", "%Y-%m-%d %H:%M:%S.000")
        return at.strftime(self.random.choice(forms))

    def _document_name(self, name: str) -> str:
        """What ERPNext calls a customer of that name: the name, and a number behind it where it is taken."""
        tried, number = name, 0
        while tried in self._document_names:
            number += 1
            tried = f"{name} - {number}"
        self._document_names.add(tried)
        return tried


def vat_number(place: Place, number: int) -> str:
    """A tax number of the place's form; `number` makes it unique."""
    spread = (number * 7_919 + 104_729) % 10**8
    digits = f"{spread:08d}".rjust(place.vat_digits, "3")
    return f"{digits[:2]}-{digits[2:]}" if place.code == "US" else f"{place.code}{digits}"


def shop_stamp(at: datetime) -> str:
    """A stamp as the shop writes it: UTC, with milliseconds."""
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d}"
