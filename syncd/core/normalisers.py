"""The normalisers: converters that bring values to one form, in which they are compared and written.

Each factory's docstring is its documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from syncd.core.richtext import html_of, letters_of, plain_of
from syncd.core.steps import Ends, Step, text_of
from syncd.core.values import InvalidValue, Value


def _normaliser(function: Callable[[str], str], loses: str) -> Step:
    def normal(value: Value) -> Value:
        return function(text_of(value))

    return Step(forth=normal, back=normal, invertible=False, normalising=True, loses=loses)


def upper(_: tuple[str, ...], __: Ends) -> Step:
    """A normaliser: capitals. Case does not count, and what is written is in capitals."""
    return _normaliser(str.upper, "upper and lower case")


def lower(_: tuple[str, ...], __: Ends) -> Step:
    """A normaliser: small letters. Case does not count, and what is written is in small letters."""
    return _normaliser(str.lower, "upper and lower case")


def trim(_: tuple[str, ...], __: Ends) -> Step:
    """A normaliser: blanks at both ends do not count, and are not written."""
    return _normaliser(str.strip, "blanks at the ends")


_PHONE = re.compile(r"\s*\+?[0-9\s()./\-\u2010-\u2015]+")


def phone(args: tuple[str, ...], _: Ends) -> Step:
    """A normaliser: the number as E.164 (`+4930123456`), numbers without a country code are those of `region`.

    `region` is an ISO 3166-1 code of two letters. Text that is not exactly one possible number (`ask for Anna`, two
    numbers, an extension) is kept as it is.
    """
    import phonenumbers

    region = args[0].upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise InvalidValue(f"phone({args[0]}): the region is a country code of two letters, as in phone(DE)")
    return _normaliser(lambda text: _phone_number(text, region), "how the number is written")


@lru_cache(maxsize=65536)
def _phone_number(text: str, region: str) -> str:
    if not _PHONE.fullmatch(text):
        return text
    normal = _e164(text, region)
    # Of the rare number that reads differently once it is normal, nothing is changed: twice must be once.
    return text if normal is None or _e164(normal, region) != normal else normal


def _e164(text: str, region: str) -> str | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


_RICH_TYPES = frozenset({"Text Editor", "HTML Editor"})
"""ERPNext's field types that hold HTML."""


def text(_: tuple[str, ...], ends: Ends) -> Step:
    """A normaliser between rich text and plain: tags, entities and differences of blanks do not count.

    A Text Editor or HTML Editor in ERPNext holds HTML, the source plain text: it is escaped one way, and the markup is
    taken off the other way. Any other field in ERPNext holds plain text: the markup of the source's text is taken off,
    and ERPNext's text goes to the source as it is.
    """

    def forth(value: Value) -> Value:
        return html_of(text_of(value)) if rich else plain_of(text_of(value))

    def back(value: Value) -> Value:
        return plain_of(text_of(value)) if rich else value

    rich = ends.erpnext.name in _RICH_TYPES
    return Step(
        forth=forth,
        back=back,
        invertible=False,
        normalising=True,
        loses="markup and blanks",
        essence=lambda value: letters_of(value) if isinstance(value, str) else value,
    )
