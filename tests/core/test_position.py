"""Where a sampler stands: from the levels of its calls and the steps that its callback names."""

import pytest
from attention_bending.bending.time.position import Conflict, Position, steps_at

DOWN = [1.0, 0.8, 0.5, 0.2, 0.0]
RESTART = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.5, 0.4, 0.3, 0.0]
"""Eleven steps, of which step 7 goes up again."""

HELD = [
    (DOWN, 1.2, [0]),
    (DOWN, 1.0, [0]),
    (DOWN, 0.81, [0]),
    (DOWN, 0.8, [1]),
    (DOWN, 0.8000001, [1]),  # but for rounding
    (DOWN, 0.0, [3]),  # the last holds its end
    (DOWN[::-1], 0.0, [0]),  # backwards
    (DOWN[::-1], 0.3, [1]),
    (DOWN[::-1], 1.0, [3]),
    ([1.0, 0.7, 0.7, 0.4, 0.0], 0.7, [1, 2]),
    ([1.0, 0.7, 0.7, 0.4, 0.0], 0.5, [2]),
    ([1.0, 1.0, 1.0, 0.0], 1.0, [0, 1, 2]),
    (RESTART, 0.3, [7, 10]),
    (RESTART, 0.4, [6, 7, 9]),
    (RESTART, 0.5, [5, 8]),
    ([0.7], 0.7, [0]),
]


@pytest.mark.parametrize(("sigmas", "sigma", "steps"), HELD, ids=str)
def test_the_steps_that_hold_a_level(sigmas, sigma, steps):
    assert steps_at(sigmas, sigma) == steps


def walk(sigmas, *events) -> Position:
    """Events are the levels of calls with the steps they must belong to, `(σ, step)`, and names, `step`."""
    position = Position(sigmas)
    for number, event in enumerate(events):
        if isinstance(event, tuple):
            assert position.at(event[0]) == event[1], f"event {number}: {event}"
        else:
            position.name(event)
    return position


def euler(sigmas, changed=lambda sigma, step: sigma):
    """One call a step, and then its name."""
    steps = range(len(sigmas) - 1)
    return [event for k in steps for event in ((changed(sigmas[k], k), k), k)]


EVEN = [1 - k / 20 for k in range(21)]

