"""What the rows, taxes and discounts of a sales or purchase document add up to."""

from __future__ import annotations

from typing import Any

import orjson

from syncd.adapters.sandbox.conversions import cint, flt
from syncd.adapters.sandbox.errors import invalid
from syncd.adapters.sandbox.session import Document, Session

from .rounding import digits_of, round_fields, rounded, to_smallest_coin
from .words import money_in_words

_ROW_AMOUNTS = ("price_list_rate", "rate", "net_rate", "amount", "net_amount")
_ON_ROW = ("On Previous Row Amount", "On Previous Row Total")
_FULL_DISCOUNT = 100.0
_TOLERATED = 0.05


def add_up(session: Session, document: Document) -> None:
    """Compute row amounts, taxes, discount and totals in place, in the document's and in the company's currency.

    Raises ValidationError for taxes that refer to rows that cannot be meant.
    """
    _Sum(session, document).run()


class _Sum:
    """One computation: `discounted` once the document's own discount is spread over the rows."""

    def __init__(self, session: Session, document: Document) -> None:
        self.session, self.document = session, document
        self.meta = session.meta(document["doctype"])
        self.rows: list[Document] = document["items"]
        self.taxes: list[Document] = document.get("taxes") or []
        self.rate = flt(document.get("conversion_rate")) or 1.0
        self.buying = "supplier" in document
        self.discounted = False
        self.fractions: dict[int, float] = {}
        self.total_fractions: dict[int, float] = {}

    def run(self) -> None:
        for row in self.rows:
            self._price(row)
        self._pass()
        self._discount()
        self._rounded_total()
        self._words()

    def _based(self, document: Document, *names: str) -> None:
        """Put amounts into the company's currency as well."""
        for name in names:
            document[f"base_{name}"] = rounded(flt(document.get(name)) * self.rate)

    def _digits(self, name: str) -> int:
        return digits_of(self.meta.by_name[name])

    def _price(self, row: Document) -> None:
        """Rate and amount of a row. A rate above the list's is a margin, which later saves put on the list's rate."""
        meta = self.session.meta(row["doctype"])
        round_fields(meta, row)
        listed = row["price_list_rate"]
        if row["discount_percentage"] == _FULL_DISCOUNT:
            row["rate"] = 0.0
        elif listed and not row["rate"]:
            row["rate"] = rounded(listed * (1.0 - row["discount_percentage"] / 100.0))
            row["discount_amount"] = listed * row["discount_percentage"] / 100.0
        if listed:
            self._margin(row, listed)
        row["net_rate"] = row["rate"]
        quantity = row["qty"] or (-1.0 if cint(self.document.get("is_return")) else 0.0)
        row["amount"] = row["net_amount"] = rounded(row["rate"] * quantity)
        row["distributed_discount_amount"] = 0.0
        self._based(row, *_ROW_AMOUNTS)

    def _margin(self, row: Document, listed: float) -> None:
        row["rate_with_margin"] = 0.0
        if row["rate"] > listed:
            row["margin_type"], row["margin_rate_or_amount"] = "Amount", rounded(row["rate"] - listed, 3)
        elif row.get("margin_type") and row["margin_rate_or_amount"]:
            margin = row["margin_rate_or_amount"]
            row["rate_with_margin"] = listed + (margin if row["margin_type"] == "Amount" else listed * margin / 100.0)
        row["base_rate_with_margin"] = row["rate_with_margin"] * self.rate
        if not row["rate_with_margin"]:
            row["discount_amount"] = rounded(listed - row["rate"])
            return
        whole = row["rate_with_margin"]
        row["rate"] = rounded(whole * (1.0 - row["discount_percentage"] / 100.0))
        if row["discount_amount"] and not row["discount_percentage"]:
            row["rate"] = rounded(whole - row["discount_amount"])
        else:
            row["discount_amount"] = rounded(whole - row["rate"])

    def _pass(self) -> None:
        """One pass over taxes and totals; the second comes after the discount was spread."""
        document = self.document
        document["rounding_adjustment"] = 0.0
        for position, tax in enumerate(self.taxes, 1):
            self._start(position, tax)
        if not self.discounted:
            document["total_qty"] = rounded(sum(row["qty"] for row in self.rows), 3)
            for name in ("total", "base_total"):
                source = name.replace("total", "amount")
                document[name] = rounded(sum(row[source] for row in self.rows))
            if any(cint(tax.get("included_in_print_rate")) for tax in self.taxes):
                for row in self.rows:
                    self._take_taxes_out(row)
        document["net_total"] = rounded(sum(row["net_amount"] for row in self.rows))
        document["base_net_total"] = rounded(sum(row["base_net_amount"] for row in self.rows))
        self._charge()
        self._settle_inclusive()
        self._totals()

    def _start(self, position: int, tax: Document) -> None:
        if not self.discounted:
            self._check(position, tax)
            round_fields(self.session.meta(tax["doctype"]), tax)
        tax["total"] = tax["tax_amount_after_discount_amount"] = 0.0
        if tax["charge_type"] != "Actual" and not self._spread_on_total():
            tax["tax_amount"] = 0.0

    def _spread_on_total(self) -> bool:
        return self.discounted and self.document.get("apply_discount_on") == "Grand Total"

    def _check(self, position: int, tax: Document) -> None:
        kind, other = tax.get("charge_type"), cint(tax.get("row_id"))
        if kind in _ON_ROW and not tax.get("row_id"):
            raise invalid(f"Please specify a valid Row ID for row {position} in table {self._taxes_label()}")
        if kind in _ON_ROW and other >= position:
            raise invalid("Cannot refer row number greater than or equal to current row number for this Charge type")
        if kind == "Actual" and cint(tax.get("included_in_print_rate")):
            raise invalid(f"Charge of type 'Actual' in row {position} cannot be included in Item Rate or Paid Amount")

    def _taxes_label(self) -> str:
        return self.meta.by_name["taxes"].label

    @staticmethod
    def _rates(row: Document) -> dict[str, Any]:
        text = row.get("item_tax_rate")
        try:
            rates = orjson.loads(text) if text else {}
        except orjson.JSONDecodeError:
            raise invalid(f"Row {row.get('idx')}: Item Tax Rate is not JSON") from None
        return rates if isinstance(rates, dict) else {}

    @staticmethod
    def _rate_of(tax: Document, rates: dict[str, Any]) -> float:
        return flt(rates[tax["account_head"]]) if tax.get("account_head") in rates else flt(tax.get("rate"))

    def _take_taxes_out(self, row: Document) -> None:
        """The net amount of a row whose rate has taxes in it."""
        rates = self._rates(row)
        whole, each = 0.0, 0.0
        for position, tax in enumerate(self.taxes, 1):
            share, kind = 0.0, tax["charge_type"]
            if cint(tax.get("included_in_print_rate")):
                rate, other = self._rate_of(tax, rates) / 100.0, cint(tax.get("row_id"))
                before = {"On Net Total": 1.0, _ON_ROW[0]: self.fractions.get(other, 0.0)}
                before[_ON_ROW[1]] = self.total_fractions.get(other, 1.0)
                share = rate * before.get(kind, 0.0)
                each += self._rate_of(tax, rates) if kind == "On Item Quantity" else 0.0
            share *= self._sign(tax)
            whole += share
            self.fractions[position] = share
            self.total_fractions[position] = self.total_fractions.get(position - 1, 1.0) + share
        if row["qty"] and (whole or each):
            row["net_amount"] = (row["amount"] - each * row["qty"]) / (1.0 + whole)
            row["net_amount"] = rounded(row["net_amount"])
            row["net_rate"] = rounded(row["net_amount"] / row["qty"])
            self._based(row, "net_rate", "net_amount")

    def _sign(self, tax: Document) -> float:
        return -1.0 if self.buying and tax.get("add_deduct_tax") == "Deduct" else 1.0

    def _counted(self, tax: Document, amount: float) -> float:
        """What a tax adds to the total: nothing where it is for valuation alone, less where it is deducted."""
        return 0.0 if self.buying and tax.get("category") == "Valuation" else amount * self._sign(tax)

    def _charge(self) -> None:
        detail: list[dict[str, list[float]]] = [{} for _ in self.taxes]
        for row in self.rows:
            rates = self._rates(row)
            currents: list[float] = []
            totals: list[float] = []
            for at, tax in enumerate(self.taxes):
                current = self._current(row, tax, rates, currents, totals)
                currents.append(current)
                totals.append((totals[-1] if totals else row["net_amount"]) + self._counted(tax, current))
                if tax["charge_type"] != "Actual" and not self._spread_on_total():
                    tax["tax_amount"] += current
                tax["tax_amount_after_discount_amount"] += current
                entry = detail[at].setdefault(str(row.get("item_code") or row.get("item_name")), [0.0, 0.0])
                entry[0], entry[1] = self._rate_of(tax, rates), entry[1] + current * self.rate
        before = self.document["net_total"]
        for at, tax in enumerate(self.taxes):
            if tax["charge_type"] == "Actual":  # shared out among the rows: the whole is what was said
                tax["tax_amount_after_discount_amount"] = flt(tax["tax_amount"])
            for name in ("tax_amount", "tax_amount_after_discount_amount"):
                tax[name] = rounded(tax[name])
            before = tax["total"] = rounded(before + self._counted(tax, tax["tax_amount_after_discount_amount"]))
            self._based(tax, "total", "tax_amount", "tax_amount_after_discount_amount")
            tax["item_wise_tax_detail"] = orjson.dumps(detail[at]).decode()
        if self.taxes and self._spread_on_total() and flt(self.document.get("discount_amount")):
            whole = self.document["grand_total"] - flt(self.document["discount_amount"])
            self.document["rounding_adjustment"] = rounded(whole - self.taxes[-1]["total"])

    def _current(
        self, row: Document, tax: Document, rates: dict[str, Any], currents: list[float], totals: list[float]
    ) -> float:
        """One tax on one row."""
        rate, kind, other = self._rate_of(tax, rates), tax["charge_type"], cint(tax.get("row_id")) - 1
        net = self.document["net_total"]
        if kind == "Actual":
            return row["net_amount"] * flt(tax["tax_amount"]) / net if net else 0.0
        if kind == "On Item Quantity":
            return rate * float(row["qty"])
        base = {"On Net Total": row["net_amount"]}
        if kind in _ON_ROW:
            base[kind] = (currents if kind == _ON_ROW[0] else totals)[other]
        return rate / 100.0 * float(base.get(kind, 0.0))

    def _settle_inclusive(self) -> None:
        """Cents lost by taking taxes out of rates come back as rounding, so that the total is what was agreed."""
        if not any(cint(tax.get("included_in_print_rate")) for tax in self.taxes):
            return
        beside = sum(
            tax["tax_amount_after_discount_amount"] for tax in self.taxes if not cint(tax.get("included_in_print_rate"))
        )
        lost = self.document["total"] + beside - self.taxes[-1]["total"]
        if self.discounted:
            lost -= flt(self.document.get("discount_amount"))
        lost = rounded(lost)
        if lost and abs(lost) <= _TOLERATED:
            self.document["rounding_adjustment"] = lost

    def _totals(self) -> None:
        document = self.document
        adjustment = document["rounding_adjustment"]
        total = self.taxes[-1]["total"] + adjustment if self.taxes else document["net_total"]
        document["grand_total"] = rounded(total)
        charges = rounded(document["grand_total"] - document["net_total"] - adjustment)
        document["total_taxes_and_charges"] = charges
        self._based(document, "total_taxes_and_charges", "rounding_adjustment", "grand_total")
        if not charges:
            document["base_grand_total"] = document["base_net_total"]
        if "taxes_and_charges_added" in document:
            for word, name in (("Add", "added"), ("Deduct", "deducted")):
                amounts = (
                    tax["tax_amount_after_discount_amount"]
                    for tax in self.taxes
                    if tax.get("category") != "Valuation" and tax.get("add_deduct_tax") == word
                )
                document[f"taxes_and_charges_{name}"] = rounded(sum(amounts))
                self._based(document, f"taxes_and_charges_{name}")

    def _discount(self) -> None:
        """Spread the document's own discount over its rows and compute once more."""
        document = self.document
        on = str(document.get("apply_discount_on") or "")
        percentage = flt(document.get("additional_discount_percentage"))
        if percentage and on:
            whole = document["grand_total" if on == "Grand Total" else "net_total"]
            document["discount_amount"] = rounded(whole * percentage / 100.0)
        discount = document["discount_amount"] = rounded(flt(document.get("discount_amount")))
        self._based(document, "discount_amount")
        if not discount:
            return
        if not on:
            raise invalid("Please select Apply Discount On")
        whole = document["net_total"] if on == "Net Total" else document["grand_total"] - self._fixed_charges()
        if not whole:
            return
        net = 0.0
        for row in self.rows:
            part = discount * row["net_amount"] / whole
            row["distributed_discount_amount"] = rounded(part)
            row["net_amount"] = rounded(row["net_amount"] - part)
            net += row["net_amount"]
        if on == "Net Total" or not self.taxes or whole == document["net_total"]:
            self.rows[-1]["net_amount"] = rounded(self.rows[-1]["net_amount"] + document["net_total"] - net - discount)
        for row in self.rows:
            row["net_rate"] = rounded(row["net_amount"] / row["qty"]) if row["qty"] else 0.0
            self._based(row, "net_rate", "net_amount")
        self.discounted = True
        self._pass()

    def _fixed_charges(self) -> float:
        """Charges that do not shrink with the rows' amounts: a discount on the grand total leaves them whole."""
        fixed: dict[int, float] = {}
        for position, tax in enumerate(self.taxes, 1):
            if tax["charge_type"] in ("Actual", "On Item Quantity"):
                fixed[position] = self._counted(tax, tax["tax_amount"])
            elif tax["charge_type"] in _ON_ROW and cint(tax.get("row_id")) in fixed:
                fixed[position] = fixed[cint(tax["row_id"])] * flt(tax["rate"]) / 100.0
        return sum(fixed.values())

    def _rounded_total(self) -> None:
        document = self.document
        if cint(document.get("disable_rounded_total")):
            document["rounded_total"] = document["base_rounded_total"] = 0.0
            return
        whole = to_smallest_coin(self.session, document["grand_total"], str(document.get("currency")))
        document["rounded_total"] = whole
        document["rounding_adjustment"] = rounded(document["rounding_adjustment"] + whole - document["grand_total"])
        self._based(document, "rounded_total", "rounding_adjustment")

    def _words(self) -> None:
        document = self.document
        company = self.session.value("Company", document.get("company"), "default_currency")
        for prefix, currency in (("", document.get("currency")), ("base_", company)):
            amount = document[f"{prefix}rounded_total"] or document[f"{prefix}grand_total"]
            document[f"{prefix}in_words"] = money_in_words(amount, str(currency))
