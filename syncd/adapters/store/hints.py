"""What a person is told to do about a store, whichever database it is in."""

from __future__ import annotations

DAMAGED_HINT = (
    "nothing was changed; put a backup of it back, or run `syncd state rebuild`: it moves this store aside and finds "
    "the pairs again by the ids that both sides hold. `syncd state verify` lists what is wrong"
)
_OTHER_TABLES_HINT = (
    f"where another version has upgraded it since this program was started, start that version; else {DAMAGED_HINT}"
)
OTHER_TABLES = ("its tables are not those of this version of syncd", _OTHER_TABLES_HINT)
"""(cause, next step) where a table or a column is not there."""
