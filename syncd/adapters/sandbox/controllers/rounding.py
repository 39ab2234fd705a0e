"""Rounding as the site does it: half to the even digit, to the digits of the field."""

from __future__ import annotations

import math

from syncd.adapters.sandbox.conversions import cint, flt
from syncd.adapters.sandbox.meta import DocTypeMeta, Field, Kind
from syncd.adapters.sandbox.session import Document, Session

MONEY_DIGITS, FLOAT_DIGITS = 2, 3
_HALF, _NOISE_DIGITS = 0.5, 9


def rounded(value: float, digits: int = MONEY_DIGITS) -> float:
    """The number with so many digits; a half goes to the even one ("Banker's Rounding", a new site's setting)."""
    scale = float(10**digits)
    scaled = round(value * scale, _NOISE_DIGITS)
    below = math.floor(scaled)
    if scaled - below == _HALF:
        return (below if below % 2 == 0 else below + 1) / scale
    return round(scaled) / scale + 0.0


def digits_of(field: Field) -> int:
    """How many digits a number of the field keeps in computations: its own precision, or the site's."""
    if field.precision:
        return cint(field.precision)
    return MONEY_DIGITS if field.fieldtype == "Currency" else FLOAT_DIGITS


def round_fields(meta: DocTypeMeta, document: Document) -> None:
    """Round every number of a document or row; what is absent becomes 0."""
    for item in meta.value_fields:
        if item.kind is Kind.FLOAT and item.fieldtype != "Rating":
            value = document.get(item.fieldname)
            document[item.fieldname] = rounded(flt(value), digits_of(item)) if value else 0.0


def to_smallest_coin(session: Session, amount: float, currency: str) -> float:
    """A total as it can be paid: to the currency's smallest coin, or to whole units where it names none."""
    coin = flt(session.value("Currency", currency, "smallest_currency_fraction_value"))
    if not coin:
        return rounded(amount, 0)
    steps = round(amount / coin, _NOISE_DIGITS)
    return rounded(rounded(steps, 0) * coin)
