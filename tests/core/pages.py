"""docs/transitions.md and docs/pairs.md, made from the tables in the code: `python -m tests.core.pages` writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, product
from pathlib import Path

from syncd.core.lifecycle import RULES, STANDS, Asked, Policy, Rule, Situation, Stands, Step, decided, transition
from syncd.core.model import PairState
from syncd.core.pair_life import LIFE, MEANINGS, NEW, STATES, Event, next_state
from tests.core.combinations import is_met, policies, situations

DOCS = Path(__file__).resolve().parents[2] / "docs"
MADE = "<!-- Made from the code by `make pages`. Do not edit. -->"

_KEYS = {
    "source_deleted": lambda policy: policy.source_deleted.value,
    "changed_after_submit": lambda policy: policy.lifecycle.changed_after_submit.value,
    "reopened": lambda policy: policy.lifecycle.reopened.value,
    "draft_voided": lambda policy: policy.lifecycle.draft_voided.value,
}
"""The policies that decide, as the mapping's file calls them."""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    yield from (f"| {' | '.join(row)} |" for row in rows)


INTRODUCTION = """\
# Documents that can be submitted

What syncd does with a sales order, an invoice or any other document that is submitted, cancelled and amended. It
follows from what the document was when both sides agreed last, what it is in ERPNext now, what the source asks for
(the column that `[lifecycle] field` names), and what the source changed. The rules are tried in their order; the first
that applies decides. {situations} situations have a row under each of {policies} combinations of policies.

In short: the state of a document is merged as a field is. The side that did not move follows the one that did; where
both moved apart it is a conflict, and `wins` or a person decides. What a person did in ERPNext is never undone
unasked. *Told*: the source is given the first word of the list for where the document stands then. *If it is news*:
the document moved, or both sides meet first, and the source's word says something else or is empty.

A mapping with `direction = "to_source"` writes nothing into ERPNext: whatever the source's column says asks for
nothing, and the document is followed. One with `direction = "to_erpnext"` tells the source nothing.

"""
DECIDING = """\
## What a decision does
`syncd conflicts resolve ID --take …` on a document that is held, or `wins` where both sides changed its state. For
ERPNext the document stays where it is, and the source is told; for the source the document becomes what the source
says.
"""
BESIDE = """\
## Beside the table
- `submit_fails` and `cancel_linked` say what becomes of a step that ERPNext refuses, or that other documents stand
  against; they change nothing about what is tried.
- `erpnext_deleted` decides about documents that were deleted in ERPNext, as for any other DocType.
- A step that was cut short is told by the document's last editor, which is syncd's own user then, and is taken up
  again. So syncd needs a user of its own: `syncd check` warns of any other.
"""

# Transitions ----------------------------------------------------------------------------------------------------------


class Rules:
    """What each rule does, found out by trying everything."""

    def __init__(self) -> None:
        self.met = [situation for situation in situations() if is_met(situation)]
        self.policies = list(policies())
        self.of = {situation: self._rule(situation) for situation in self.met}
        self.mine: dict[str, list[Situation]] = {rule.told: [] for rule in RULES}
        for situation, number in self.of.items():
            self.mine[RULES[number].told].append(situation)

    @staticmethod
    def _rule(situation: Situation) -> int:
        return next(number for number, rule in enumerate(RULES) if rule.applies(situation))

    def step(self, rule: Rule, policy: Policy) -> Step:
        """What the rule does under a policy: one thing in all of its situations."""
        [step] = {transition(situation, policy).step for situation in self.mine[rule.told]}
        return step

    def does(self, rule: Rule) -> str:
        steps = [(policy, self.step(rule, policy)) for policy in self.policies]
        return "<br>".join(_by_policy(steps, list(_KEYS)))

    def tells(self, rule: Rule) -> str:
        told = {transition(s, policy).tell for s in self.mine[rule.told] for policy in self.policies}
        return "told" if told == {True} else "told if it is news" if True in told else ""

    def says(self, rule: Rule) -> str:
        found = (transition(s, policy) for s in self.mine[rule.told] for policy in self.policies)
        reasons = dict.fromkeys(each.reason for each in found if each.step in {Step.HOLD, Step.CONFLICT})
        return "<br>".join(f"“{reason}”" for reason in reasons if reason)


def _by_policy(steps: Sequence[tuple[Policy, Step]], keys: Sequence[str], path: str = "") -> Iterator[str]:
    """One line for each value of the policies that make a difference."""
    if len({step for _, step in steps}) == 1:
        yield f"{path}{steps[0][1].value}"
        return
    for key in keys:
        read = _KEYS[key]
        values = dict.fromkeys(read(policy) for policy, _ in steps)
        parts = {value: [entry for entry in steps if read(entry[0]) == value] for value in values}
        outcomes = [frozenset(step for _, step in part) for part in parts.values()]
        if len(set(outcomes)) > 1:
            rest = [each for each in keys if each != key]
            same: dict[str, list[str]] = {}
            for value, part in parts.items():
                lines = "\n".join(_by_policy(part, rest))
                same.setdefault(lines, []).append(value)
            for lines, names in same.items():
                where = f"{path}`{key}` {' or '.join(names)}"
                yield from (f"{where}{', ' if line.startswith('`') else ': '}{line}" for line in lines.split("\n"))
            return
    raise AssertionError("no single policy makes a difference")


