"""Cause and next step for each well-known refusal of a site."""

from __future__ import annotations

from typing import Final

_BY_CODE: Final = {
    "LinkValidationError": (
        "a linked record does not exist: make it in ERPNext, or convert the value (values = { … }) in the mapping"
    ),
    "CancelledLinkError": "it links to a cancelled document: link it to the amendment instead",
    "LinkExistsError": (
        "other documents link to it: delete or cancel those first, or set delete.source_deleted to disable or ignore"
    ),
    "MandatoryError": "a mandatory field is empty: fill it in the source, or give it a default in the mapping",
    "UniqueValidationError": (
        "another document holds this value in a unique field: look for a duplicate, or add the field to match.by"
    ),
    "DuplicateEntryError": "a document of this name exists: add the naming field to match.by, or rename one",
    "NameError": (
        "ERPNext cannot name the document so: a name holds no < or > and does not begin with “New ” and the DocType; "
        "change the value in the source"
    ),
    "CharacterLengthExceededError": "the value is longer than the field: shorten it, or make the field longer",
    "DataTooLongException": "the value is longer than the field: shorten it, or make the field longer",
    "PermissionError": (
        "a role of the integration user lacks this right: give it in ERPNext's Role Permissions Manager, or leave the "
        "action out of the mapping"
    ),
    "UpdateAfterSubmitError": (
        "the document is submitted and this field may not change: set Allow on Submit for it, or amend"
    ),
    "CannotChangeConstantError": "the field can be set only once: make it a constant in the mapping",
    "DocstatusTransitionError": "a document goes from draft to submitted to cancelled only, one step at a time",
    "NonNegativeError": "the field takes no negative number: correct it in the source",
    "InvalidDates": "the dates contradict each other: correct them in the source",
    "InvalidNamingSeriesError": "the naming series is not one of ERPNext's: correct it in the source or the mapping",
    "DoesNotExistError": (
        "the site looked for another document that is not there: make it in ERPNext, or correct the value that names it"
    ),
    "EmptyTableError": "the document needs at least one row in a child table",
    "WorkflowPermissionError": "a workflow keeps the integration user from this step: give its role the transition",
    "WorkflowTransitionError": "the workflow has no such step: set a state that can be reached",
    "DataError": "a value is out of the range of its column: correct it in the source, or round it with a converter",
    "OperationalError": "the database takes no such value: correct it in the source, or convert it (date, decimal)",
    "ImportError": "the site does not have this DocType: check mapping.doctype, or install the app that brings it",
    "ValidationError": "a rule of ERPNext refuses the content: change the value in the source, or leave the field out",
}

_BY_STATUS: Final = {
    403: _BY_CODE["PermissionError"],
    405: "something in front of the site does not let this kind of request through: ask who runs it",
    413: "the request is too large for the site: shorten the longest values",
    417: _BY_CODE["ValidationError"],
    500: "the site failed while handling it: its Error Log holds the details",
}


def hint_for(code: str, status: int) -> str:
    """The next step for the error that the site calls `code`, or for the HTTP status where it gave no known name."""
    return _BY_CODE.get(code) or _BY_STATUS.get(status, "the site's Error Log may hold the details")
