"""Rights that turn out to be missing for a whole DocType: after the first refusal nothing of the kind is sent again.

A refusal for want of a right may concern one document (a User Permission, somebody else's draft) or all of them (no
role gives it). Which of both is asked of the site once, by roles alone; only the latter is remembered, for one run.
"""

from __future__ import annotations

from typing import Final

from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.rights import Right, forget_right, may, owners_may
from syncd.core.model import Action
from syncd.errors import NotAllowedError, RecordError, RefusedError, SubmitNotAllowedError

_NO_RIGHT: Final = frozenset({"PermissionError", "HTTP 403"})
_NEEDED: Final = {
    Action.CREATE: Right.CREATE,
    Action.UPDATE: Right.WRITE,
    Action.LINK: Right.WRITE,
    Action.DISABLE: Right.WRITE,
    Action.DELETE: Right.DELETE,
    Action.SUBMIT: Right.SUBMIT,
    Action.AMEND: Right.AMEND,
}
"""Cancelling is not among them: before it, documents of other DocTypes are asked for, and guards let few through."""


class Barred:
    """What the site's user may not do with any document of one DocType, as far as this run has met it."""

    def __init__(self, client: SiteClient, doctype: str) -> None:
        self._client = client
        self._doctype = doctype
        self._missing: set[Right] = set()
        for right in set(_NEEDED.values()):
            forget_right(client, doctype, right)

    def check(self, action: Action) -> None:
        """Raise `NotAllowedError` for an action that is known to be refused, before anything is sent."""
        right = _NEEDED.get(action)
        if right in self._missing and right is not None:
            raise self._error(right)

    def judged(self, action: Action, error: RecordError) -> RecordError:
        """The error itself, or `NotAllowedError` where no role gives the right that `action` needs."""
        right = _NEEDED.get(action)
        if right is None or not isinstance(error, RefusedError) or error.code not in _NO_RIGHT:
            return error
        if may(self._client, self._doctype, right) or owners_may(self._client, self._doctype, right):
            return error
        self._missing.add(right)
        return self._error(right)

    def _error(self, right: Right) -> NotAllowedError:
        kind = SubmitNotAllowedError if right is Right.SUBMIT else NotAllowedError
        return kind(
            f"{self._client.user()} may not {right.value} {self._doctype} on {self._client.base_url}: no role of that "
            "user gives the right, so nothing more was sent",
            hint=f"give a role of that user “{right.label}” in ERPNext's Role Permissions Manager, then run `syncd "
            "failures retry`",
            code="PermissionError",
        )