WALKS = {
    "one call a step": (DOWN, *euler(DOWN)),
    "backwards": (DOWN[::-1], *euler(DOWN[::-1])),
    "equal levels": ([1.0, 0.7, 0.7, 0.7, 0.0], *euler([1.0, 0.7, 0.7, 0.7, 0.0])),
    "equal levels at the start": ([1.0, 1.0, 0.5, 0.0], *euler([1.0, 1.0, 0.5, 0.0])),
    "a schedule that goes up again": (RESTART, *euler(RESTART)),
    "a corrector at the next level": (DOWN, (1.0, 0), 0, (0.8, 1), (0.8, 1), 1, (0.5, 2), (0.5, 2), 2, (0.2, 3), 3),
    "named at the end of a step": (DOWN, (1.0, 0), (0.8, 1), 0, (0.8, 1), (0.5, 2), 1, (0.5, 2), (0.2, 3), 2),
    "a call between two levels": (DOWN, (1.0, 0), 0, (0.9, 0), (0.8, 1), 1, (0.6, 1), (0.5, 2), 2),
    "a look two levels ahead": (DOWN, (1.0, 0), 0, (0.8, 1), (0.5, 2), (0.8, 1), 1, (0.5, 2), (0.2, 3), (0.5, 2), 2),
    "several calls at a level": (DOWN, (1.0, 0), (1.0, 0), 0, (0.8, 1), (0.8, 1), 1),
    "a first level that is moved a little": (DOWN, (0.9999, 0), 0, (0.9, 0), (0.8, 1), 1),
    "a step once more": (DOWN, (1.0, 0), 0, (0.8, 1), 1, (0.8, 1), 1, (0.5, 2), 2),
    "back to a level": (DOWN, (1.0, 0), 0, (0.8, 1), 1, (0.5, 2), 2, (0.8, 1), 1, (0.5, 2), 2, (0.2, 3), 3),
    "back, counted on": (DOWN, (1.0, 0), 0, (0.8, 1), 1, (0.9, 2), 2, (0.7, 3), 3, (0.5, 2), 4, (0.2, 3), 5),
    "levels that are raised": (EVEN, *euler(EVEN, lambda sigma, k: sigma * 1.12)),
    "levels that are lowered": (EVEN, *euler(EVEN, lambda sigma, k: sigma * 0.85)),
    "levels that are lowered from the middle on": (EVEN, *euler(EVEN, lambda sigma, k: sigma - 0.1 * (k > 9))),
    "raised from the middle on": (EVEN, *euler(EVEN, lambda sigma, k: sigma + 0.12 * (k > 9))),
    "raised so that one is the schedule's": (EVEN, *euler(EVEN, lambda sigma, k: sigma * 1.1)),
    "lowered so that one is the schedule's": (EVEN, *euler(EVEN, lambda sigma, k: sigma * 0.9)),
    "raised within a step": (EVEN, *euler(EVEN, lambda sigma, k: sigma + 0.02)),
    "noise added before each call": (EVEN, *euler(EVEN, lambda sigma, k: sigma * 1.414)),
    "moved by whole steps": (EVEN, *euler(EVEN, lambda sigma, k: EVEN[min(k + 2, 20)])),
    "no names": (RESTART, *[(sigma, k) for k, sigma in enumerate(RESTART[:-1])]),
    "two names a step": (DOWN, (1.0, 0), 0, (0.8, 1), 0, (0.8, 1), 1, (0.5, 2), 1, (0.5, 2), 2, (0.2, 3), 2),
    "always named 0": (DOWN, (1.0, 0), 0, (0.8, 1), 0, (0.5, 2), 0, (0.2, 3), 0),
    "a count of something else": (EVEN, *[e for k in range(20) for e in ((EVEN[k], k), k // 2)]),
    "named before each call": (DOWN, 0, (1.0, 0), 1, (0.8, 1), 2, (0.5, 2), 3, (0.2, 3)),
    "numbered from one": (DOWN, (1.0, 0), 1, (0.8, 1), 2, (0.5, 2), 3, (0.2, 3), 4),
}


@pytest.mark.parametrize("case", WALKS)
def test_each_call_is_in_the_step_where_the_sampler_stands(case):
    sigmas, *events = WALKS[case]
    walk(sigmas, *events)


def test_a_corrector_that_is_lied_to():
    """Its calls at the next level belong to that step, as they do where it is told the truth."""
    for change in (0.85, 0.97, 1.03, 1.12):
        calls = ((EVEN[0] * change, 0), 0)
        for k in range(1, 19):
            level = EVEN[k] * change
            calls += ((level, k), (level, k), k)
        walk(EVEN, *calls)


@pytest.mark.parametrize(
    ("change", "conflict"),
    [
        (lambda sigma, k: sigma, None),
        (lambda sigma, k: sigma - 0.02, None),  # a step at the most
        (lambda sigma, k: sigma - 0.12 * (k > 4), Conflict(EVEN[5] - 0.12, 7, 5)),
        (lambda sigma, k: sigma + 0.12 * (k > 4), Conflict(EVEN[5] + 0.12, 2, 5)),
    ],
    ids=["none", "within a step", "lowered", "raised"],
)
def test_a_level_far_from_where_the_sampler_stands_is_noted_once(change, conflict):
    assert walk(EVEN, *euler(EVEN, change)).conflict == conflict


def test_no_ordinary_sampler_is_in_conflict():
    for case, (sigmas, *events) in WALKS.items():
        if not case.startswith(("levels that", "raised", "lowered", "noise", "moved", "back, counted")):
            assert walk(sigmas, *events).conflict is None, case
