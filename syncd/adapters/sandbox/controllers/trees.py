"""Trees: places in a nested set, and the DocTypes whose names carry their company's abbreviation."""

from __future__ import annotations

from syncd.adapters.sandbox.database import quoted
from syncd.adapters.sandbox.errors import invalid
from syncd.adapters.sandbox.meta import DocTypeMeta
from syncd.adapters.sandbox.session import Session

from . import Change, Controller


class TreeController(Controller):
    """Keeps `lft` and `rgt`: every node's pair encloses those of its descendants. Others shift without a stamp."""

    def after_insert(self, change: Change) -> None:
        """Take the last place below the parent, or the last root."""
        session, meta, document = change.session, change.meta, change.document
        table, parent = quoted(meta.table), document.get(meta.parent_field)
        row = session.one(f"SELECT rgt FROM {table} WHERE name = ?", parent) if parent else None
        if row is not None:
            place = row[0]
            session.connection.execute(f"UPDATE {table} SET rgt = rgt + 2 WHERE rgt >= ?", (place,))
            session.connection.execute(f"UPDATE {table} SET lft = lft + 2 WHERE lft > ?", (place,))
        else:
            last = session.one(f"SELECT ifnull(max(rgt), 0) FROM {table}")
            place = (last[0] if last else 0) + 1
        document.update(lft=place, rgt=place + 1, old_parent=parent or "")
        session.connection.execute(
            f"UPDATE {table} SET lft = ?, rgt = ?, old_parent = ? WHERE name = ?",
            (place, place + 1, parent or "", document["name"]),
        )

    def on_update(self, change: Change) -> None:
        """Move to another parent."""
        session, meta, document, before = change.session, change.meta, change.document, change.before
        if before is None or before.get(meta.parent_field) == document.get(meta.parent_field):
            return
        self.rebuild(session, meta)
        row = session.one(f"SELECT lft, rgt FROM {quoted(meta.table)} WHERE name = ?", document["name"])
        if row:
            document["lft"], document["rgt"] = row

    def on_trash(self, change: Change) -> None:
        """Refuse a node that has others below it."""
        session, meta, document = change.session, change.meta, change.document
        table, parent = quoted(meta.table), quoted(meta.parent_field)
        if session.one(f"SELECT 1 FROM {table} WHERE {parent} = ?", document["name"]):
            raise invalid(f"Cannot delete {document['name']} as it has child nodes", "NestedSetChildExistsError")

    def rebuild(self, session: Session, meta: DocTypeMeta) -> None:
        """Number the whole tree anew. Raises NestedSetRecursionError where a node is below itself."""
        table, parent = quoted(meta.table), quoted(meta.parent_field)
        below: dict[str, list[str]] = {}
        names = session.connection.execute(f"SELECT name, ifnull({parent}, '') FROM {table} ORDER BY lft").fetchall()
        for name, above in names:
            below.setdefault(above, []).append(name)
        places: list[tuple[int, int, str]] = []

        def number(name: str, left: int) -> int:
            right = left + 1
            for child in below.get(name, ()):
                right = number(child, right) + 1
            places.append((left, right, name))
            return right

        last = 0
        for root in below.get("", ()):
            last = number(root, last + 1)
        if len(places) != len(names):
            raise invalid("Item cannot be added to its own descendants", "NestedSetRecursionError")
        session.connection.executemany(f"UPDATE {table} SET lft = ?, rgt = ? WHERE name = ?", places)


class _CompanyTreeController(TreeController):
    """A tree whose names end with the company's abbreviation."""

    title = ""

    def autoname(self, change: Change) -> str | None:
        """`[number - ]title - ABBR`."""
        session, document = change.session, change.document
        abbreviation = session.value("Company", document.get("company"), "abbr")
        title = str(document.get(self.title) or "").strip()
        if not title or not abbreviation:
            return None
        number = document.get(self.title.replace("_name", "_number"))
        name = f"{title} - {abbreviation}" if not title.endswith(f" - {abbreviation}") else title
        return f"{str(number).strip()} - {name}" if number else name


class AccountController(_CompanyTreeController):
    """An account takes its kind from the group it is in, its currency from its company."""

    title = "account_name"

    def validate(self, change: Change) -> None:
        """Fill in root type, report type and currency; the parent must be a group of the same company."""
        session, document = change.session, change.document
        parent = document.get("parent_account")
        if parent:
            row = session.one("SELECT is_group, company, root_type, report_type FROM tabAccount WHERE name = ?", parent)
            if row and not row[0]:
                raise invalid(f"Account {document['name']}: Parent account {parent} can not be a ledger")
            if row and row[1] != document.get("company"):
                raise invalid(
                    f"Account {document['name']}: Parent account {parent} does not belong to company: "
                    f"{document.get('company')}"
                )
            if row:
                document["root_type"], document["report_type"] = row[2], row[3]
        if not document.get("report_type") and document.get("root_type"):
            balance = document["root_type"] in ("Asset", "Liability", "Equity")
            document["report_type"] = "Balance Sheet" if balance else "Profit and Loss"
        if not document.get("account_currency"):
            document["account_currency"] = session.value("Company", document.get("company"), "default_currency")


class CostCenterController(_CompanyTreeController):
    """A cost center."""

    title = "cost_center_name"


class WarehouseController(_CompanyTreeController):
    """A warehouse."""

    title = "warehouse_name"
