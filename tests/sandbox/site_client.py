"""A small client for tests: requests as an integration sends them, answers unwrapped."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx


class SiteClient(httpx.Client):
    def __init__(self, url: str, token: str = "full:full") -> None:
        super().__init__(base_url=url, headers={"Authorization": f"token {token}"}, timeout=30, verify=False)

    def resource(self, doctype: str, name: str | None = None) -> str:
        return f"/api/resource/{quote(doctype)}" + (f"/{quote(name, safe='')}" if name is not None else "")

    def create(self, doctype: str, /, **values: Any) -> dict[str, Any]:
        return data(self.post(self.resource(doctype), json=values))

    def customer(self, name: str, /, **values: Any) -> dict[str, Any]:
        return self.create("Customer", customer_name=name, **values)

    def read(self, doctype: str, name: str) -> dict[str, Any]:
        return data(self.get(self.resource(doctype, name)))

    def update(self, doctype: str, name: str, /, **values: Any) -> httpx.Response:
        return self.put(self.resource(doctype, name), json=values)

    def rows(self, doctype: str, **query: Any) -> list[dict[str, Any]]:
        return data(self.find(doctype, **query))

    def find(self, doctype: str, **query: Any) -> httpx.Response:
        params = {key: value if isinstance(value, str) else json.dumps(value) for key, value in query.items()}
        return self.get(self.resource(doctype), params=params)

    def method(self, name: str, /, **values: Any) -> httpx.Response:
        return self.post(f"/api/method/{name}", json=values)

    def call(self, name: str, /, **values: Any) -> Any:
        answer = self.method(name, **values)
        assert answer.status_code == 200, answer.text
        return answer.json().get("message")

    def stored(self, doctype: str, name: str, field: str) -> Any:
        rows = self.rows(doctype, filters=[["name", "=", name]], fields=[field])
        return rows[0][field]

    def admin(self, path: str, **values: Any) -> dict[str, Any]:
        answer = self.post(f"/_sandbox/{path}", json=values)
        assert answer.status_code == 200, answer.text
        return answer.json()


def data(answer: httpx.Response) -> Any:
    assert answer.status_code in (200, 202), f"{answer.status_code}: {answer.text[:2000]}"
    return answer.json()["data"]


def refused(answer: httpx.Response, status: int, exc_type: str) -> dict[str, Any]:
    assert answer.status_code == status, f"{answer.status_code}: {answer.text[:2000]}"
    body = answer.json()
    assert body["exc_type"] == exc_type
    return body


def side_messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(text) for text in json.loads(body["_server_messages"])]
