"""The machine: Hypothesis chooses what is done, what breaks and where syncd is killed; then the promise is asked for.

A failing example is printed as calls of the machine's steps: they are a test as they stand (tests/soak/test_seeds.py).
"""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.soak.deeds import BETWEEN_RUNS, DEEDS
from tests.soak.world import FAULTS, FOR_WRITES, Fault, Meanwhile, World
from tests.system.crash_process import Point

DEED = st.sampled_from(sorted(DEEDS))
PICK = st.integers(0, 11)
REQUEST = st.integers(1, 30)
ANY_TIME = st.sampled_from(sorted(set(DEEDS) - {BETWEEN_RUNS}))
MEANWHILE = st.lists(st.builds(Meanwhile, at=REQUEST, deed=ANY_TIME, pick=PICK), max_size=3)
ANY_FAULT = st.builds(Fault, kind=st.sampled_from(sorted(FAULTS)), at=st.integers(1, 25))
WRITE_FAULT = st.builds(
    Fault, kind=st.sampled_from(sorted(FAULTS)), at=st.integers(1, 4), method=st.sampled_from(FOR_WRITES)
)
FAULT = st.one_of(ANY_FAULT, WRITE_FAULT)
KILL = st.one_of(
    st.builds(Point, kind=st.just("request"), number=REQUEST, when=st.sampled_from(["before", "after", "under way"])),
    st.builds(Point, kind=st.just("store"), number=st.integers(1, 60), when=st.sampled_from(["before", "after"])),
    st.builds(Point, kind=st.just("shop"), number=st.integers(1, 4), when=st.sampled_from(["before", "after"])),
)


class Machine(RuleBasedStateMachine):
    """Both sides and syncd between them."""

    def __init__(self) -> None:
        super().__init__()
        self.world: World | None = None
        self.steps = 0

    def there(self) -> World:
        """The example's world."""
        if self.world is None:
            self.world = World()
        return self.world

    @initialize(concurrency=st.sampled_from([1, 4]), orders=st.booleans(), page_size=st.sampled_from([1_000, 3]))
    def begin(self, concurrency: int, orders: bool, page_size: int = 1_000) -> None:
        self.world = World(concurrency=concurrency, orders=orders, page_size=page_size)

    @rule(deeds=st.lists(st.tuples(DEED, PICK), min_size=1, max_size=4))
    def people(self, deeds: list[tuple[str, int]]) -> None:
        self.steps += 1
        for deed, pick in deeds:
            self.there().deed(deed, pick)

    @rule(full=st.booleans(), meanwhile=MEANWHILE)
    def run(self, full: bool, meanwhile: list[Meanwhile]) -> None:
        self.steps += 1
        self.there().run(full=full, meanwhile=meanwhile)

    @rule(full=st.booleans(), fault=FAULT, meanwhile=MEANWHILE, also=st.none() | FAULT)
    def faulty_run(self, full: bool, fault: Fault, meanwhile: list[Meanwhile], also: Fault | None = None) -> None:
        self.steps += 1
        self.there().run(full=full, faults=[each for each in (fault, also) if each is not None], meanwhile=meanwhile)

    @rule(full=st.booleans(), kill=KILL, meanwhile=MEANWHILE, fault=st.none() | FAULT)
    def killed_run(self, full: bool, kill: Point, meanwhile: list[Meanwhile], fault: Fault | None = None) -> None:
        self.steps += 1
        self.there().run(full=full, kill=kill, meanwhile=meanwhile, faults=[fault] if fault is not None else [])

    @precondition(lambda self: self.steps >= 6)
    @rule()
    def settle(self) -> None:
        self.steps = 0
        self.there().promise()

    def teardown(self) -> None:
        if self.world is None:
            return
        try:
            self.world.promise()
        except BaseException:
            print("\n".join(["what was done:", *self.world.book.log]))
            raise
        finally:
            self.world.close()
            self.world = None


HEALTH = list(HealthCheck)


def bounded(examples: int, steps: int = 12, *, shrink: bool = False) -> settings:
    """Settings for so many examples of so many steps."""
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=HEALTH,
        phases=phases,
        print_blob=False,
        database=None,
        report_multiple_bugs=False,
    )