_SECTIONS = (
    ("There is no document", {Stands.ABSENT, Stands.DELETED}),
    ("Drafts", {Stands.DRAFT}),
    ("Submitted documents", {Stands.SUBMITTED}),
    ("Cancelled documents", {Stands.CANCELLED}),
)


def transitions_page() -> str:
    """docs/transitions.md."""
    rules = Rules()
    every = sum(1 for _ in policies())
    lines = [MADE, *INTRODUCTION.format(situations=len(situations()), policies=every).splitlines()]
    numbers = {rule.told: str(number) for number, rule in enumerate(RULES, 1)}
    shown: set[str] = set()
    for title, stands in (*_SECTIONS[:1], ("Whatever ERPNext holds", set(Stands)), *_SECTIONS[1:]):
        own = [rule for rule in RULES if {s.now for s in rules.mine[rule.told]} <= stands and rule.told not in shown]
        if stands == set(Stands):
            own = [rule for rule in own if len({s.now for s in rules.mine[rule.told]} & set(STANDS)) > 1]
        shown |= {rule.told for rule in own}
        rows = [(numbers[r.told], r.told, rules.does(r), rules.tells(r), rules.says(r)) for r in own]
        lines += [f"## {title}", *table(("#", "when", "does", "source", "what a person reads"), rows), ""]
    lines += ["## Which rule to look at", *_grid(rules), "", *_decisions(rules), "", *BESIDE.splitlines()]
    return "\n".join(lines) + "\n"


def _grid(rules: Rules) -> Iterator[str]:
    yield "By where the document stands (down) and what the source asks for (across); the first that applies decides."
    yield ""
    rows = []
    for now in Stands:
        cells = []
        for asked in Asked:
            hit = {number for s, number in rules.of.items() if s.now is now and s.asked is asked}
            cells.append(", ".join(str(number + 1) for number in sorted(hit)))
        rows.append((f"**{now.value}**", *cells))
    yield from table(("ERPNext", *(asked.value for asked in Asked)), rows)


def _decisions(rules: Rules) -> Iterator[str]:
    """What taking a side does, for everything that can be held."""
    open_ones = {
        situation
        for situation in rules.met
        if situation.now in STANDS
        and any(transition(situation, policy).step in {Step.HOLD, Step.CONFLICT} for policy in rules.policies)
    }
    yield from (*DECIDING.splitlines(), "")
    rows = []
    for now, asked in product(STANDS, Asked):
        mine = [s for s in open_ones if (s.now, s.asked) == (now, asked)]
        if mine:
            taken = [" or ".join(dict.fromkeys(_steps(mine, erpnext=erpnext))) for erpnext in (True, False)]
            rows.append((now.value, asked.value, *taken))
    yield from table(("in ERPNext", "the source asks for", "`--take erpnext`", "`--take source`"), rows)


def _steps(mine: Iterable[Situation], *, erpnext: bool) -> list[str]:
    order = list(Step)
    found = {decided(situation, erpnext=erpnext).step for situation in mine}
    return [step.value for step in sorted(found, key=order.index)]


# Pairs ----------------------------------------------------------------------------------------------------------------


def name_of(state: PairState | None) -> str:
    return "new" if state is NEW else state.name.lower()


def pairs_page() -> str:
    """docs/pairs.md."""
    lines = [
        MADE,
        "# The life of a pair",
        "",
        "A pair ties a document to a record of the source. This page says what each event makes of it; where something",
        "is to be written, what comes of it when the write is taken.",
        "",
        "## States",
        *table(("state", "meaning"), ((f"**{name_of(state)}**", MEANINGS[state]) for state in STATES)),
        "",
        "## Where events lead",
        *table(("event", *(name_of(state) for state in STATES)), _overview()),
        "",
        "A dot: it stays where it is.",
        "",
        "## Why",
    ]
    for event, rows in groupby(LIFE_BY_EVENT, key=lambda row: row.event):
        lines += ["", f"### {event.value[0].upper()}{event.value[1:]}", *_reasons(list(rows))]
    return "\n".join(lines) + "\n"


LIFE_BY_EVENT = sorted(LIFE, key=lambda row: list(Event).index(row.event))


def _overview() -> Iterator[tuple[str, ...]]:
    for event in Event:
        cells = (
            "·" if (to := next_state(state, event).to) is state else f"**{'forgotten' if to is NEW else name_of(to)}**"
            for state in STATES
        )
        yield (event.value, *cells)


def _reasons(rows: Sequence[object]) -> Iterator[str]:
    merged: dict[tuple[str, str], list[str]] = {}
    for row in LIFE:
        if row in rows:
            for state in row.states:
                to = "stays" if row.to is state else f"→ {name_of(row.to)}"
                merged.setdefault((to, row.why), []).append(name_of(state))
    yield from table(("state", "then", "why"), ((", ".join(names), *key) for key, names in merged.items()))


PAGES = {"transitions.md": transitions_page, "pairs.md": pairs_page}


def main(folder: Path = DOCS) -> None:
    """Write both pages."""
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
