"""Tax templates: rows of taxes that documents take over."""

from __future__ import annotations

from . import Change, Controller


class TaxTemplateController(Controller):
    """A template is named by its title and its company's abbreviation."""

    def autoname(self, change: Change) -> str | None:
        """`Title - ABBR`."""
        session, document = change.session, change.document
        abbreviation = session.value("Company", document.get("company"), "abbr")
        title = str(document.get("title") or "").strip()
        return f"{title} - {abbreviation}" if title and abbreviation else None
