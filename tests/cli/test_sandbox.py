from __future__ import annotations

import socket
import sys
from pathlib import Path
from types import ModuleType

import pytest

from syncd.cli.sandbox import sandbox_file
from tests.cli.conftest import Syncd
from tests.cli.fakes import FakeApplication, FakeSettings, FakeSite


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What the stand-in is asked; its own tests are elsewhere."""
    asked: list[tuple[object, ...]] = []
    module = ModuleType("syncd.adapters.sandbox")
    module.serve = lambda database, port: asked.append(("serve", database, port, database.parent.is_dir()))  # type: ignore[attr-defined]
    module.reset = lambda database: asked.append(("reset", database))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "syncd.adapters.sandbox", module)
    return asked


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_serve_prints_where_and_needs_no_deployment(
    syncd: Syncd, application: FakeApplication, calls: list[tuple[object, ...]], tmp_path: Path
) -> None:
    port = _free_port()
    called = syncd("sandbox", "serve", "--port", str(port), "--database", str(tmp_path / "site.db"))
    assert called.code == 0
    assert f"http://127.0.0.1:{port}" in called.out
    assert "full:full" in called.out
    assert calls == [("serve", tmp_path / "site.db", port, True)]
    assert application.opened == {}
    assert syncd("sandbox", "serve", "--port", str(port), "--json").json["url"] == f"http://127.0.0.1:{port}"


def test_serve_without_a_database_starts_afresh_and_leaves_nothing(
    syncd: Syncd, calls: list[tuple[object, ...]]
) -> None:
    assert "gone when it ends" in syncd("sandbox", "serve", "--port", str(_free_port())).out
    database = calls[0][1]
    assert isinstance(database, Path)
    assert calls[0][3] is True
    assert not database.parent.exists()


def test_serve_says_when_the_port_is_taken(syncd: Syncd, calls: list[tuple[object, ...]]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        called = syncd("sandbox", "serve", "--port", str(port))
    assert (called.code, called.out, calls) == (2, "", [])
    assert f"port {port} of 127.0.0.1 cannot be used" in called.err


@pytest.mark.parametrize(
    ("what", "url", "path"),
    [
        ("relative to the deployment", "sandbox:///state/sandbox.db", "/srv/shop/state/sandbox.db"),
        ("absolute", "sandbox:////var/lib/x.db", "/var/lib/x.db"),
        ("with a blank", "sandbox:///my%20state/x.db", "/srv/shop/my state/x.db"),
    ],
)
def test_the_file_of_a_sandbox_url(what: str, url: str, path: str) -> None:
    assert sandbox_file(url, Path("/srv/shop")) == Path(path), what


@pytest.fixture
def shop(application: FakeApplication, tmp_path: Path) -> Path:
    application.deployment.directory = tmp_path
    application.deployment.settings = FakeSettings(
        {"main": FakeSite("sandbox:///state/sandbox.db"), "live": FakeSite("https://erp.example.com")}
    )
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "sandbox.db").touch()
    return tmp_path


def test_reset_takes_the_deployments_sandbox(syncd: Syncd, shop: Path, calls: list[tuple[object, ...]]) -> None:
    called = syncd("sandbox", "reset", "--yes")
    assert called.code == 0
    assert calls == [("reset", shop / "state" / "sandbox.db")]
    assert str(shop / "state" / "sandbox.db") in called.out
    assert syncd("sandbox", "reset", "--yes", "--json").json["schema"] == "syncd.sandbox_reset/1"


@pytest.mark.parametrize(
    ("what", "arguments", "words"),
    [
        ("nobody is there to ask", (), "add --yes"),
        ("a site that is real", ("--site", "live", "--yes"), "no such sandbox:// site"),
        ("a file that is not there", ("--database", "missing.db", "--yes"), "missing.db is not there"),
    ],
)
def test_reset_refuses(
    what: str, arguments: tuple[str, ...], words: str, syncd: Syncd, shop: Path, calls: list[tuple[object, ...]]
) -> None:
    called = syncd("sandbox", "reset", *arguments)
    assert called.code == 2
    assert words in called.err, what
    assert calls == []


def test_reset_never_guesses_among_several_or_without_any(
    syncd: Syncd, shop: Path, application: FakeApplication, calls: list[tuple[object, ...]]
) -> None:
    application.deployment.settings = FakeSettings({"a": FakeSite("sandbox:///a.db"), "b": FakeSite("sandbox:///b.db")})
    assert "--site a or --site b" in syncd("sandbox", "reset", "--yes").err
    application.deployment.settings = FakeSettings({"live": FakeSite("https://erp.example.com")})
    assert "no site of this deployment is a sandbox" in syncd("sandbox", "reset", "--yes").err
    assert calls == []


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 2)])
def test_reset_asks_a_person(
    answer: str,
    code: int,
    syncd: Syncd,
    shop: Path,
    calls: list[tuple[object, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Person:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return answer

    monkeypatch.setattr(sys, "stdin", Person())
    monkeypatch.setattr("builtins.input", lambda prompt="": answer.strip())
    assert syncd("sandbox", "reset").code == code
    assert len(calls) == (1 if code == 0 else 0)
