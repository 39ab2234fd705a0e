"""The recorded exchanges of a real site, replayed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from syncd.adapters.sandbox import SandboxServer

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
REPLAY = SHARED / "tools" / "replay_wire.py"
# In the recorded order: an order of child_tables is what stands in the way of a deletion in delete.
TOPICS = (
    "auth",
    "create",
    "custom_field",
    "read",
    "list",
    "child_tables",
    "update",
    "docstatus",
    "linked",
    "delete",
    "bulk",
    "operation_key",
    "meta",
    "values",
    "accounting",
)


@pytest.mark.skipif(not REPLAY.exists(), reason="the recorded exchanges (../shared) are not here")
def test_recorded_exchanges(server: SandboxServer) -> None:
    topics = [argument for topic in TOPICS for argument in ("--topic", topic)]
    done = subprocess.run(
        [sys.executable, str(REPLAY), server.url, *topics], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert done.stdout.strip().endswith(" 0 failed")
