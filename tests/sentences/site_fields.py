"""The custom fields of Customer that the sentences use: one of each type that a site has."""

from __future__ import annotations

from typing import Any


def _field(name: str, fieldtype: str, **more: Any) -> dict[str, Any]:
    return {"fieldname": name, "label": name, "fieldtype": fieldtype, **more}


TYPED: tuple[dict[str, Any], ...] = (
    _field("x_data", "Data"),
    _field("x_short", "Data", length=10),
    _field("x_check", "Check"),
    _field("x_int", "Int"),
    _field("x_float", "Float"),
    _field("x_currency", "Currency", precision="2"),
    _field("x_percent", "Percent"),
    _field("x_date", "Date"),
    _field("x_datetime", "Datetime"),
    _field("x_time", "Time"),
    _field("x_duration", "Duration"),
    _field("x_select", "Select", options="\nGold\nSilver"),
    _field("x_link", "Link", options="Territory"),
    _field("x_small", "Small Text"),
    _field("x_text", "Text"),
    _field("x_long", "Long Text"),
    _field("x_editor", "Text Editor"),
    _field("x_json", "JSON"),
    _field("x_attach", "Attach"),
)
