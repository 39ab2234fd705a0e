"""A site that costs next to nothing: ERPNext's list pages, rendered beforehand and sent from memory.

    python -m benchmarks.stub_site --records N      prints its URL, then serves until it is ended

It answers what a client asks before and while it reads a DocType: who am I, which zone, the metadata of Customer, and
list pages by keyset (`modified` or `creation`, then `name`), by GET and by POST. A row is rendered when its fields are
asked for the first time, so the first of several repetitions pays for it and the best one does not. It takes no
writes: any attempt is counted and answered 500, since a bench that writes into ERPNext by mistake must not look fast.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from functools import lru_cache
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from benchmarks.records import FIELDS, first_at, number_of, record

EXTERNAL_ID = "syncd_shop_id"
LISTING = "/api/resource/Customer"
_STANDARD = ("name", "modified", "creation", "modified_by", EXTERNAL_ID)
_TYPES = {"customer_type": ("Select", "Company\nIndividual\nPartnership"), "territory": ("Link", "Territory")} | {
    "language": ("Link", "Language"),
    "default_commission_rate": ("Float", None),
    "disabled": ("Check", None),
    "customer_group": ("Link", "Customer Group"),
}


def metadata(doctype: str) -> bytes:
    """What `getdoctype` answers: Customer's fields, or those of the DocType that keeps operation keys."""
    names = (*FIELDS, "customer_group", EXTERNAL_ID) if doctype == "Customer" else ("mapping", "run", "records")
    fields = [
        {
            "fieldname": name,
            "fieldtype": _TYPES.get(name, ("Data", None))[0],
            "options": _TYPES.get(name, ("Data", None))[1],
            "label": name.replace("_", " ").title(),
            "reqd": int(name in {"customer_name", "customer_type"}),
            "unique": int(name == EXTERNAL_ID),
            "is_custom_field": int(name == EXTERNAL_ID),
            "default": "Company" if name == "customer_type" else None,
        }
        for name in names
    ]
    meta = {"name": doctype, "doctype": "DocType", "fields": fields, "permissions": [], "autoname": "naming_series:"}
    return orjson.dumps({"docs": [meta]})


class Site:
    """The records and what they look like on the wire."""

    def __init__(self, records: int) -> None:
        self.records = records
        self.requests = 0
        self.refused = 0
        self._rendered: dict[tuple[str, ...], list[bytes]] = {}
        self.rows((*_STANDARD, *FIELDS))

    def rows(self, fields: tuple[str, ...]) -> list[bytes]:
        """Every record as JSON with these fields, rendered once."""
        if fields not in self._rendered:
            self._rendered[fields] = [orjson.dumps(record(number, fields)) for number in range(self.records)]
        return self._rendered[fields]

    def page(self, asked: dict[str, str]) -> bytes:
        """The rows that a list request asks for, joined."""
        fields, numbers = _meant(
            asked.get("fields", '["name"]'), asked.get("filters", "[]"), asked.get("or_filters", "[]")
        )
        length = int(asked.get("limit_page_length", asked.get("limit", 20))) or self.records
        rows = self.rows(fields)
        if isinstance(numbers, int):
            return b",".join(rows[numbers : numbers + length])
        return b",".join(rows[number] for number in numbers[:length])

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        """(status, body) for one request."""
        self.requests += 1
        parts = urlsplit(target)
        path = unquote(parts.path)
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if body:
            asked |= {
                key: value if isinstance(value, str) else json.dumps(value) for key, value in orjson.loads(body).items()
            }
        if path == LISTING and method == "GET":
            return 200, b'{"data":[' + self.page(asked) + b"]}"
        if path == "/api/method/frappe.client.get_list" and asked.get("doctype") == "Customer":
            return 200, b'{"message":[' + self.page(asked) + b"]}"
        return self._other(method, path, asked)

    def _other(self, method: str, path: str, asked: dict[str, str]) -> tuple[int, bytes]:
        known = {
            "/api/method/frappe.auth.get_logged_user": b'{"message":"sync@example.com"}',
            "/api/method/frappe.client.get_time_zone": b'{"message":{"time_zone":"America/New_York"}}',
            "/api/method/ping": b'{"message":"pong"}',
            "/api/method/frappe.client.get_count": b'{"message":%d}' % self.records,
            "/api/method/frappe.client.get_list": b'{"message":[]}',
            "/_bench/counts": b'{"requests":%d,"refused":%d}' % (self.requests, self.refused),
        }
        if path in known:
            return 200, known[path]
        if path == "/api/method/frappe.desk.form.load.getdoctype":
            return 200, metadata(asked["doctype"])
        if method == "GET" and path.count("/") == 3:  # the list of another DocType
            return 200, b'{"data":[]}'
        if method == "GET" and path.startswith("/api/resource/DocType/"):
            return 200, orjson.dumps({"data": {"name": path.rsplit("/", 1)[1], "doctype": "DocType"}})
        if method == "GET":
            return 404, b'{"exc_type":"DoesNotExistError","exception":"not in the bench"}'
        self.refused += 1
        return 500, b'{"exc_type":"ValidationError","exception":"the bench takes no writes"}'


@lru_cache(maxsize=4096)
def _meant(fields: str, filters: str, or_filters: str) -> tuple[tuple[str, ...], int | list[int]]:
    """(fields, the first number of the page or the numbers asked for by name) of a list request."""
    first = 0
    numbers: list[int] | None = None
    for field, operator, value in _conditions(filters):
        if field in {"modified", "creation"} and operator in {">", ">="}:
            first = max(first, first_at(value, after=operator == ">"))
        elif field == "name" and operator in {"in", "="}:
            numbers = [number_of(name) for name in ([value] if operator == "=" else value)]
        elif field == EXTERNAL_ID:
            numbers = []
    alternatives = {(field, operator): value for field, operator, value in _conditions(or_filters)}
    if ("name", ">") in alternatives:
        first = max(first, number_of(alternatives["name", ">"]) + 1)
    return tuple(json.loads(fields)), first if numbers is None else numbers


def _conditions(text: str) -> list[list[str]]:
    """Conditions as [field, operator, value], whether the DocType stands before them or not."""
    return [condition[-3:] for condition in json.loads(text or "[]")]


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive and Content-Length, as much of it as one well-behaved client needs."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.buffer = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].decode("latin-1").split("\r\n")
            length = next((int(line[15:]) for line in head if line.lower().startswith("content-length:")), 0)
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            method, target, _ = head[0].split(" ")
            status, answer = self.site.answer(method, target, body)
            self.transport.write(
                b"HTTP/1.1 %d -\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (status, len(answer))
            )
            self.transport.write(answer)


async def serve(records: int) -> None:
    """Serve on a free port of the loopback until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    site = Site(records)
    server = await loop.create_server(lambda: Connection(site), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    asyncio.run(serve(parser.parse_args().records))
