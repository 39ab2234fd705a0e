"""Scope: whether a record, once written, would still fit the filters of the side that is written.

"A record that would not fit the receiving side's filter once written is refused with a name, not created out of sight"
(contract, "Scope"). Only what is sent can be judged here; a filter on a field that nothing is sent for is the other
side's to answer. Text compares as ERPNext's database does: without case and blanks at the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation

from syncd.core.mapping import MappingSpec
from syncd.core.model import Raw, Side
from syncd.core.values import quote

Operand = Raw | tuple[Raw, ...]


def out_of_scope(spec: MappingSpec, side: Side, values: Mapping[str, Raw]) -> str | None:
    """Why a record of `side` that is given `values` would not fit its filters; None where nothing speaks against it."""
    if side is Side.SOURCE:
        for column, wanted in spec.source_filters.items():
            if column in values and not _equal(values[column], wanted):
                return f"{column} would be {quote(values[column])}, but the mapping's filter wants {quote(wanted)}"
        return None
    for entry in spec.erpnext_filters:
        field, operator, operand = str(entry[0]), str(entry[1]), entry[2]
        if field in values and not _fits(values[field], operator, operand):
            shown = ", ".join(quote(part) for part in _parts(operand))
            return f"{field} would be {quote(values[field])}, but the mapping's filter wants {field} {operator} {shown}"
    return None


def filled_by_scope(spec: MappingSpec, side: Side) -> dict[str, Raw]:
    """Columns of a new row that the source's filters name: a row is created where the mapping can see it."""
    return dict(spec.source_filters) if side is Side.SOURCE else {}


def _parts(operand: Operand) -> tuple[Raw, ...]:
    return operand if isinstance(operand, tuple) else (operand,)


def _fits(value: Raw, operator: str, operand: Operand) -> bool:
    judge = _OPERATORS.get(operator)
    return True if judge is None else judge(value, _parts(operand))


def _text(value: Raw) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value).rstrip().casefold()


def _number(value: Raw) -> Decimal | None:
    try:
        return Decimal(_text(value))
    except InvalidOperation:
        return None


def _equal(left: Raw, right: Raw) -> bool:
    numbers = _number(left), _number(right)
    if numbers[0] is not None and numbers[1] is not None:
        return numbers[0] == numbers[1]
    return _text(left) == _text(right)


def _ordered(compare: Callable[[object, object], bool]) -> Callable[[Raw, Sequence[Raw]], bool]:
    def judge(value: Raw, operand: Sequence[Raw]) -> bool:
        left, right = _number(value), _number(operand[0])
        if left is not None and right is not None:
            return compare(left, right)
        return compare(_text(value), _text(operand[0]))

    return judge


def _like(value: Raw, operand: Sequence[Raw]) -> bool:
    pattern = re.escape(_text(operand[0])).replace("%", ".*").replace("_", ".")
    return re.fullmatch(pattern, _text(value), re.DOTALL) is not None


def _is(value: Raw, operand: Sequence[Raw]) -> bool:
    return (_text(value) != "") == (_text(operand[0]) == "set")


_OPERATORS: dict[str, Callable[[Raw, Sequence[Raw]], bool]] = {
    "=": lambda value, operand: _equal(value, operand[0]),
    "!=": lambda value, operand: not _equal(value, operand[0]),
    "in": lambda value, operand: any(_equal(value, one) for one in operand),
    "not in": lambda value, operand: not any(_equal(value, one) for one in operand),
    ">": _ordered(lambda left, right: left > right),  # type: ignore[operator]
    ">=": _ordered(lambda left, right: left >= right),  # type: ignore[operator]
    "<": _ordered(lambda left, right: left < right),  # type: ignore[operator]
    "<=": _ordered(lambda left, right: left <= right),  # type: ignore[operator]
    "like": _like,
    "not like": lambda value, operand: not _like(value, operand),
    "is": _is,
}
