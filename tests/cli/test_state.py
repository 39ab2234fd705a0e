"""`syncd state`: what is printed, what is asked for, and the exit codes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from syncd.adapters.store.opening import Upgrade
from syncd.adapters.store.verifying import StoreFinding, Verified
from syncd.app.rebuild import Rebuilt
from syncd.bootstrap.state_care import Backup, Forgetting, Rebuild
from syncd.errors import ExitCode, LeaseHeldError, StateError
from syncd.ports.endpoint import ProgressReport
from syncd.ports.state import MappingTotals
from tests.cli.conftest import Syncd
from tests.cli.fakes import FakeApplication

TOTALS = MappingTotals(pairs=1200, held=1, failed=0, conflicts=1, unmatched=0, ended=2, staged=5)


@dataclass
class FakeCare:
    """Stands for `syncd.bootstrap.state_care.StateCare`."""

    verified: Verified = field(default_factory=lambda: Verified(store="state/syncd.db", revision="0001", pairs=3))
    upgraded: Upgrade = field(
        default_factory=lambda: Upgrade(store="state/syncd.db", before="0001", after="0001", steps=())
    )
    rebuilt: Rebuild = field(default_factory=lambda: Rebuild(aside="", mappings={"customer": Rebuilt(pairs=3)}))
    forgotten: Forgetting = field(
        default_factory=lambda: Forgetting(mapping="customer", totals=TOTALS, known=True, enabled=True)
    )
    error: Exception | None = None
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def _ask(self, what: str, how: Any = None) -> None:
        self.asked.append((what, how))
        if self.error is not None:
            raise self.error

    def backup(self, target: Path, *, force: bool) -> Backup:
        self._ask("backup", (target, force))
        return Backup(file=target, size=20_480)

    def verify(self, progress: ProgressReport | None) -> Verified:
        self._ask("verify")
        return self.verified

    def upgrade(self) -> Upgrade:
        self._ask("upgrade")
        return self.upgraded

    def rebuild(self, *, force: bool, progress: ProgressReport | None) -> Rebuild:
        self._ask("rebuild", force)
        return self.rebuilt

    def forgetting(self, mapping: str) -> Forgetting:
        self._ask("forgetting", mapping)
        return self.forgotten

    def forget(self, mapping: str) -> None:
        self._ask("forget", mapping)


@pytest.fixture
def care(application: FakeApplication, monkeypatch: pytest.MonkeyPatch) -> FakeCare:
    made = FakeCare()
    monkeypatch.setattr(FakeApplication, "care", lambda _self: made, raising=False)
    return made


@pytest.mark.parametrize("command", ["backup", "verify", "rebuild", "upgrade", "forget"])
def test_each_command_has_help_with_examples(syncd: Syncd, command: str) -> None:
    shown = syncd("state", command, "--help")
    assert shown.code == 0
    assert f"syncd state {command}" in shown.out.split("Examples:")[1]
    assert command in syncd("state", "--help").out


def test_a_backup_is_told(syncd: Syncd, care: FakeCare) -> None:
    done = syncd("state", "backup", "/backup/syncd.db", "--force")
    assert (done.code, care.asked) == (0, [("backup", (Path("/backup/syncd.db"), True))])
    assert "/backup/syncd.db (20,480 bytes)" in done.out
    assert syncd("state", "backup", "x.db", "--json").json == {
        "schema": "syncd.state_backup/1",
        "file": "x.db",
        "bytes": 20480,
    }
    assert syncd("state", "backup", "x.db", "--quiet").out == ""
    assert syncd("state", "backup").code == ExitCode.USAGE


def test_a_whole_store_is_told(syncd: Syncd, care: FakeCare) -> None:
    done = syncd("state", "verify")
    assert done.code == 0
    assert done.out == "state/syncd.db: the state store is whole; 3 pairs and 0 staged rows can be read and fit.\n"
    assert syncd("state", "verify", "--json").json == {
        "schema": "syncd.state_verify/1",
        "store": "state/syncd.db",
        "revision": "0001",
        "whole": True,
        "pairs": 3,
        "staged": 0,
        "findings": [],
    }


def test_findings_are_listed_with_the_next_step(syncd: Syncd, care: FakeCare) -> None:
    care.verified = Verified(
        store="state/syncd.db",
        findings=(
            StoreFinding(message="the file is damaged: page 7"),
            StoreFinding(mapping="customer", message="1 operation(s) …", note=True),
        ),
    )
    done = syncd("state", "verify", "--quiet")
    assert done.code == ExitCode.USAGE
    assert done.out.splitlines() == [
        "state/syncd.db: 1 thing is wrong with the state store:",
        "  the file is damaged: page 7",
        "  note: mapping customer: 1 operation(s) …",
        "Next: put a backup back; or `syncd state rebuild` moves this store aside and finds the pairs again.",
    ]
    document = syncd("state", "verify", "--json").json
    assert [(each["mapping"], each["problem"]) for each in document["findings"]] == [(None, True), ("customer", False)]
    care.verified = Verified(store="s", findings=(StoreFinding(message="newer"),), newer=True)
    assert "Next: install a newer syncd." in syncd("state", "verify").out


def test_an_upgrade_lists_its_steps_and_the_copy(syncd: Syncd, care: FakeCare) -> None:
    assert "nothing to do" in syncd("state", "upgrade").out
    care.upgraded = Upgrade(
        store="state/syncd.db",
        before="0001",
        after="0002",
        steps=(("0002", "A note."),),
        copy="state/syncd.db.before-0001",
    )
    done = syncd("state", "upgrade")
    assert done.out.splitlines() == [
        "  0002  A note.",
        "state/syncd.db: upgraded from 0001 to 0002. The store as it was is kept in state/syncd.db.before-0001.",
    ]
    assert syncd("state", "upgrade", "--json").json["steps"] == [{"revision": "0002", "does": "A note."}]


def test_a_rebuild_is_told_mapping_by_mapping(syncd: Syncd, care: FakeCare) -> None:
    care.rebuilt = Rebuild(
        aside="state/syncd.db.damaged-20260301T120000Z",
        mappings={
            "customer": Rebuilt(pairs=1200, agreed=1190, waiting=8, held=2, exit_code=ExitCode.ATTENTION),
            "item": Rebuilt(
                error={"guard": "max_deletes", "message": "30 of 30 …", "hint": "Look at it."},
                exit_code=ExitCode.HALTED,
            ),
        },
    )
    done = syncd("state", "rebuild", "--force")
    assert (done.code, care.asked) == (ExitCode.HALTED, [("rebuild", True)])
    assert "kept as state/syncd.db.damaged-20260301T120000Z" in done.out
    assert "1,200" in done.out
    assert "1,190" in done.out
    assert "item: not rebuilt: max_deletes: 30 of 30 …\n  → Look at it." in done.out
    assert "`syncd plan` shows what a run would do" in done.out
    quiet = syncd("state", "rebuild", "--quiet").out
    assert quiet == "item: not rebuilt: max_deletes: 30 of 30 …\n  → Look at it.\n"
    document = syncd("state", "rebuild", "--json").json
    assert document["mappings"]["customer"] == {
        "pairs": 1200,
        "agreed": 1190,
        "to_write": 8,
        "held": 2,
        "failed": 0,
        "ended": 0,
        "alone": {"erpnext": 0, "source": 0},
        "error": None,
    }


def test_forgetting_wants_a_yes_and_says_what_comes_of_it(syncd: Syncd, care: FakeCare) -> None:
    asked = syncd("state", "forget", "customer")
    assert (asked.code, [what for what, _ in care.asked]) == (ExitCode.USAGE, ["forgetting"])
    assert "1,200 pairs, 2 ended pairs, 1 conflict of mapping customer; nothing was changed" in asked.err
    assert "`syncd state forget customer --yes`" in asked.err
    assert syncd("state", "forget", "customer", "--json").json["exit_code"] == 2
    done = syncd("state", "forget", "customer", "--yes")
    assert (done.code, care.asked[-1]) == (0, ("forget", "customer"))
    assert "The next run reads both sides whole and finds the pairs again" in done.out
    document = syncd("state", "forget", "customer", "--yes", "--json").json
    assert (document["forgotten"]["pairs"], document["found_again"]) == (1200, True)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (Forgetting(mapping="m", totals=TOTALS, known=False, enabled=False), "no run will make it again"),
        (Forgetting(mapping="m", totals=TOTALS, known=True, enabled=False), "Once it is enabled, the next run reads"),
        (
            Forgetting(mapping="m", totals=TOTALS, known=True, enabled=True, unfindable="it has no match rule"),
            "would make every record anew on the other side, for it has no match rule: correct that first",
        ),
    ],
    ids=["a mapping that is gone", "one that is not enabled", "one whose pairs nothing tells"],
)
def test_what_the_next_run_does(syncd: Syncd, care: FakeCare, what: Forgetting, words: str) -> None:
    care.forgotten = what
    assert words in syncd("state", "forget", "m", "--yes").out
    assert words in syncd("state", "forget", "m").err


@pytest.mark.parametrize(
    ("error", "code"), [(StateError("damaged", hint="do"), 2), (LeaseHeldError("held", hint="wait"), 6)]
)
@pytest.mark.parametrize("command", [("backup", "x"), ("verify",), ("upgrade",), ("rebuild",), ("forget", "m")])
def test_errors_end_in_text_and_exit_code(
    syncd: Syncd, care: FakeCare, command: tuple[str, ...], error: Exception, code: int
) -> None:
    care.error = error
    done = syncd("state", *command)
    assert done.code == code
    assert "→" in done.err
    assert syncd("state", *command, "--json").json["exit_code"] == code
