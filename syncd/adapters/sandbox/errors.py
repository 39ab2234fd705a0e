"""What a real site refuses with: one exception that carries status, type, texts and side messages.

`exc_type` and the texts follow the recorded exchanges; a `SiteError` undoes the whole request it is raised in.
"""

from __future__ import annotations

import hashlib
from typing import Any

FRAPPE = "frappe.exceptions."


class SiteError(Exception):
    """An error as the HTTP border will show it.

    `module` precedes `exc_type` in the answer's `exception` ("frappe.exceptions.", "pymysql.err." or nothing).
    `messages` are the `_server_messages` that belong to the refusal, as plain dictionaries.
    `hidden` answers carry no traceback (404).
    """

    def __init__(
        self,
        status: int,
        exc_type: str,
        text: str = "",
        *,
        module: str = FRAPPE,
        messages: tuple[dict[str, Any], ...] = (),
        error_message: str | None = None,
        shown_as: str | None = None,
    ) -> None:
        super().__init__(text or exc_type)
        self.status = status
        self.exc_type = exc_type
        self.text = text
        self.module = module
        self.messages = messages
        self.error_message = error_message
        self.shown_as = shown_as

    @property
    def exception(self) -> str:
        """The last line of the traceback, as the answer's `exception` has it."""
        if self.shown_as is not None:
            return self.shown_as
        return f"{self.module}{self.exc_type}" + (f": {self.text}" if self.text else "")


class RouteError(Exception):
    """An error of the router itself: answered as HTML, not JSON."""

    def __init__(self, status: int, title: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.title = title
        self.text = text


def thrown(text: str, title: str = "Message") -> dict[str, Any]:
    """The side message of an error that was thrown with a text for the user."""
    digest = hashlib.sha224(text.encode("utf-8", "surrogatepass")).hexdigest()
    return {"message": text, "title": title, "indicator": "red", "raise_exception": 1, "__frappe_exc_id": digest}


def invalid(text: str, exc_type: str = "ValidationError", *, title: str = "Message", status: int = 417) -> SiteError:
    """A refusal whose text is shown to the user."""
    return SiteError(status, exc_type, text, messages=(thrown(text, title),))


def missing(doctype: str, name: str) -> SiteError:
    """404 of a document that is not there."""
    text = f"{doctype} {name} not found"
    return SiteError(404, "DoesNotExistError", text, messages=(thrown(text),))


def locked() -> SiteError:
    """417 of a document that a background job of the site is working on."""
    text = "This document is currently locked and queued for execution. Please try again after some time."
    return invalid(text, "DocumentLockedError", title="Document Queued")


def no_module(doctype: str) -> SiteError:
    """500 of a DocType that is not there, as the site answers everywhere but in lists."""
    module = doctype.lower().replace(" ", "_").replace("-", "_")
    text = f"No module named 'frappe.core.doctype.{module}'"
    return SiteError(500, "ImportError", text, shown_as=f"Error: {text}")


def database_error(exc_type: str, code: int, text: str) -> SiteError:
    """500 of a database that refuses a value (MariaDB's error number and words)."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return SiteError(500, exc_type, f'({code}, "{quoted}")', module="pymysql.err.")


def duplicate_name(doctype: str, name: str) -> SiteError:
    """409 of a name that is taken."""
    text = f"('{doctype}', '{name}', IntegrityError(1062, \"Duplicate entry '{name}' for key 'PRIMARY'\"))"
    message = {
        "message": f"{doctype} <strong>{name}</strong> already exists",
        "title": "Duplicate Name",
        "indicator": "red",
    }
    return SiteError(409, "DuplicateEntryError", text, messages=(message,))


def not_unique(doctype: str, name: str, fieldname: str, label: str, value: object) -> SiteError:
    """417 of a value that another document has in a unique field."""
    text = f"('{doctype}', '{name}', IntegrityError(1062, \"Duplicate entry '{value}' for key '{fieldname}'\"))"
    message = {"message": f"{label} must be unique", "title": "Message"}
    return SiteError(417, "UniqueValidationError", text, messages=(message,))


def not_permitted_in_query(fieldname: str) -> SiteError:
    """417 of a field that the DocType does not have."""
    return invalid(f"Field not permitted in query: {fieldname}", "DataError")
