"""The floor: httpx, orjson and sqlite3 doing the exchange of a first contact, and nothing else.

    python -m benchmarks.floor URL DATABASE

Same pages (keyset, the same fields), the same table, the same durability (SQLite's defaults, a commit a page). It keeps
no state, knows nobody it has met before, converts what the table needs and stops at the first error.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator

import httpx
import orjson

from benchmarks.records import FIELDS
from benchmarks.shop import CODES, COLUMNS
from benchmarks.stub_site import EXTERNAL_ID, LISTING

PAGE = 1000
ASKED = ("name", "modified", "creation", "modified_by", EXTERNAL_ID, *FIELDS)
_KIND = {"Company": "company", "Individual": "person"}


def pages(url: str) -> Iterator[list[dict[str, object]]]:
    """Every page of the site's customers."""
    query = {"fields": json.dumps(ASKED), "order_by": "modified asc, name asc", "limit_page_length": str(PAGE)}
    with httpx.Client(base_url=url, headers={"Authorization": "token bench:bench"}, timeout=60) as client:
        while True:
            rows: list[dict[str, object]] = orjson.loads(client.get(LISTING, params=query).raise_for_status().content)[
                "data"
            ]
            if rows:
                yield rows
            if len(rows) < PAGE:
                return
            last = rows[-1]
            query["filters"] = json.dumps([["modified", ">=", last["modified"]]])
            query["or_filters"] = json.dumps([["modified", ">", last["modified"]], ["name", ">", last["name"]]])


def shop_row(row: dict[str, object]) -> tuple[object, ...]:
    """A document as the shop's table holds it."""
    return (
        row["customer_name"],
        _KIND[str(row["customer_type"])],
        CODES[str(row["territory"])],
        row["tax_id"],
        row["website"] or None,
        row["language"],
        round(float(str(row["default_commission_rate"])) * 100),
        "yes" if row["disabled"] else "no",
        row["name"],
    )


def exchange(url: str, database: str) -> int:
    """Copy every customer of the site at `url` into the shop; how many there were."""
    insert = f"INSERT INTO customers ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
    connection = sqlite3.connect(database)
    copied = 0
    for rows in pages(url):
        with connection:
            connection.executemany(insert, [shop_row(row) for row in rows])
        copied += len(rows)
    connection.close()
    return copied


if __name__ == "__main__":
    print(json.dumps({"copied": exchange(sys.argv[1], sys.argv[2])}))
