"""What some DocTypes do of themselves: names, values they fill in, documents they make besides."""

from __future__ import annotations

from dataclasses import dataclass

from syncd.adapters.sandbox.meta import DocTypeMeta
from syncd.adapters.sandbox.session import Document, Session


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one document: `before` is it as it was stored, None on insert."""

    session: Session
    meta: DocTypeMeta
    document: Document
    before: Document | None = None


class Controller:
    """A DocType without behaviour of its own; the others override what they need."""

    def autoname(self, change: Change) -> str | None:  # noqa: ARG002
        """The name by the DocType's own rule, or None to follow `autoname`."""
        return None

    def before_insert(self, change: Change) -> None:
        """Before a new document is named."""

    def validate(self, change: Change) -> None:
        """Before the general checks of insert, save and submit."""

    def after_insert(self, change: Change) -> None:
        """After the rows of a new document are written."""

    def on_update(self, change: Change) -> None:
        """After insert, save and submit."""

    def on_submit(self, change: Change) -> None:
        """After docstatus went from 0 to 1."""

    def before_cancel(self, change: Change) -> None:
        """Before docstatus goes from 1 to 2."""

    def on_cancel(self, change: Change) -> None:
        """After docstatus went from 1 to 2."""

    def on_trash(self, change: Change) -> None:
        """Before a document is deleted."""

    def after_rename(self, change: Change) -> None:
        """After a document got this name."""


_PLAIN = Controller()


def controller_of(doctype: str) -> Controller:
    """The behaviour of a DocType."""
    from .registry import CONTROLLERS

    return CONTROLLERS.get(doctype, _PLAIN)
