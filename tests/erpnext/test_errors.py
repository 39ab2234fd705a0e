"""Each kind of error with the text a user meets: the site's own words, in plain text, with a next step."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import orjson
import pytest

from syncd.adapters.erpnext.errors import plain_text, read_refusal, record_error
from syncd.errors import BusyError, GoneError, LostLinkError, RecordError, RefusedError, StaleError, UnknownOutcomeError
from tests.erpnext.helpers import refusal


def told(answer: httpx.Response) -> RecordError:
    held = read_refusal(answer.status_code, answer.headers, answer.content, lambda: datetime.now(UTC))
    return record_error(held, "Customer “Acme”")


TEXTS = [
    (
        "link target missing",
        refusal(417, "LinkValidationError", "Could not find Territory: Atlantis"),
        LostLinkError,
        "Customer “Acme”: the site refuses it: Could not find Territory: Atlantis",
        "make it in ERPNext, or convert the value",
    ),
    (
        "mandatory field",
        refusal(417, "MandatoryError", "Error: Value missing for Customer: Customer Name"),
        RefusedError,
        "Customer “Acme”: the site refuses it: Error: Value missing for Customer: Customer Name",
        "a mandatory field is empty",
    ),
    (
        "unique field, with the value that the message leaves out",
        refusal(
            417,
            "UniqueValidationError",
            "Syncd Shop ID must be unique",
            exception="frappe.exceptions.UniqueValidationError: ('Customer', 'Y', "
            "IntegrityError(1062, \"Duplicate entry 'shop-1' for key 'syncd_shop_id'\"))",
        ),
        RefusedError,
        "Customer “Acme”: the site refuses it: Syncd Shop ID must be unique; the value is 'shop-1'",
        "look for a duplicate",
    ),
    (
        "name taken",
        refusal(409, "DuplicateEntryError", "Item <strong>W-1</strong> already exists"),
        RefusedError,
        "Customer “Acme”: the site refuses it: Item W-1 already exists",
        "match.by",
    ),
    (
        "impossible name",
        refusal(
            409,
            "NameError",
            exception="frappe.exceptions.NameError: Name cannot contain special characters like '<', '>'",
        ),
        RefusedError,
        "Customer “Acme”: the site refuses it: Name cannot contain special characters like '<', '>'",
        "a name holds no < or >",
    ),
    (
        "no right, said in two messages with markup",
        httpx.Response(
            403,
            json={
                "exc_type": "PermissionError",
                "exception": "frappe.exceptions.PermissionError",
                "_server_messages": orjson.dumps(
                    [orjson.dumps({"message": "User <b>u</b> has no role<br>for <b>Item</b>"}).decode()]
                ).decode(),
                "_error_message": "You need the 'create' permission on <strong>Item</strong>  to perform this action.",
            },
        ),
        RefusedError,
        (
            "Customer “Acme”: the site refuses it: User u has no role for Item; You need the 'create' permission on "
            "Item to perform this action."
        ),
        "Role Permissions Manager",
    ),
    (
        "linked from elsewhere, with links in the message and the same words twice",
        refusal(
            417,
            "LinkExistsError",
            'Cannot delete because Customer <a href="/app/x">Acme</a> is linked',
            "Disable it.",
            "Disable it.",
        ),
        RefusedError,
        "Customer “Acme”: the site refuses it: Cannot delete because Customer Acme is linked; Disable it.",
        "disable or ignore",
    ),
    (
        "submitted",
        refusal(417, "UpdateAfterSubmitError", "Not allowed to change <strong>Rate</strong> after submission"),
        RefusedError,
        "Customer “Acme”: the site refuses it: Not allowed to change Rate after submission",
        "Allow on Submit",
    ),
    (
        "any other rule",
        refusal(417, "ItemPriceDuplicateItem", "Item Price appears multiple times"),
        RefusedError,
        "Customer “Acme”: the site refuses it: Item Price appears multiple times",
        "a rule of ERPNext refuses the content",
    ),
    (
        "a value that the database refuses, told only by the exception",
        refusal(
            500,
            "OperationalError",
            exception="pymysql.err.OperationalError: (1292, \"Incorrect date value: '31-01-2027'\")",
        ),
        RefusedError,
        "Customer “Acme”: the site refuses it: (1292, \"Incorrect date value: '31-01-2027'\")",
        "convert it",
    ),
    (
        "version 14 without exc_type: the class comes from the exception",
        httpx.Response(417, json={"exception": "frappe.exceptions.MandatoryError: [Customer, A]: customer_name"}),
        RefusedError,
        "Customer “Acme”: the site refuses it: [Customer, A]: customer_name",
        "a mandatory field is empty",
    ),
    (
        "version 14, two lines of exception",
        httpx.Response(417, json={"exc": "[]", "exception": "Traceback\nfrappe.exceptions.LinkValidationError: No X"}),
        LostLinkError,
        "Customer “Acme”: the site refuses it: No X",
        "make it in ERPNext",
    ),
    (
        "stale version",
        refusal(417, "TimestampMismatchError", "Error: Document has been modified after you have opened it"),
        StaleError,
        "Customer “Acme”: somebody changed it since it was read",
        "read again",
    ),
    (
        "gone",
        refusal(404, "DoesNotExistError", "Customer Acme not found"),
        GoneError,
        "Customer “Acme”: it is not there any more: Customer Acme not found",
        "deleted or renamed",
    ),
    (
        "gone, without a word",
        httpx.Response(404, json={"exc_type": "DoesNotExistError"}),
        GoneError,
        "Customer “Acme”: it is not there any more: DoesNotExistError",
        "deleted or renamed",
    ),
    (
        "locked by a job",
        refusal(417, "DocumentLockedError", "This document is currently locked"),
        BusyError,
        "Customer “Acme”: the site is busy: This document is currently locked",
        "nothing was done",
    ),
    (
        "too many requests",
        refusal(429, "TooManyRequestsError"),
        BusyError,
        "Customer “Acme”: the site is busy: TooManyRequestsError",
        "nothing was done",
    ),
    (
        "too large, from the web server",
        httpx.Response(413, html="<title>413 Request Entity Too Large</title>"),
        RefusedError,
        "Customer “Acme”: the site refuses it: HTTP 413, a page titled “413 Request Entity Too Large”",
        "too large",
    ),
    (
        "a proxy that lets no PUT through",
        httpx.Response(405, html="<h1>Method Not Allowed</h1>"),
        RefusedError,
        "Customer “Acme”: the site refuses it: HTTP 405, a page titled “Method Not Allowed”",
        "in front of the site",
    ),
    (
        "a gateway's error",
        httpx.Response(502, html="<h1>502 Bad Gateway</h1>"),
        UnknownOutcomeError,
        "Customer “Acme”: no usable answer: HTTP 502, a page titled “502 Bad Gateway”",
        "looks whether it was done",
    ),
    (
        "messages that are not as they should be are taken as far as they can be read",
        httpx.Response(417, json={"exc_type": "ValidationError", "_server_messages": '["no json", "{\\"a\\": 1}", 3]'}),
        RefusedError,
        "Customer “Acme”: the site refuses it: no json",
        "a rule of ERPNext",
    ),
]


@pytest.mark.parametrize(("case", "answer", "kind", "text", "hint"), TEXTS, ids=[row[0] for row in TEXTS])
def test_text(case: str, answer: httpx.Response, kind: type[RecordError], text: str, hint: str) -> None:
    error = told(answer)
    assert type(error) is kind
    assert error.message == text
    assert hint in error.hint
    assert "Traceback" not in str(error)
    assert "/home/frappe" not in str(error)


def test_code_and_request_id_are_kept() -> None:
    error = told(refusal(417, "MandatoryError", "m", **{"X-Frappe-Request-Id": "abc"}))
    assert (error.code, error.request_id) == ("MandatoryError", "abc")
    assert told(httpx.Response(413, html="x")).code == "HTTP 413"


def test_long_words_are_shortened_in_the_middle() -> None:
    error = told(refusal(417, "CharacterLengthExceededError", "Customer " + "x" * 5000 + " max characters is 140"))
    assert len(error.message) < 700
    assert error.message.endswith("max characters is 140")
    assert "longer than the field" in error.hint


@pytest.mark.parametrize(
    ("markup", "text", "why"),
    [
        ("<b>a</b> &amp; <i>b</i>", "a & b", "tags go, entities are decoded"),
        ("a<br>b<br/>c</p>d", "a b c d", "breaks become blanks"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2", "comparisons are no tags"),
        ("<script>alert('x')</script>kept", "kept", "scripts go whole"),
        ("  many \n\n blanks ", "many blanks", "blanks are joined"),
    ],
)
def test_plain_text(markup: str, text: str, why: str) -> None:
    assert plain_text(markup) == text, why
