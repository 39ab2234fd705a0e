"""ISO 3166-1 codes and the names of ERPNext's countries."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from syncd.core.values import InvalidValue, nearest, quote

_ERPNEXT_SPELLINGS = {
    "CI": "Ivory Coast",
    "CV": "Cape Verde",
    "CZ": "Czech Republic",
    "IR": "Iran",
    "KP": "Korea, Democratic Peoples Republic of",
    "LA": "Lao Peoples Democratic Republic",
    "MK": "Macedonia",
    "PS": "Palestinian Territory, Occupied",
    "SY": "Syria",
    "SZ": "Swaziland",
    "TR": "Turkey",
    "TW": "Taiwan",
    "TZ": "Tanzania",
    "VN": "Vietnam",
}
"""Countries that ERPNext's list (Frappe's `country_info.json`) spells otherwise than ISO 3166-1 does."""


@lru_cache(maxsize=1)
def country_names() -> Mapping[str, str]:
    """The names of ERPNext's countries by their ISO 3166-1 alpha-2 codes, in capitals."""
    import pycountry

    return {entry.alpha_2: _ERPNEXT_SPELLINGS.get(entry.alpha_2, entry.name) for entry in pycountry.countries}


@lru_cache(maxsize=1)
def _codes() -> Mapping[str, str]:
    """Codes by every known name in lower case."""
    import pycountry

    codes: dict[str, str] = {}
    for entry in pycountry.countries:
        for key in ("name", "common_name", "official_name"):
            if hasattr(entry, key):
                codes.setdefault(getattr(entry, key).casefold(), entry.alpha_2)
    # ERPNext's own spellings come last: they decide.
    return codes | {name.casefold(): code for code, name in country_names().items()}


def country_name(text: str) -> str:
    """ERPNext's name of the country with this code, in any case; raises `InvalidValue`."""
    name = country_names().get(text.strip().upper())
    if name is None:
        raise InvalidValue(f"{quote(text)} is not an ISO 3166-1 country code of two letters")
    return name


def country_code(text: str) -> str:
    """The code of a country by ERPNext's or ISO's name; raises `InvalidValue`."""
    code = _codes().get(text.strip().casefold())
    if code is None:
        close = nearest(text, country_names().values())
        hint = f"; nearest: {', '.join(map(quote, close))}" if close else ""
        raise InvalidValue(f"{quote(text)} is not the name of a country{hint}")
    return code
