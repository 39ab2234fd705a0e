"""Nothing missed: edits while a page is served, and ten thousand documents with one stamp."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.harness import World, until, world

SLOW = pytest.mark.slow
LIST = "/api/resource/Customer"
READ = (LIST, "/api/method/frappe.client.get_list")


@pytest.fixture
def paged(tmp_path: Path, provisioned: Path) -> Iterator[World]:
    with world(tmp_path, provisioned, page_size=200) as made:
        yield made


def documents(count: int) -> list[dict[str, object]]:
    return [{"customer_name": f"Document {number:05d}", "customer_type": "Company"} for number in range(count)]


def pages(erp: World, mark: int) -> list[int]:
    """How many documents each page of the feed had."""
    found = (request for request in erp.site.requests(mark) if request["path"] in READ)
    return [request["documents"] for request in found if "modified" in request["query"] or request["path"] == READ[1]]


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(1, marks=SLOW),
        2,
        pytest.param(3, marks=SLOW),
        pytest.param(4, marks=SLOW),
        pytest.param(5, marks=SLOW),
    ],
)
def test_edits_while_a_page_is_served_lose_no_document(paged: World, page: int) -> None:
    """1,000 documents by pages of 200, 50 of them edited while one page is on its way.

    25 were read on an earlier page or are on this one, 25 are still to come: pages by offset would skip as many.
    """
    paged.site.load(documents(1000))
    paged.site.fault("delay", method="GET", path_contains=LIST, skip=page - 1, times=1, seconds=1.5)
    edited = [*range(25), *range(900, 925)]

    def edit() -> None:
        until(lambda: paged.site.met() > 0, what="a page on its way")
        for number in edited:
            paged.site.edit(f"Document {number:05d}", website=f"https://{number}.example")

    person = threading.Thread(target=edit)
    person.start()
    first = paged.deployment.reconcile()
    person.join()
    assert first["created"]["source"] == 1000
    assert paged.shop.value("SELECT count(DISTINCT erp_ref) FROM customers") == 1000
    paged.deployment.reconcile()
    found = paged.shop.rows("SELECT name, url FROM customers WHERE url IS NOT NULL ORDER BY name")
    assert found == [{"name": f"Document {number:05d}", "url": f"https://{number}.example"} for number in edited]
    paged.quiet()


def test_ten_thousand_documents_with_one_stamp_are_read_once_each_by_pages(erp: World) -> None:
    erp.site.load(documents(10_000), stamp="2026-01-31 10:00:00.000000")
    mark = erp.site.mark()
    first = erp.deployment.reconcile()
    assert first["seen"]["erpnext"] == 10_000
    assert first["created"]["source"] == 10_000
    counts = pages(erp, mark)
    assert sum(counts) == 10_000
    assert max(counts) == 1000
    assert len(counts) <= 11
    assert erp.shop.value("SELECT count(DISTINCT erp_ref) FROM customers") == 10_000
