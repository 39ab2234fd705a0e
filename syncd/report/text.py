"""Runs in plain words: the verdict, the numbers of each mapping, values as text. Pure; terminals and pages print it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from syncd.core.model import Counts
from syncd.report.document import dump
from syncd.report.model import RunSummary, Verdict, written

_LINES = 20
"""Records of one kind that a text names."""
_LONGEST = 120
"""Characters of a value that a line of text shows."""
HELD_ADVICE: Mapping[str, str] = {
    "match": (
        "several records fit one another, and only you know which belong together: make the fields that the match "
        "rules compare differ, or put the id of the right partner into the record; the next run looks again"
    ),
    "partner": (
        "put the id of the partner that it is paired with back into the record, or empty that field; the next run "
        "looks again"
    ),
    "transition": (
        "correct the value in the source, or put it into one of the lists of [lifecycle] in the mapping's file; the "
        "next run looks again"
    ),
    "link": "decide about the record that it links to; the next run then takes it up",
    "refused": "correct what was refused in ERPNext or in the source; the next run looks again",
}
"""What a person does about held records that no choice between two values decides, by the conflict's kind."""


def printable(text: str) -> str:
    """Text that a terminal can only show, never obey: control and direction characters become visible escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character == "\n":
        return "\\n"
    # Cc: controls (escape sequences); Cf: formats, among them those that turn the direction of text; Cs: surrogates.
    if unicodedata.category(character) in {"Cc", "Cf", "Cs"} and character not in "\u200c\u200d":
        code = ord(character)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return character


def value_text(value: object, *, longest: int = _LONGEST) -> str:
    """A value on one line: text in quotes, nothing as `(empty)`, long ones cut with their length."""
    if value is None:
        return "(empty)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        value = orjson.loads(dump(value))
        if not isinstance(value, str):
            return printable(dump(value).decode())
    shown = printable(value)
    if len(shown) > longest:
        return f'"{shown[:longest]}…" ({len(value):,} characters)'
    return f'"{shown}"'


def record_text(external_id: str | None, erpnext_name: str | None) -> str:
    """A record by what it is called on both sides."""
    names = []
    if erpnext_name is not None:
        names.append(f"ERPNext {printable(erpnext_name)}")
    if external_id is not None:
        names.append(f"source {printable(external_id)}")
    return " = ".join(names) or "a new record"


def number(count: int, one: str, many: str = "") -> str:
    """`1 record`, `2,000 records`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def duration_text(seconds: float | None) -> str:
    """A span in words a person would use: `0.4 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`."""
    if seconds is None:
        return "—"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    for size, unit, smaller, small_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit} {rest} {small_unit}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


def moment_text(moment: datetime | None) -> str:
    """A time for a person, in the machine's zone, with the offset."""
    return "—" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def trouble_text(trouble: Mapping[str, str]) -> str:
    """A halt or an error of the counts in one line: its message, else whatever it says."""
    message = trouble.get("message") or "; ".join(str(value) for value in trouble.values())
    guard = trouble.get("guard")
    return f"{guard}: {message}" if guard and not message.startswith(guard) else message


def verdict_of(summary: RunSummary, *, program: str = "syncd", interrupted: bool = False) -> Verdict:
    """How the run ended, in plain words.

    `program` begins the commands that are named as next steps (`syncd`, or `syncd --config /elsewhere/syncd.toml`).
    """
    return Verdict(
        result=summary.result,
        headline=_headline(summary, interrupted=interrupted),
        sentences=tuple(_sentences(summary)),
        next_steps=tuple(_next_steps(summary, program)),
    )


def _headline(summary: RunSummary, *, interrupted: bool) -> str:
    writes = number(summary.writes, "record was", "records were") + " written"
    if interrupted:
        return f"Interrupted: {writes}, what was done is recorded, and the next run goes on from there."
    if summary.finished is None:
        return "This run has not ended: it is still going on, or was killed; the next run goes on from there."
    if summary.result == "halted":
        return "Halted by a guard before damage: nothing past it was written."
    if summary.result == "failed":
        return f"The run could not be finished: {writes} before that."
    waiting = _waiting(summary)
    if not waiting:
        return f"Both sides agree: {writes}." if summary.writes else "Nothing to do: both sides agree."
    if summary.writes:
        return f"Done, {writes}, but {waiting}."
    return f"Nothing to do, but {waiting}."


def _waiting(summary: RunSummary) -> str:
    parts = []
    if summary.held:
        parts.append(number(summary.held, "record waits", "records wait") + " for a person")
    if summary.failed:
        parts.append(number(summary.failed, "record") + " failed")
    if summary.disagree:
        parts.append(number(summary.disagree, "pair differs", "pairs differ") + " although it counts as agreed")
    return ", ".join(parts)


def _sentences(summary: RunSummary) -> Iterator[str]:
    for name, counts in summary.mappings.items():
        if counts.halt:
            yield f"{name} was halted: {trouble_text(counts.halt)}"
        if counts.error:
            yield f"{name} could not be finished: {trouble_text(counts.error)}"
        if counts.disagree:
            pairs = number(counts.disagree, "pair")
            yield f"{name}: the full pass found {pairs} that differ on both sides although they count as agreed"
            yield from (f"{name}: {line}" for line in disagreement_lines(counts.disagree, counts.disagreements))
        if counts.plan:
            yield from (f"{name}: {line}" for line in plan_lines(counts.plan))


