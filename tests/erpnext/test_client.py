"""Requests: how they look, when they are sent again, how answers are recognised."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import orjson
import pytest

from syncd.adapters.erpnext import BasicAuth, SiteClient, TokenAuth
from syncd.adapters.erpnext.calls import ListQuery, SlowAnswerError
from syncd.adapters.erpnext.calls import document_path as path_of
from syncd.adapters.erpnext.errors import ReadForbiddenError
from syncd.errors import (
    AccessError,
    BusyError,
    GoneError,
    RefusedError,
    SyncdError,
    UnknownOutcomeError,
    UnreachableError,
)
from tests.erpnext.helpers import FakeClock, answers, mock_client, refusal

OK = httpx.Response(200, json={"data": {"name": "X"}})
ROWS = httpx.Response(200, json={"data": [{"name": "X"}]})
HTML = httpx.Response(200, html="<html><head><title>Sign &amp; in</title></head><body>…</body></html>")
CUT = httpx.Response(200, content=b'{"data": [{"na', headers={"content-type": "application/json"})
QUERY = ListQuery(doctype="Customer", fields=("name",), filters=[], or_filters=[], order_by="name asc", limit=5)
DEADLOCK = refusal(500, "QueryDeadlockError", "Deadlock occurred")
LOCKED = refusal(417, "DocumentLockedError", "The document is being changed by a job")
MALFORMED = httpx.RemoteProtocolError("peer closed connection without sending complete message body")


@pytest.fixture
def clock() -> FakeClock:
    """Time passes by sleeping alone."""
    made = FakeClock()
    made.at = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    return made


def test_names_are_encoded_byte_by_byte() -> None:
    assert path_of("Sales Order", "A/B %25 'ü\" \t?#") == (
        "/api/resource/Sales%20Order/A%2FB%20%2525%20%27%C3%BC%22%20%09%3F%23"
    )


def test_the_path_reaches_the_wire_as_it_was_encoded(clock: FakeClock) -> None:
    handle, asked = answers(OK)
    with_client = mock_client(handle, clock)
    with_client.get(path_of("Customer", "50% / 'ü'"), {}, "it")
    assert asked[0].url.raw_path == b"/api/resource/Customer/50%25%20%2F%20%27%C3%BC%27"


def test_headers_and_no_cookie_is_ever_sent_back(clock: FakeClock) -> None:
    handle, asked = answers(httpx.Response(200, json={"data": []}, headers={"set-cookie": "sid=Guest; Path=/"}))
    client = mock_client(handle, clock)
    client.read_list(QUERY)
    client.read_list(QUERY)
    assert asked[1].headers["authorization"] == "token key:s3cr3t-value"
    assert asked[1].headers["accept"] == "application/json"
    assert "cookie" not in asked[1].headers


def test_basic_auth_sends_key_and_secret_in_base64(clock: FakeClock) -> None:
    handle, asked = answers(ROWS)
    client = SiteClient(
        "https://e.example",
        BasicAuth(key="key", secret="sec"),
        clock=clock,
        transport=httpx.MockTransport(handle),
    )
    client.read_list(QUERY)
    assert asked[0].headers["authorization"] == "Basic a2V5OnNlYw=="


def test_a_short_list_goes_as_get_without_a_body_and_a_long_one_as_post_without_a_query(clock: FakeClock) -> None:
    handle, asked = answers(ROWS, httpx.Response(200, json={"message": [{"name": "Y"}]}))
    client = mock_client(handle, clock)
    assert client.read_list(QUERY) == [{"name": "X"}]
    long = ListQuery(
        doctype="Customer",
        fields=("name",),
        filters=[["name", "in", ["é" * 40] * 100]],
        or_filters=[],
        order_by="name asc",
        limit=5,
    )
    assert client.read_list(long) == [{"name": "Y"}]
    assert (asked[0].method, asked[0].content) == ("GET", b"")
    assert "content-type" not in asked[0].headers
    assert asked[0].url.params["fields"] == '["name"]'
    assert (asked[1].method, asked[1].url.path) == ("POST", "/api/method/frappe.client.get_list")
    assert asked[1].url.query == b""
    body = orjson.loads(asked[1].content)
    assert (body["doctype"], body["limit_page_length"], len(body["filters"][0][2])) == ("Customer", 5, 100)


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (httpx.ConnectError("refused"), "no connection"),
        (httpx.ReadTimeout("slow"), "no answer in time"),
        (httpx.ReadError("reset"), "the connection broke while reading"),
        (MALFORMED, "the body was cut off"),
        (httpx.Response(502, html="<h1>Bad Gateway</h1>"), "a gateway's error"),
        (httpx.Response(504, html="<h1>Timeout</h1>"), "a gateway's timeout"),
        (refusal(503, "SessionStopped", "Updating"), "maintenance"),
        (httpx.Response(500, html="<title>Internal Server Error</title>"), "a failure without the framework's word"),
        (DEADLOCK, "a deadlock"),
        (refusal(500, "QueryTimeoutError", "Lock wait"), "a lock that was not granted"),
        (refusal(500, "", exception="pymysql.err.OperationalError: (1213, 'Deadlock found')"), "version 14's deadlock"),
        (refusal(500, "OperationalError", exception="pymysql.err.OperationalError: (2006, 'gone')"), "lost database"),
        (CUT, "broken JSON"),
        (HTML, "a page instead of JSON"),
        (httpx.Response(200, json=[1]), "JSON that is no object"),
        (httpx.Response(200, json={}), "an answer without its rows is not an empty list"),
    ],
)
def test_reads_are_sent_again_after(trouble: httpx.Response | Exception, why: str, clock: FakeClock) -> None:
    handle, asked = answers(trouble, ROWS)
    client = mock_client(handle, clock)
    assert client.read_list(QUERY) == [{"name": "X"}], why
    assert (len(asked), client.requests, len(clock.slept)) == (2, 2, 1)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (refusal(401, "AuthenticationError"), AccessError, "refuses the credentials"),
        (refusal(403, "PermissionError", "User <b>u</b> has no access"), ReadForbiddenError, "User u has no access"),
        (refusal(404, "DoesNotExistError", "Customer X not found"), GoneError, "Customer X not found"),
        (httpx.Response(404, html="<h1>Not Found</h1>"), UnreachableError, "does not answer as an ERPNext site"),
        (httpx.Response(301, headers={"location": "https://new.example/"}), UnreachableError, "https://new.example/"),
        (refusal(417, "DataError", "Field not permitted in query: x"), UnreachableError, "Field not permitted"),
    ],
)
def test_reads_are_not_sent_again_after(
    answer: httpx.Response, error: type[SyncdError], words: str, clock: FakeClock
) -> None:
    handle, asked = answers(answer)
    with pytest.raises(error, match=words) as caught:
        mock_client(handle, clock).get("/api/resource/Customer/X", {}, "Customer X")
    assert len(asked) == 1
    assert caught.type is error or words == "Field not permitted"


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (httpx.ConnectError("refused"), "it never left"),
        (httpx.ConnectTimeout("slow"), "it never left"),
        (refusal(429, "TooManyRequestsError"), "refused before anything was done"),
        (refusal(503, "InReadOnlyMode"), "refused before anything was done"),
        (DEADLOCK, "rolled back"),
        (LOCKED, "refused because of a lock"),
    ],
)
def test_writes_are_sent_again_when_certainly_not_done(
    trouble: httpx.Response | Exception, why: str, clock: FakeClock
) -> None:
    handle, asked = answers(trouble, OK)
    assert mock_client(handle, clock).write("PUT", "/api/resource/Customer/X", {}, "X")["data"] == {"name": "X"}, why
    assert len(asked) == 2


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ReadTimeout("slow"),
        httpx.WriteError("pipe"),
        MALFORMED,
        CUT,
        HTML,
        httpx.Response(502, html="<h1>Bad Gateway</h1>"),
        httpx.Response(504, html=""),
        httpx.Response(500, html="<h1>Internal Server Error</h1>"),
        httpx.Response(200, json={}),
    ],
    ids=["timeout", "write", "cut", "broken-json", "page", "502", "504", "500-page", "no-data"],
)
def test_a_write_whose_answer_is_lost_is_not_sent_again_and_its_outcome_is_unknown(
    trouble: httpx.Response | Exception, clock: FakeClock
) -> None:
    handle, asked = answers(trouble)
    with pytest.raises(UnknownOutcomeError, match="X: sent, but no usable answer came"):
        mock_client(handle, clock).write("PUT", "/api/resource/Customer/X", {}, "X", expects=("data", dict))
    assert len(asked) == 1


def test_a_keyed_write_is_sent_again_unchanged_after_a_lost_answer(clock: FakeClock) -> None:
    handle, asked = answers(httpx.ReadTimeout("slow"), CUT, OK)
    mock_client(handle, clock).write("POST", "/api/method/m", {"docs": [1]}, "X", keyed=True)
    assert [request.content for request in asked] == [b'{"docs":[1]}'] * 3


def test_a_keyed_write_refused_after_a_lost_answer_stays_unknown_but_409_is_told(clock: FakeClock) -> None:
    refused = refusal(417, "LinkValidationError", "Could not find Territory: Atlantis")
    handle, _ = answers(httpx.ReadTimeout("slow"), refused)
    with pytest.raises(UnknownOutcomeError, match="an answer was lost, and the second attempt was refused: Could not"):
        mock_client(handle, clock).write("POST", "/api/method/m", {}, "X", keyed=True)
    handle, _ = answers(httpx.ReadTimeout("slow"), refusal(409, "DuplicateEntryError", "exists"))
    with pytest.raises(RefusedError) as caught:
        mock_client(handle, clock).write("POST", "/api/method/m", {}, "X", keyed=True)
    assert caught.value.code == "DuplicateEntryError"


def test_wrong_credentials_end_a_write_as_access_error(clock: FakeClock) -> None:
    handle, asked = answers(refusal(401, "AuthenticationError"))
    with pytest.raises(AccessError):
        mock_client(handle, clock).write("PUT", "/api/resource/Customer/X", {}, "X")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("headers", "expected", "why"),
    [
        ({"retry-after": "7"}, 7.0, "seconds"),
        ({"retry-after": "Fri, 20 Nov 2026 15:00:30 GMT"}, 30.0, "a date"),
        ({"retry-after": "soon"}, 1.0, "unreadable: the first wait of the backoff"),
        ({}, 1.0, "none"),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed(
    headers: dict[str, str], expected: float, why: str, status: int, clock: FakeClock
) -> None:
    handle, _ = answers(httpx.Response(status, json={"exc_type": "X"}, headers=headers), ROWS)
    mock_client(handle, clock).read_list(QUERY)
    assert clock.slept == [pytest.approx(expected)], why


def test_a_longer_retry_after_than_there_is_time_for_ends_at_once(clock: FakeClock) -> None:
    handle, asked = answers(refusal(429, "TooManyRequestsError", **{"retry-after": "3600"}))
    with pytest.raises(UnreachableError, match="gave no usable answer for Customer: ") as caught:
        mock_client(handle, clock).read_list(QUERY)
    assert caught.value.hint == "the site asks to wait 3600 s: try again then"
    assert (len(asked), clock.slept) == (1, [])
    with pytest.raises(BusyError, match="not sent or not taken"):
        mock_client(handle, clock).write("PUT", "/api/resource/Customer/X", {}, "X")


def test_retries_of_one_request_end_within_120_seconds(clock: FakeClock) -> None:
    handle, _ = answers(ROWS, DEADLOCK)
    client = mock_client(handle, clock)
    client.read_list(QUERY)
    with pytest.raises(UnreachableError, match=r"for Customer after \d+ attempts: Deadlock occurred"):
        client.read_list(QUERY)
    assert 60 < sum(clock.slept) < 120
    assert clock.slept == sorted(clock.slept)


def test_an_attempt_that_times_out_counts_towards_the_120_seconds(clock: FakeClock) -> None:
    timeouts = []

    def handle(request: httpx.Request) -> httpx.Response:
        timeouts.append(request.extensions["timeout"]["read"])
        clock.sleep(timeouts[-1])
        raise httpx.ReadTimeout("slow")

    with pytest.raises(UnreachableError):
        mock_client(handle, clock, timeout=60).read_list(QUERY)
    assert timeouts[0] == 60
    assert sum(clock.slept) <= 121


def test_a_site_that_never_answered_is_given_up_soon_and_one_that_did_is_waited_for(clock: FakeClock) -> None:
    handle, _ = answers(httpx.ConnectError("[Errno 111] Connection refused"))
    with pytest.raises(UnreachableError, match="no connection") as caught:
        mock_client(handle, clock).read_list(QUERY)
    assert sum(clock.slept) < 10
    assert "url" in caught.value.hint
    clock.slept.clear()
    handle, asked = answers(ROWS, httpx.ConnectError("refused"))
    client = mock_client(handle, clock)
    client.read_list(QUERY)
    with pytest.raises(UnreachableError):
        client.read_list(QUERY)
    assert sum(clock.slept) > 60
    sent = len(asked)
    with pytest.raises(BusyError, match="not sent or not taken"):
        client.write("PUT", "/api/resource/Customer/X", {}, "X")
    assert len(asked) == sent + 1, "after one request waited in vain, the others do not wait as long again"


def test_a_certificate_that_is_not_trusted_is_said_at_once(clock: FakeClock) -> None:
    handle, asked = answers(httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate"))
    with pytest.raises(UnreachableError, match="self-signed"):
        mock_client(handle, clock).read_list(QUERY)
    assert len(asked) == 1


def test_a_page_instead_of_json_is_named_in_the_error(clock: FakeClock) -> None:
    handle, _ = answers(HTML)
    with pytest.raises(UnreachableError, match="a page titled “Sign & in” instead of JSON") as caught:
        mock_client(handle, clock).read_list(QUERY)
    assert "answers in the site's place" in caught.value.hint


def test_an_impatient_read_gives_up_at_the_first_timeout(clock: FakeClock) -> None:
    handle, asked = answers(httpx.ReadTimeout("slow"))
    with pytest.raises(SlowAnswerError):
        mock_client(handle, clock).read_list(QUERY, impatient=True)
    assert len(asked) == 1


def test_a_document_locked_by_a_job_is_not_waited_for_long(clock: FakeClock) -> None:
    handle, asked = answers(LOCKED)
    with pytest.raises(BusyError, match="being changed by a job"):
        mock_client(handle, clock).write("PUT", "/api/resource/Customer/X", {}, "X")
    assert len(asked) == 4


def test_the_ceiling_of_requests_per_second(clock: FakeClock) -> None:
    handle, _ = answers(ROWS)
    client = mock_client(handle, clock, requests_per_second=20)
    for _ in range(5):
        client.read_list(QUERY)
    assert clock.slept == [pytest.approx(0.05, abs=1e-4)] * 4


def test_it_slows_down_when_the_sites_limit_runs_low_and_speeds_up_again(clock: FakeClock) -> None:
    def limited(remaining: int) -> httpx.Response:
        headers = {
            "x-ratelimit-limit": "200000",
            "x-ratelimit-remaining": str(remaining),
            "x-ratelimit-used": "1000",
            "x-ratelimit-reset": "10",
        }
        return httpx.Response(200, json={"data": []}, headers=headers)

    handle, _ = answers(limited(150_000), limited(10_000), limited(10_000), limited(190_000), limited(190_000))
    client = mock_client(handle, clock)
    for _ in range(5):
        client.read_list(QUERY)
    # 10,000 µs are left for requests of 1,000 µs: ten requests in the ten seconds until the reset.
    assert clock.slept == [pytest.approx(1.0, abs=1e-4)] * 2


def test_no_secret_is_shown_even_if_an_answer_repeats_it(clock: FakeClock) -> None:
    handle, _ = answers(refusal(417, "ValidationError", "header was token key:s3cr3t-value"))
    with pytest.raises(RefusedError) as caught:
        mock_client(handle, clock).write("PUT", "/api/resource/Customer/X", {}, "X")
    assert "s3cr3t" not in str(caught.value)
    assert "token key:***" in str(caught.value)
    assert "s3cr3t" not in repr(BasicAuth(key="k", secret="s3cr3t"))
    handle, _ = answers(httpx.Response(200, html="<title>token s3cr3t-value</title>"))
    with pytest.raises(UnreachableError, match=r"\*\*\*"):
        mock_client(handle, clock).read_list(QUERY)


def test_zone_and_user_are_asked_once(clock: FakeClock) -> None:
    handle, asked = answers(
        httpx.Response(200, json={"message": {"time_zone": "Europe/Paris"}}),
        httpx.Response(200, json={"message": "sync@example.com"}),
    )
    client = mock_client(handle, clock)
    assert [client.zone(), client.zone(), client.user(), client.user()] == ["Europe/Paris"] * 2 + [
        "sync@example.com"
    ] * 2
    assert len(asked) == 2
    assert mock_client(handle, clock, zone="Asia/Kolkata").zone() == "Asia/Kolkata"


def test_a_ca_bundle_that_is_not_there_is_named(clock: FakeClock) -> None:
    with pytest.raises(UnreachableError, match=r"the CA bundle no-such\.pem cannot be read"):
        mock_client(answers(OK)[0], clock, verify="no-such.pem")


@pytest.mark.parametrize("secret", ["s3 cr3t", "s3cr3t\n", "s3crét", "s3cr3t\t"])
def test_credentials_that_no_site_reads_are_not_sent(secret: str, clock: FakeClock) -> None:
    with pytest.raises(AccessError, match="characters that no API key has") as caught:
        SiteClient("https://erp.example.com", TokenAuth(key="key", secret=secret), clock=clock)
    assert secret.strip() not in str(caught.value)


def test_a_guest_is_told_that_its_credentials_did_not_arrive(clock: FakeClock) -> None:
    handle, _ = answers(refusal(403, "PermissionError", "Login to access"))
    with pytest.raises(AccessError, match="takes syncd for a guest") as caught:
        mock_client(handle, clock).user()
    assert "Authorization header" in caught.value.hint
