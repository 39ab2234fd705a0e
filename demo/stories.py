"""What happens in the demo: each customer is there for a reason, and the reasons are counted (demo/README.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import Enum

from demo.customers import KINDS, Author, Document, ShopRow

SEED = 20_250_630
LONGEST_NAME = 140
"""What ERPNext's Data fields hold."""


class Story(Enum):
    """Why a customer is in the demo."""

    SAME = "known to both, spelt otherwise in ways that do not count"
    GAPS = "known to both, one side knows more"
    DIFFERS = "known to both, with differences that the mapping decides"
    BY_NAME = "known to both, found by name and territory"
    CONFLICT = "known to both, with a difference that only a person can decide"
    AMBIGUOUS = "known to both, but nobody can say who is who"
    NEW = "only in the shop"
    REFUSED = "only in the shop, with a value that ERPNext cannot take"
    DELETED = "only in the shop, and deleted there"
    ONLY_ERPNEXT = "only in ERPNext"
    NO_COUNTRY = "only in ERPNext, with a territory that is no country"
    OTHER_GROUP = "only in ERPNext, in a group that the mapping leaves out"


@dataclass(slots=True)
class Demo:
    """Everything that is built, and how many rows of the shop and documents of the site tell which story."""

    rows: list[ShopRow] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    told: dict[Story, tuple[int, int]] = field(default_factory=dict)

    def tell(self, story: Story, rows: Iterable[ShopRow], documents: Iterable[Document]) -> None:
        """Add one story's customers."""
        before = len(self.rows), len(self.documents)
        self.rows.extend(rows)
        self.documents.extend(documents)
        self.told[story] = len(self.rows) - before[0], len(self.documents) - before[1]


def write_demo(seed: int = SEED) -> Demo:
    """The whole demo: 2,000 rows, 1,200 of which stand for documents that the site already holds."""
    author, demo = Author(seed), Demo()
    for story, count, tell in (
        (Story.SAME, 700, _same),
        (Story.GAPS, 200, _gaps),
        (Story.DIFFERS, 120, _differs),
        (Story.BY_NAME, 130, _by_name),
        (Story.CONFLICT, 36, _conflict),
    ):
        pairs = [tell(author, number) for number in range(count)]
        demo.tell(story, [row for row, _ in pairs], [document for _, document in pairs])
    demo.tell(Story.AMBIGUOUS, *_ambiguous(author))
    demo.tell(Story.NEW, _new(author, 768), [])
    demo.tell(Story.REFUSED, _refused(author), [])
    demo.tell(Story.DELETED, [replace(author.row(), deleted_at="2025-06-30 23:59:59.999") for _ in range(15)], [])
    demo.tell(Story.ONLY_ERPNEXT, [], [author.document(author.row()) for _ in range(145)])
    for story, count, name, value in (
        (Story.NO_COUNTRY, 5, "territory", "Rest Of The World"),
        (Story.OTHER_GROUP, 40, "customer_group", "Government"),
    ):
        demo.tell(story, [], [author.document(author.row()) | {name: value} for _ in range(count)])
    # Stories are not told in order: neighbours in a page have nothing to do with one another.
    author.random.shuffle(demo.rows)
    author.random.shuffle(demo.documents)
    return demo


Both = tuple[ShopRow, Document]


def _same(author: Author, _: int) -> Both:
    row = author.decorated(author.row())
    document = author.document(row)
    author.respell(document)
    return row, document


def _gaps(author: Author, number: int) -> Both:
    """The shop lacks the website, or ERPNext lacks the currency, or the shop lacks the notes."""
    website, notes = f"https://gap-{number}.example.com", f"Customer since order {number}"
    row = replace(author.row(), website=website, notes=notes, currency="EUR")
    document = author.document(row)
    if number % 3 == 0:
        row = replace(row, website="")
    elif number % 3 == 1:
        document["default_currency"] = None
    else:
        row = replace(row, notes=None)
    return row, document


