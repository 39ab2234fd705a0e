"""What the site does by itself at certain hours: tests make it happen."""

from __future__ import annotations

from . import naming, saving
from .controllers.settlement import INVOICES, invoice_status
from .documents import get
from .session import Session


def rename_ledger_entries(session: Session) -> int:
    """The hourly job: entries with random names get names of a series, and new stamps. How many there were."""
    rows = session.connection.execute('SELECT name FROM "tabGL Entry" WHERE to_rename = 1 ORDER BY rowid').fetchall()
    for (name,) in rows:
        new = naming.next_in_series(session, "ACC-GLE-.YYYY.-.#####", {})
        session.connection.execute(
            'UPDATE "tabGL Entry" SET name = ?, to_rename = 0, modified = ? WHERE name = ?',
            (new, session.stamp(), name),
        )
    return len(rows)


def mark_overdue(session: Session) -> int:
    """The daily job: unpaid invoices past their day become Overdue, without a new stamp. How many there were."""
    count = 0
    for doctype in INVOICES:
        meta = session.meta(doctype)
        rows = session.connection.execute(
            f'SELECT name FROM "{meta.table}" WHERE docstatus = 1 AND outstanding_amount > 0 '
            "AND (status LIKE 'Unpaid%' OR status LIKE 'Partly Paid%') AND due_date < ?",
            (session.now().strftime("%Y-%m-%d"),),
        ).fetchall()
        for (name,) in rows:
            if invoice_status(session, get(session, meta, name)) == "Overdue":
                saving.set_directly(session, meta, name, {"status": "Overdue"}, bump=False)
                count += 1
    return count
