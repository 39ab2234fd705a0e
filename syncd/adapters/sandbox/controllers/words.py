"""Amounts of money in English words, as printed documents carry them."""

from __future__ import annotations

_SMALL = [
    "Zero",
    "One",
    "Two",
    "Three",
    "Four",
    "Five",
    "Six",
    "Seven",
    "Eight",
    "Nine",
    "Ten",
    "Eleven",
    "Twelve",
    "Thirteen",
    "Fourteen",
    "Fifteen",
    "Sixteen",
    "Seventeen",
    "Eighteen",
    "Nineteen",
]
_TENS = ["Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety"]
_GROUPS = ((10**9, "Billion"), (10**6, "Million"), (1000, "Thousand"), (100, "Hundred"))
_TWENTY, _HUNDRED = 20, 100


def in_words(number: int) -> str:
    """A whole number that is not negative."""
    if number < _TWENTY:
        return _SMALL[number]
    for size, word in _GROUPS:
        if number >= size:
            rest = number % size
            joint = " and " if size == _HUNDRED else ", "
            return f"{in_words(number // size)} {word}" + (joint + in_words(rest) if rest else "")
    tens, rest = divmod(number, 10)
    return _TENS[tens - 2] + (f" {_SMALL[rest]}" if rest else "")


def money_in_words(amount: float, currency: str) -> str:
    """An amount with two decimals: `USD Twenty Seven and Twenty Five Cent only.`"""
    cents = round(abs(amount) * _HUNDRED)
    whole, fraction = divmod(cents, _HUNDRED)
    text = f"{currency} {in_words(whole)}" + (f" and {in_words(fraction)} Cent" if fraction else "")
    return ("Minus " if amount < 0 else "") + text + " only."
