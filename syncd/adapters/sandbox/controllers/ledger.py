"""Entries of the general ledger, written for documents that book and never by clients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from syncd.adapters.sandbox import naming, saving
from syncd.adapters.sandbox.conversions import cint
from syncd.adapters.sandbox.defaults import apply_defaults
from syncd.adapters.sandbox.documents import from_row, select_list
from syncd.adapters.sandbox.errors import invalid
from syncd.adapters.sandbox.session import Document, Session

from .rounding import rounded

_CENT, _HALF_UNIT, _FEW_CENTS = 0.01, 0.5, 0.05
_STANDARD = ("name", "owner", "creation", "modified", "modified_by")


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One amount on one account: a debit in the company's currency, a credit where it is negative.

    `in_account_currency` is the same amount in the account's own currency (None: it is the company's).
    """

    account: str
    amount: float
    in_account_currency: float | None = None
    against: str | None = None
    party_type: str | None = None
    party: str | None = None
    against_voucher_type: str | None = None
    against_voucher: str | None = None
    cost_center: str | None = None
    project: str | None = None
    due_date: str | None = None
    remarks: str | None = None


@dataclass(frozen=True, slots=True)
class _Account:
    is_group: int
    disabled: int
    company: str
    report_type: str
    account_type: str
    currency: str


def setting(session: Session, name: str) -> Any:
    """A value of Accounts Settings."""
    return session.value("Accounts Settings", "Accounts Settings", name)


def book(session: Session, voucher: Document, postings: Iterable[Posting], *, merge: bool = True) -> None:
    """Write what a voucher books. `merge`: what goes to one account for one purpose is one entry.

    Raises ValidationError as the site does: group, disabled or foreign accounts, no party, no cost center, a date
    that is frozen or in no fiscal year, and sums that do not balance.
    """
    year = fiscal_year(session, voucher)
    check_not_frozen(session, voucher)
    rows = _merged(postings) if merge else list(postings)
    rows = [row for row in rows if rounded(row.amount) or rounded(row.in_account_currency or 0.0)]
    rows = _balanced(session, voucher, rows)
    accounts = {row.account: _account(session, row.account) for row in rows}
    for row in rows:
        _check(voucher, row, accounts[row.account])
    for row in rows:
        _insert(session, _values(voucher, row, year, accounts[row.account].currency))


def fiscal_year(session: Session, voucher: Document) -> str:
    """The year that the voucher's date is in. Raises FiscalYearError."""
    day = str(voucher["posting_date"])[:10]
    row = session.one(
        'SELECT name FROM "tabFiscal Year" WHERE disabled = 0 AND year_start_date <= ? AND year_end_date >= ?', day, day
    )
    if row is None:
        raise invalid(f"Date {day} is not in any active Fiscal Year for {voucher['company']}", "FiscalYearError")
    return str(row[0])


def check_not_frozen(session: Session, voucher: Document) -> None:
    """Raise ValidationError where the books are closed up to a later day."""
    frozen, role = setting(session, "acc_frozen_upto"), setting(session, "frozen_accounts_modifier")
    if frozen and str(voucher["posting_date"])[:10] <= frozen and (not role or role not in session.user.roles):
        raise invalid(f"You are not authorized to add or update entries before {frozen}")


def _merged(postings: Iterable[Posting]) -> list[Posting]:
    found: dict[Posting, Posting] = {}
    for row in postings:
        key = replace(row, amount=0.0, in_account_currency=None)
        before = found.get(key)
        if before is not None:
            own = (before.in_account_currency or 0.0) + (row.in_account_currency or 0.0)
            whole = None if row.in_account_currency is None else own
            row = replace(row, amount=before.amount + row.amount, in_account_currency=whole)
        found[key] = row
    return list(found.values())


def _balanced(session: Session, voucher: Document, rows: list[Posting]) -> list[Posting]:
    """The rows with a few cents put on the round off account where sums differ by no more."""
    lost = rounded(sum(rounded(row.amount) for row in rows))
    allowed = _FEW_CENTS if voucher["doctype"] in ("Journal Entry", "Payment Entry") else _HALF_UNIT
    if abs(lost) > allowed:
        text = f"Debit and Credit not equal for {voucher['doctype']} #{voucher['name']}. Difference is {lost}."
        raise invalid(text, title="Debit-Credit Mismatch")
    if abs(lost) < _CENT:
        return rows
    return [*rows, round_off(session, voucher, -lost)]