def disagreement_lines(count: int, some: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What agreed pairs differ in: record, field and both values, `_LINES` of them."""
    for each in some[:_LINES]:
        record = record_text(each["external_id"], each["erpnext_name"])
        values = f"ERPNext {value_text(each['erpnext'])}, the source {value_text(each['source'])}"
        yield f"{record}: {printable(each['field'])}: {values}"
    pairs = len({(each["external_id"], each["erpnext_name"]) for each in some[:_LINES]})
    if count > pairs:
        yield f"and {number(count - pairs, 'more pair')}"


def plan_lines(plan: Mapping[str, Any]) -> Iterator[str]:
    """What became of a plan that a run carried out, as far as it was not done."""
    if plan["refused"]:
        yield f"of {number(plan['planned'], 'record')} in the plan {plan['refused']:,} moved since, and were refused:"
        for each in plan["records"][:_LINES]:
            yield f"{record_text(each['external_id'], each['erpnext_name'])}: {each['text']}"
        if plan["refused"] > _LINES:
            yield f"and {number(plan['refused'] - _LINES, 'more')}"
    if plan["left"]:
        left = number(plan["left"], "record is", "records are")
        yield f"{left} left for the next run: the plan does not name {'it' if plan['left'] == 1 else 'them'}"


def _next_steps(summary: RunSummary, program: str) -> Iterator[str]:
    for name, counts in summary.mappings.items():
        for trouble in (counts.halt, counts.error):
            if trouble and trouble.get("hint"):
                yield f"{name}: {trouble['hint']}"
        if counts.disagree:
            yield f"{program} plan {name} --full shows what differs"
    if summary.held:
        yield f"{program} conflicts list shows what is held, and {program} conflicts show ID both sides of one"
        yield f"{program} conflicts resolve ID --take erpnext|source decides; the next run carries it out"
    if summary.failed:
        yield f"{program} failures list shows what failed, and {program} failures show ID the cause and the next step"
        yield f"{program} failures retry has the next run try them again, once the cause is gone"


def counts_lines(counts: Counts) -> list[tuple[str, str]]:
    """The numbers of one mapping as (word, text), what is zero left out; the word is the contract's."""
    lines = [("seen", _sides(counts.seen, "in ERPNext", "in the source") or "nothing")]
    lines += [(word, text) for word, text in _work(counts) if text]
    lines += [(word, text) for word, text in _left(counts) if text]
    lines.append(("requests", _sides(counts.requests, "to ERPNext", "to the source") or "none"))
    return lines


def _sides(sides: Mapping[str, int], erpnext: str, source: str) -> str:
    parts = [
        f"{sides[side]:,} {words}" for side, words in (("erpnext", erpnext), ("source", source)) if sides.get(side)
    ]
    return ", ".join(parts)


def _counted(count: int, text: str) -> str:
    return f"{count:,} {text}" if count else ""


def _work(counts: Counts) -> Iterator[tuple[str, str]]:
    yield "adopted", _counted(counts.adopted, "that existed on both sides are pairs now")
    yield "created", _sides(counts.created, "in ERPNext", "in the source")
    yield "updated", _sides(counts.updated, "in ERPNext", "in the source")
    yield "deleted", _sides(counts.deleted, "in ERPNext", "in the source")
    yield "submitted", _counted(counts.submitted, "in ERPNext")
    yield "cancelled", _counted(counts.cancelled, "in ERPNext")
    yield "amended", _counted(counts.amended, "in ERPNext")
    yield "linked", _counted(counts.linked, "got the other side's id, nothing else")
    yield "ended", _counted(counts.ended, "deleted or voided for good on a side; never created again")
    if not written(counts) and not counts.adopted:
        yield "written", "nothing"


def _left(counts: Counts) -> Iterator[tuple[str, str]]:
    yield "unmatched", _counted(counts.unmatched, "without a partner, and the mapping creates none for them")
    yield "conflicts", _counted(counts.conflicts, "where both sides changed the same; a person decides")
    yield "held", _counted(counts.held, "waiting for a person, conflicts included")
    yield "failed", _counted(counts.failed, "refused or broken; tried again as their cause allows")
    yield "disagree", _counted(counts.disagree, "differ although they count as agreed")
    yield "halted", trouble_text(counts.halt) if counts.halt else ""
    yield "error", trouble_text(counts.error) if counts.error else ""


def summary_text(summary: RunSummary, verdict: Verdict, *, report: str = "") -> str:
    """A run for a terminal: the numbers of each mapping, the verdict, what to do next, where the report lies."""
    lines = []
    for name, counts in summary.mappings.items():
        lines.append(printable(name))
        lines += [f"  {word:<10} {printable(text)}" for word, text in counts_lines(counts)]
        lines.append("")
    lines.append(verdict.headline)
    lines += [f"  {printable(sentence)}" for sentence in verdict.sentences]
    if verdict.next_steps:
        lines += ["", "Next:", *(f"  {printable(step)}" for step in verdict.next_steps)]
    if report:
        lines += ["", f"Report: {report}"]
    return "\n".join(lines)
