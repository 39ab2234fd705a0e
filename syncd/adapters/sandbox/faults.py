"""Switches that make the sandbox misbehave as networks and busy sites do."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class FaultKind(Enum):
    """What goes wrong."""

    DROP_AFTER_COMMIT = "drop_after_commit"  # done, then the connection is closed without an answer
    DROP_BEFORE = "drop_before"  # closed without an answer, nothing done
    DELAY = "delay"  # done and answered, `seconds` later
    STATUS = "status"  # `status` is answered, nothing done (429 and 503 with Retry-After)
    TRUNCATE = "truncate"  # done, but half of the answer is sent
    HTML = "html"  # nothing done, a page of HTML with status 200
    LATE_COMMIT = "late_commit"  # stamped now, visible (and answered) `seconds` later
    DEADLOCK = "deadlock"  # 500 QueryDeadlockError, nothing done
    RESET = "reset"  # nothing done, the connection is reset


@dataclass(slots=True, kw_only=True)
class Rule:
    """One fault: which requests it meets, after how many, how often (`times` -1: always)."""

    kind: FaultKind
    method: str | None = None
    path_contains: str | None = None
    body_contains: str | None = None
    skip: int = 0
    times: int = 1
    seconds: float = 0.0
    status: int = 503
    retry_after: int | None = None
    met: int = field(default=0, init=False)

    def matches(self, method: str, path: str, body: str) -> bool:
        """Whether the request is of those that the rule is for."""
        return (
            (self.method is None or self.method.upper() == method)
            and (self.path_contains is None or self.path_contains in path)
            and (self.body_contains is None or self.body_contains in body)
        )

    @property
    def spent(self) -> bool:
        """Whether it has met as many requests as it was made for."""
        return self.times >= 0 and self.met >= self.times


def read_rule(values: dict[str, Any]) -> Rule:
    """A rule out of JSON. Raises ValueError naming the key that is wrong."""
    known = {name: value for name, value in values.items() if name != "kind"}
    unknown = set(known) - (set(Rule.__dataclass_fields__) - {"kind", "met"})
    if unknown:
        raise ValueError(f"unknown key {min(unknown)!r} in a fault rule")
    try:
        kind = FaultKind(values.get("kind"))
    except ValueError:
        kinds = ", ".join(item.value for item in FaultKind)
        raise ValueError(f"kind must be one of {kinds}, not {values.get('kind')!r}") from None
    return Rule(kind=kind, **known)


class Faults:
    """The rules in force, and the site-wide rate limit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._locked: set[tuple[str, str]] = set()
        self.rate_limit_reset: int | None = None

    def add(self, rule: Rule) -> None:
        """Put a rule in force; rules are tried in the order they were added."""
        with self._lock:
            self._rules.append(rule)

    def clear(self) -> None:
        """Take every rule, lock and the rate limit away."""
        with self._lock:
            self._rules.clear()
            self._locked.clear()
            self.rate_limit_reset = None

    def limit(self, reset_seconds: int | None) -> None:
        """Refuse every request with 429 and this `Retry-After`; None: serve again."""
        self.rate_limit_reset = reset_seconds

    def lock(self, doctype: str, name: str, *, locked: bool) -> None:
        """Keep a document as if a background job were at it: every save is refused until it is let go."""
        with self._lock:
            (self._locked.add if locked else self._locked.discard)((doctype, name))

    def is_locked(self, doctype: str, name: str) -> bool:
        """Whether saves of the document are refused."""
        return (doctype, name) in self._locked

    def locks(self) -> list[dict[str, str]]:
        """The documents that are locked."""
        with self._lock:
            return [{"doctype": doctype, "name": name} for doctype, name in sorted(self._locked)]

    def take(self, method: str, path: str, body: str) -> Rule | None:
        """The first rule that meets this request, counted as having met it."""
        with self._lock:
            for rule in self._rules:
                if rule.spent or not rule.matches(method, path, body):
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                rule.met += 1
                return rule
        return None

    def state(self) -> list[dict[str, Any]]:
        """The rules in force with how often each was met."""
        with self._lock:
            return [
                {"kind": rule.kind.value, "met": rule.met, "skip": rule.skip, "times": rule.times}
                for rule in self._rules
            ]
