"""Keys of syncd.toml, each with what it changes in a run. `keys` lists which test shows which key."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Lock

import httpx
import pytest

from syncd.bootstrap import Application
from tests.sentences.place import Place


def test_the_state_is_where_its_url_says(site: Place) -> None:
    site.extra = '[state]\nurl = "sqlite:///elsewhere/kept.db"\n'
    site.agreed(name="Ada")
    assert (site.folder / "elsewhere" / "kept.db").is_file()
    assert not (site.folder / "state" / "syncd.db").exists()


def test_reports_are_where_their_directory_says(site: Place) -> None:
    site.extra = '[reports]\ndirectory = "told"\n'
    site.add(name="Ada")
    run = site.run().run
    assert sorted(path.name for path in (site.folder / "told").iterdir()) == [f"{run}.html", f"{run}.json"]


@pytest.mark.parametrize(
    ("timezone", "hour"), [("auto", "09"), ("Asia/Tokyo", "22")], ids=["asked from the site", "named"]
)
def test_the_zone_of_a_site(site: Place, timezone: str, hour: str) -> None:
    site.shop.do("ALTER TABLE customers ADD COLUMN seen DATETIME")
    site.map('customer_name = "name"\nx_datetime = "seen"')
    settings = site.write()
    text = settings.read_text().replace("[sources.shop]", f'timezone = "{timezone}"\n[sources.shop]')
    site.add(name="Ada", seen="2026-07-01 13:00:00")
    settings.write_text(text)
    ran(settings)
    assert site.customer("Ada", "x_datetime") == (f"2026-07-01 {hour}:00:00",)


def ran(settings: Path) -> None:
    """One run by these settings as they stand."""
    application = Application.open(settings, quiet=True)
    try:
        result = application.reconcile([], full=False, force=False, wait=5.0, progress=None)
        assert result.mappings["customer"].error is None
    finally:
        application.close()


class Gauge:
    """Counts how many requests are in flight at once, and keeps the patience of each."""

    def __init__(self) -> None:
        self.most = self._now = 0
        self.patience: set[float | None] = set()
        self._lock = Lock()
        self._send = httpx.HTTPTransport.handle_request

    def handle(self, transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            self.patience.add(request.extensions["timeout"]["read"])
        try:
            return self._send(transport, request)
        finally:
            with self._lock:
                self._now -= 1


@pytest.mark.parametrize("concurrency", [1, 4])
def test_requests_in_flight_and_their_patience(site: Place, concurrency: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [site.add(name=f"Customer {at}") for at in range(8)]
    site.settled()
    for row in rows:
        site.edit_row(row, url="ours")
    settings = site.write()
    given = f'concurrency = {concurrency}\ntimeout = "17s"\n[sources.shop]'
    settings.write_text(settings.read_text().replace("[sources.shop]", given))
    site.desk.admin("faults", kind="delay", seconds=0.02, times=100)
    gauge = Gauge()
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda *given: gauge.handle(*given))
    ran(settings)
    assert gauge.most == 1 if concurrency == 1 else 1 < gauge.most <= concurrency
    assert gauge.patience == {17.0}


@pytest.mark.parametrize(
    ("level", "told"), [("info", ["seen", "warned"]), ("warning", ["warned"]), ("error", [])], ids=str
)
def test_the_level_of_the_log(site: Place, level: str, told: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    import structlog

    site.extra = f'[log]\nlevel = "{level}"\nformat = "json"\n'
    Application.open(site.write()).close()
    log = structlog.get_logger("syncd.test")
    log.info("seen")
    log.warning("warned")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == told


@pytest.mark.parametrize(("form", "is_json"), [("auto", True), ("json", True), ("console", False)], ids=str)
def test_the_format_of_the_log(site: Place, form: str, is_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """`auto`: this is no terminal."""
    import structlog

    site.extra = f'[log]\nformat = "{form}"\n'
    Application.open(site.write()).close()
    structlog.get_logger("syncd.test").warning("warned", mapping="customer")
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("{") is is_json
    assert "warned" in line
