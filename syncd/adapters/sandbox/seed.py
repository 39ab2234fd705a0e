"""What a fresh site holds: one company with its chart of accounts, masters, countries, currencies, languages."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import orjson

from syncd.core.countries import country_names

from . import naming
from .controllers.trees import TreeController
from .lifecycle import remove
from .meta import make_meta, packaged
from .schema import create_internal_tables, synchronise_table
from .seed_accounting import seed_accounting
from .seed_data import (
    CHART,
    CURRENCIES,
    CUSTOMER_GROUPS,
    INDUSTRIES,
    ITEM_GROUPS,
    LANGUAGES,
    SIMPLE,
    SMALLEST_COINS,
    SUPPLIER_GROUPS,
    TERRITORIES,
    UNITS,
    WAREHOUSES,
)
from .session import Session
from .storing import add

if TYPE_CHECKING:
    from .site import Site

COMPANY, ABBREVIATION, CURRENCY, COUNTRY = "Acme Inc", "AI", "USD", "United States"


def prepare(site: Site) -> None:
    """Bring the store up to the packaged DocTypes; fill it when it is fresh. The site's zone is the one given."""
    digest = sha256(orjson.dumps(packaged())).hexdigest()
    with site.writing() as session:
        create_internal_tables(session.connection)
        row = session.one("SELECT value FROM _site WHERE key = 'seeded'")
        if row is None or row[0] != digest:
            for values in packaged().values():
                synchronise_table(session.connection, make_meta(values))
            if row is None:
                _seed(session)
            else:
                _doctypes(session)
            seed_accounting(session)
        session.connection.execute("INSERT OR REPLACE INTO _site VALUES ('seeded', ?)", (digest,))
        session.connection.execute('UPDATE "tabSystem Settings" SET time_zone = ?', (site.clock.zone,))
        site.settings.update(company=COMPANY, currency=CURRENCY, country=COUNTRY, language="en")


def _seed(session: Session) -> None:
    for name in ("Core", "Desk", "Custom", "Accounts", "Selling", "Stock", "Buying", "CRM", "Setup", "Contacts"):
        add(session, "Module Def", name)
    _geography(session)
    _doctypes(session)
    add(
        session,
        "System Settings",
        "System Settings",
        country=COUNTRY,
        language="en",
        currency=CURRENCY,
        setup_complete=1,
    )
    _users(session)
    for doctype, names in SIMPLE.items():
        for name in names:
            add(session, doctype, name)
    for name in INDUSTRIES:
        add(session, "Industry Type", name)
    for name, whole in UNITS:
        add(session, "UOM", name, must_be_whole_number=whole)
    for doctype, tree in (
        ("Territory", TERRITORIES),
        ("Customer Group", CUSTOMER_GROUPS),
        ("Supplier Group", SUPPLIER_GROUPS),
        ("Item Group", ITEM_GROUPS),
    ):
        _tree(session, doctype, tree)
    for name, selling in (("Standard Selling", 1), ("Standard Buying", 0)):
        add(session, "Price List", name, currency=CURRENCY, selling=selling, buying=1 - selling)
    _company(session)
    trace = {"doctype": "Customer", "customer_name": "Demo Customer", "name": "Demo Customer"}
    values = {"deleted_doctype": "Customer", "deleted_name": "Demo Customer", "data": orjson.dumps(trace).decode()}
    add(session, "Deleted Document", naming.hash_name(), **values)  # of the demo data that setup clears away


def _tree(session: Session, doctype: str, tree: dict[str, list[str]]) -> None:
    parent_field = session.meta(doctype).parent_field
    for root, leaves in tree.items():
        add(session, doctype, root, is_group=1, lft=1, rgt=2)
        for leaf in leaves:
            add(session, doctype, leaf, is_group=0, **{parent_field: root}, old_parent=root)
    TreeController().rebuild(session, session.meta(doctype))


def _geography(session: Session) -> None:
    for country_code, name in country_names().items():
        add(session, "Country", name, code=country_code.lower())
    for code, (symbol, fraction) in CURRENCIES.items():
        enabled = int(code in ("USD", "EUR", "GBP", "CAD", "AUD", "JPY", "CNY", "INR", "CHF", "AED"))
        coin = SMALLEST_COINS.get(code, 0.01)
        values = {"symbol": symbol, "fraction": fraction, "fraction_units": 100, "enabled": enabled}
        add(session, "Currency", code, **values, smallest_currency_fraction_value=coin)
    for code, name in LANGUAGES.items():
        add(session, "Language", code, language_name=name)


def _doctypes(session: Session) -> None:
    """The DocTypes as documents; those of an older store give way."""
    for name, values in packaged().items():
        remove(session, session.meta("DocType"), name)
        rows = {
            "fields": [dict(row) for row in values["fields"]],
            "permissions": [
                dict.fromkeys(("read", "write", "create", "delete"), 0) | row for row in values.get("permissions") or ()
            ],
        }
        head = {key: value for key, value in values.items() if key not in ("name", "fields", "permissions")}
        add(session, "DocType", name, module="Core", **head, **rows)


def _users(session: Session) -> None:
    for user, first in ((session.user, "Administrator"), (session.site.guest, "Guest")):
        add(session, "User", user.name, first_name=first, full_name=first)
    roles = sorted({role for user in session.site.users.values() for role in user.roles})
    for role in ("Administrator", "Guest", *roles):
        add(session, "Role", role)
    for (key, _), user in session.site.users.items():
        rows = [{"role": role} for role in sorted(user.roles)]
        name = {"full": "Sync", "limited": "Limited"}[key]
        add(session, "User", user.name, first_name=name, full_name=name, api_key=key, roles=rows)


def _company(session: Session) -> None:
    def own(name: str) -> str:
        return f"{name} - {ABBREVIATION}"

    add(
        session,
        "Company",
        COMPANY,
        abbr=ABBREVIATION,
        default_currency=CURRENCY,
        country=COUNTRY,
        chart_of_accounts="Standard",
        default_receivable_account=own("Debtors"),
        default_payable_account=own("Creditors"),
        default_income_account=own("Sales"),
        default_expense_account=own("Cost of Goods Sold"),
        default_cash_account=own("Cash"),
        default_bank_account=own("Main Bank"),
        round_off_account=own("Round Off"),
        cost_center=own("Main"),
        round_off_cost_center=own("Main"),
        lft=1,
        rgt=2,
    )
    for name, parent, root_type, account_type, is_group in CHART:
        report = "Balance Sheet" if root_type in ("Asset", "Liability", "Equity") else "Profit and Loss"
        add(
            session,
            "Account",
            own(name),
            account_name=name,
            parent_account=own(parent) if parent else None,
            company=COMPANY,
            root_type=root_type,
            report_type=report,
            account_type=account_type,
            account_currency=CURRENCY,
            is_group=is_group,
        )
    for name, parent, is_group in ((COMPANY, None, 1), ("Main", COMPANY, 0)):
        values = {"cost_center_name": name, "company": COMPANY, "is_group": is_group}
        add(session, "Cost Center", own(name), parent_cost_center=own(parent) if parent else None, **values)
    for name, parent in WAREHOUSES:
        values = {"warehouse_name": name, "company": COMPANY, "is_group": int(parent is None)}
        add(session, "Warehouse", own(name), parent_warehouse=own(parent) if parent else None, **values)
    for doctype in ("Account", "Cost Center", "Warehouse"):
        TreeController().rebuild(session, session.meta(doctype))