def round_off(session: Session, voucher: Document, amount: float) -> Posting:
    """What goes to the company's round off account."""
    row = session.one(
        "SELECT round_off_account, round_off_cost_center FROM tabCompany WHERE name = ?", voucher["company"]
    )
    if not row or not row[0]:
        raise invalid(f"Please mention Round Off Account in Company: {voucher['company']}")
    return Posting(account=row[0], amount=amount, cost_center=row[1], against=voucher.get("customer"))


def _account(session: Session, name: str) -> _Account:
    row = session.one(
        "SELECT is_group, disabled, company, report_type, ifnull(account_type, ''), account_currency "
        "FROM tabAccount WHERE name = ?",
        name,
    )
    if row is None:
        raise invalid(f"Could not find Account: {name}", "LinkValidationError")
    return _Account(*row)


def _check(voucher: Document, row: Posting, account: _Account) -> None:
    where = f"{voucher['doctype']} {voucher['name']}"
    text = ""
    if account.is_group:
        text = f"Account {row.account} is a Group Account and group accounts cannot be used in transactions"
    elif account.disabled:
        text = f"Account {row.account} is inactive"
    elif account.company != voucher["company"]:
        text = f"Account {row.account} does not belong to Company {voucher['company']}"
    elif account.account_type == "Receivable" and not (row.party_type and row.party):
        text = f"Customer is required against Receivable account {row.account}"
    elif account.account_type == "Payable" and not (row.party_type and row.party):
        text = f"Supplier is required against Payable account {row.account}"
    elif account.report_type == "Profit and Loss" and not row.cost_center:
        text = (
            f"Cost Center is required for 'Profit and Loss' account {row.account}.<br>Please set the cost center "
            f"field in {row.account} or setup a default Cost Center for the Company."
        )
    if text:
        raise invalid(f"{where}: {text}")


def _values(voucher: Document, row: Posting, year: str, currency: str) -> dict[str, Any]:
    amount = rounded(row.amount)
    own = amount if row.in_account_currency is None else rounded(row.in_account_currency)
    return {
        "posting_date": voucher["posting_date"],
        "account": row.account,
        "party_type": row.party_type,
        "party": row.party,
        "cost_center": row.cost_center,
        "debit": max(amount, 0.0),
        "credit": max(-amount, 0.0),
        "account_currency": currency,
        "debit_in_account_currency": max(own, 0.0),
        "credit_in_account_currency": max(-own, 0.0),
        "against": row.against,
        "against_voucher_type": row.against_voucher_type,
        "against_voucher": row.against_voucher,
        "voucher_type": voucher["doctype"],
        "voucher_no": voucher["name"],
        "project": row.project or voucher.get("project"),
        "remarks": row.remarks or voucher.get("remarks") or voucher.get("remark") or "No Remarks",
        "is_opening": voucher.get("is_opening") or "No",
        "is_advance": "No",
        "fiscal_year": year,
        "company": voucher["company"],
        "due_date": row.due_date,
    }


def _insert(session: Session, values: dict[str, Any]) -> None:
    """Store an entry under a random name; the site's hourly job gives it another one (`jobs`)."""
    meta = session.meta("GL Entry")
    document = saving.new_document(session, meta, values)
    apply_defaults(session, meta, document)
    stamp, user = session.stamp(), session.user.name
    document.update(name=naming.hash_name(), owner=user, creation=stamp, modified=stamp, modified_by=user)
    document["docstatus"] = 1
    saving.insert_row(session, meta, document)


def reverse(session: Session, voucher: Document) -> None:
    """Cancel what a voucher booked: its entries once more the other way round, all marked cancelled.

    With the immutable ledger the first ones stay as they are and the others are of today.
    """
    meta = session.meta("GL Entry")
    check_not_frozen(session, voucher)
    immutable = bool(cint(setting(session, "enable_immutable_ledger")))
    found = session.connection.execute(
        f'SELECT {select_list(meta)} FROM "tabGL Entry" '
        "WHERE voucher_type = ? AND voucher_no = ? AND is_cancelled = 0 ORDER BY creation",
        (voucher["doctype"], voucher["name"]),
    ).fetchall()
    for row in found:
        entry = from_row(meta, row)
        if not immutable:
            saving.set_directly(session, meta, entry["name"], {"is_cancelled": 1})
        turned = {key: value for key, value in entry.items() if key not in _STANDARD}
        for plain in ("debit", "credit"):
            other = "credit" if plain == "debit" else "debit"
            turned[plain] = entry[other]
            turned[f"{plain}_in_account_currency"] = entry[f"{other}_in_account_currency"]
        turned["is_cancelled"], turned["to_rename"] = int(not immutable), 1
        turned["remarks"] = f"On cancellation of {voucher['name']}"
        if immutable:
            turned["posting_date"] = session.now().strftime("%Y-%m-%d")
        _insert(session, turned)