def _differs(author: Author, number: int) -> Both:
    """Name and commission are ERPNext's to say, website and language the shop's."""
    row = replace(author.row(), website=f"https://new-{number}.example.com", lang="en", commission_cents=250)
    document = author.document(row)
    name = row.name
    if number % 4 == 0:
        document["customer_name"] = name.upper() if name.upper() != name else f"{name} *"
    elif number % 4 == 1:
        document["website"] = f"http://old-{number}.example.com"
    elif number % 4 == 2:
        document["default_commission_rate"] = 3.75
    else:
        document["language"] = "fr"
        document["customer_name"] = f"{name} (2)"
    return row, document


def _by_name(author: Author, number: int) -> Both:
    """The tax number is missing in the shop, in ERPNext, or in both."""
    row = author.row()
    document = author.document(row)
    if number % 3 != 0:
        row = replace(row, vat=None if number % 3 == 1 else "")
    if number % 3 != 1:
        document["tax_id"] = None
    return replace(row, name=row.name + " " * (number % 2)), document


def _conflict(author: Author, number: int) -> Both:
    """Two thirds disagree on what kind of customer it is, the others on the notes."""
    row = replace(author.row(), notes=f"Shop: leave parcels at door {number}")
    document = author.document(row)
    if number % 3:
        document["customer_type"] = next(kind for kind in KINDS.values() if kind != document["customer_type"])
    else:
        document["customer_details"] = f"Office: never leave parcels at door {number}"
    return row, document


def _ambiguous(author: Author) -> tuple[list[ShopRow], list[Document]]:
    """One document that two rows could be, one row that two documents could be; by tax number, and by name."""
    rows: list[ShopRow] = []
    documents: list[Document] = []
    for _ in range(5):
        first = author.row()
        rows += [first, replace(author.row(), vat=first.vat)]
        # Under a third name: with one of the two the next rule would narrow it down to that row.
        documents.append(author.document(replace(author.row(), vat=first.vat)))
    for _ in range(3):
        row = author.row()
        rows.append(row)
        documents += [author.document(row), author.document(row)]
    for _ in range(3):
        row = replace(author.row(), vat=None)
        rows += [row, replace(row, email="second.account@example.com", website="")]
        documents.append(author.document(row))
    return rows, documents


def _new(author: Author, count: int) -> list[ShopRow]:
    """Customers to create, with what names can be: the longest, namesakes, markup in the notes, no country."""
    rows = [author.decorated(author.row()) for _ in range(count)]
    for number in range(5):
        rows[number] = replace(rows[number], name=_stretched(rows[number].name, LONGEST_NAME - 2 * number))
    for number in range(5, 15):
        rows[number] = replace(rows[number], name=rows[number + 10].name, country_code=rows[number + 10].country_code)
    for number in range(25, 28):
        rows[number] = replace(rows[number], notes="<script>alert('typed into the form')</script>")
    for number in range(28, 40):
        rows[number] = replace(rows[number], country_code=None if number % 2 else "", vat=None)
    return rows


def _refused(author: Author) -> list[ShopRow]:
    """Each for a reason of its own: too long, no name, no such country, territory, language or kind, a bad sign."""
    changes: list[Callable[[ShopRow], ShopRow]] = [
        lambda row: replace(row, name=_stretched(row.name, LONGEST_NAME + 1)),
        lambda row: replace(row, name=_stretched(row.name, LONGEST_NAME + 20)),
        lambda row: replace(row, name=_stretched(row.name, 2 * LONGEST_NAME)),
        lambda row: replace(row, name=""),
        lambda row: replace(row, name="   "),
        lambda row: replace(row, country_code="UK"),
        lambda row: replace(row, country_code="XY"),
        lambda row: replace(row, country_code="IS"),
        lambda row: replace(row, country_code="IS"),
        lambda row: replace(row, lang="tlh"),
        lambda row: replace(row, kind="guild"),
        lambda row: replace(row, name=f"{row.name} <Rock & Roll>"),
    ]
    return [change(author.row()) for change in changes]


def _stretched(name: str, length: int) -> str:
    """The name with more and more of a long-winded description behind it, exactly `length` characters long."""
    words = " – Import, Export, Lager und Vertrieb feiner Waren aus aller Welt, vormals Gebrüder Zwölfpfund & Töchter"
    return (name.strip() + words * 3)[:length].rstrip().ljust(length, ".")
