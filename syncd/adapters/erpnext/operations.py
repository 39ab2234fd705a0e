"""The DocType `Syncd Operation`: the key that makes a creation on the site exactly-once.

It is named by prompt, so one such record in front of a batch makes a second execution of that batch impossible: all or
nothing with its documents (tried on a running site: six identical calls at once, one done, five refused with 409).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from syncd.adapters.erpnext.calls import ListQuery, document_path
from syncd.adapters.erpnext.client import SiteClient
from syncd.errors import AccessError, GoneError, RefusedError

DOCTYPE: Final = "Syncd Operation"
LONGEST_KEY: Final = 140
PRUNE_AT_ONCE: Final = 200
_ABANDONED: Final = "abandoned"


def has_operations(client: SiteClient) -> bool:
    """Whether the site has the DocType and the user may read it; asked once in the life of the client."""
    return client.kept(DOCTYPE, lambda: _ask(client))


def forget_operations(client: SiteClient) -> None:
    """Ask again next time: the DocType was made or removed."""
    client.forget(DOCTYPE)


def _ask(client: SiteClient) -> bool:
    try:
        client.read_list(_query([], 1))
    except GoneError:
        return False
    except AccessError:
        # Without the right to read keys nobody could tell afterwards whether a batch was done; `check` says so.
        client.user()
        return False
    return True


def key_document(operation: str, *, mapping: str, run: str, records: str) -> dict[str, Any]:
    """The record that goes first in a batch; all but its name is for an administrator to read."""
    return {"doctype": DOCTYPE, "name": operation, "mapping": mapping, "run": run, "records": records}


@dataclass(frozen=True, slots=True)
class Key:
    """One operation key on the site."""

    creation: str
    """The site's naive stamp; the documents of the batch are not older."""
    abandoned: bool
    """The key was taken so that its batch can never be done any more."""


def find_key(client: SiteClient, operation: str) -> Key | None:
    """The key of this operation, or None where no batch of it was committed."""
    for found in client.read_list(_query([["name", "=", operation]], 2)):
        if found["name"] == operation:
            return Key(str(found["creation"]), abandoned=found["records"] == _ABANDONED)
    return None


def abandon_key(client: SiteClient, operation: str, *, mapping: str, run: str) -> Key | None:
    """Take the key of an operation that was not done, so that a late attempt of it is refused.

    The site makes this wait for a batch that is still under way. Returns the key when that batch was done after all,
    None when it now can never be done. Raises `RecordError` where neither is certain.
    """
    document = key_document(operation, mapping=mapping, run=run, records=_ABANDONED)
    try:
        client.write("POST", document_path(DOCTYPE), document, f"{DOCTYPE} {operation}", expects=("data", dict))
    except RefusedError as error:
        key = find_key(client, operation)
        if key is None:
            raise error
        return None if key.abandoned else key
    return None


def prune_keys(client: SiteClient, mapping: str, before: datetime) -> int:
    """Delete up to `PRUNE_AT_ONCE` keys of `mapping` that are older than the aware `before`; returns how many."""
    if not has_operations(client):
        return 0
    until = before.astimezone(ZoneInfo(client.zone())).replace(tzinfo=None).isoformat(sep=" ")
    old = client.read_list(_query([["mapping", "=", mapping], ["creation", "<", until]], PRUNE_AT_ONCE))
    for found in old:
        client.write("DELETE", document_path(DOCTYPE, found["name"]), None, f"{DOCTYPE} {found['name']}")
    return len(old)


def _query(filters: list[list[Any]], limit: int) -> ListQuery:
    return ListQuery(
        doctype=DOCTYPE,
        fields=("name", "creation", "records"),
        filters=filters,
        or_filters=[],
        order_by="creation asc, name asc",
        limit=limit,
    )
