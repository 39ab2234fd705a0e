"""Shared by the tests of the ERPNext endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Lock
from typing import Any

import httpx
import orjson

from syncd.adapters.erpnext import SiteClient, TokenAuth
from syncd.core.mapping import FieldSpec, MappingSpec
from syncd.core.model import Action, Raw, Row, Side, Write

FIELDS = ("customer_name", "website", "tax_id", "default_commission_rate", "disabled", "territory", "customer_details")


class FakeClock:
    """The present, as the sandbox has it, but sleeping takes no time and moves the clock instead.

    `at`, once a test has set it, stands still. `slept` tells how long each sleep was to be.
    """

    def __init__(self) -> None:
        self.at: datetime | None = None
        self.slept: list[float] = []
        self._ahead = timedelta(0)
        self._lock = Lock()

    def now(self) -> datetime:
        return (self.at or datetime.now(UTC)) + self._ahead

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self._ahead += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return self.now().timestamp()


class MostJitter(Random):
    """Takes the longest wait that jitter allows."""

    def uniform(self, a: float, b: float) -> float:
        return b


def make_client(url: str, *, clock: FakeClock | None = None, **settings: Any) -> SiteClient:
    return SiteClient(url, TokenAuth(key="full", secret="full"), clock=clock or FakeClock(), **settings)


Handler = Callable[[httpx.Request], httpx.Response]


def mock_client(handler: Handler, clock: FakeClock, **settings: Any) -> SiteClient:
    """A client whose requests go to `handler`; time passes only in sleeps."""
    return SiteClient(
        "https://erp.example.com",
        TokenAuth(key="key", secret="s3cr3t-value"),
        clock=clock,
        monotonic=clock.monotonic,
        rng=MostJitter(),
        transport=httpx.MockTransport(handler),
        **settings,
    )


def answers(*responses: httpx.Response | Exception) -> tuple[Handler, list[httpx.Request]]:
    """A handler that gives these one after another (the last one for ever), and what it was asked."""
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        answer = responses[min(len(asked), len(responses) - 1)]
        asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    return handle, asked


def refusal(status: int, code: str, *messages: str, exception: str = "", **headers: str) -> httpx.Response:
    """An error as the framework answers it."""
    body: dict[str, Any] = {
        "exc_type": code,
        "exception": exception or f"frappe.exceptions.{code}",
        "exc": '["Traceback (most recent call last): File \\"/home/frappe/apps/x.py\\""]',
    }
    if messages:
        entries = [orjson.dumps({"message": text, "title": "Message"}).decode() for text in messages]
        body["_server_messages"] = orjson.dumps(entries).decode()
    return httpx.Response(status, json=body, headers=headers)


def customer_spec(**changes: Any) -> MappingSpec:
    given: dict[str, Any] = {
        "name": "customer",
        "file": "mappings/customer.toml",
        "doctype": "Customer",
        "source": "shop",
        "entity": "customers",
        "site": "main",
        "source_id": ("id",),
        "external_id": "syncd_shop_id",
        "fields": tuple(FieldSpec(erpnext=name, source=name) for name in FIELDS),
    }
    return MappingSpec(**{**given, **changes})


def creation(partner: str, *, link: bool = True, **values: Raw) -> Write:
    return Write(
        action=Action.CREATE,
        side=Side.ERPNEXT,
        key=None,
        partner=partner,
        values={"customer_name": f"Customer {partner}", **values},
        link=link,
    )


def change(row: Row, values: Mapping[str, Raw] | None = None, *, action: Action = Action.UPDATE, **given: Any) -> Write:
    return Write(
        action=action,
        side=Side.ERPNEXT,
        key=row.key,
        values=values or {},
        **{"partner": row.partner, "stamp": row.stamp, "expected": row.values, **given},
    )


def value(row: Row, name: str) -> Raw:
    return row.values[FIELDS.index(name)]
