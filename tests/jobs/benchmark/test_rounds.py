"""Rounds by a clock that the calls themselves move."""

import numpy as np
import pytest

from gandl_jax.jobs.benchmark import rounds


@pytest.fixture
def clock(monkeypatch):
    """A clock; `spend(seconds)` makes a function of the number of calls."""

    class Clock:
        now, cores, calls = 0.0, 0.0, []

        def spend(self, *seconds):
            each = iter(seconds)

            def run(count):
                self.calls.append(count)
                passed = count * next(each)
                self.now += passed
                self.cores += 2 * passed  # both of two are busy

            return run

    clock = Clock()
    monkeypatch.setattr(rounds.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(rounds.time, "process_time", lambda: clock.cores)
    return clock


def test_short_calls_are_repeated_until_the_clock_tells_them(clock):
    run = clock.spend(0.125, 0.05, 0.2, 0.1)
    seconds = rounds.seconds_per_call(run, rounds=3)
    assert clock.calls == [1, 4, 4, 4]  # the first warms: 4 of its time are half a s
    np.testing.assert_allclose(seconds.clock, [0.05, 0.2, 0.1])
    np.testing.assert_allclose(seconds.cores, [0.1, 0.4, 0.2])


def test_no_round_begins_after_a_minute(clock):
    run = clock.spend(*[25.0] * 9)
    assert len(rounds.seconds_per_call(run, first=25.0).clock) == 3
    assert clock.calls == [1, 1, 1]


def test_calls_take_turns_so_that_what_slows_the_machine_meets_both(clock, monkeypatch):
    monkeypatch.setattr(rounds, "ROUNDS", 3)
    both = clock.spend(0.125, 0.1, 0.2, 0.4), clock.spend(0.25, 0.3, 0.6, 1.2)
    one, other = rounds.by_turns(both)
    assert clock.calls == [1, 1, 4, 2, 4, 2, 4, 2]
    np.testing.assert_allclose(one.clock, [0.1, 0.2, 0.4])
    np.testing.assert_allclose(other.clock, [0.3, 0.6, 1.2])
    np.testing.assert_allclose(other.cores, [0.6, 1.2, 2.4])
    clock.calls.clear()
    monkeypatch.setattr(rounds, "MOST_SECONDS", 10.0)
    both = clock.spend(*[9.0] * 5), clock.spend(*[9.0] * 5)
    assert len(rounds.by_turns(both)[0].clock) == 2 and len(clock.calls) == 6


def test_compiling_is_what_the_second_call_does_not_take(clock):
    assert rounds.compiling(clock.spend(30.0, 2.0)) == {
        "compile_seconds": 28,
        "compile_core_seconds": 56,
    }


def test_rates_are_the_median_and_both_ends():
    seconds = rounds.Seconds(np.array([2.0, 1.0, 4.0]), np.array([3.0, 9.0, 16.0]))
    assert rounds.rates(seconds, 9 * 8, "images") == {
        "images_per_second": 36,
        "images_per_second_least": 18,
        "images_per_second_most": 72,
        "images_per_core_second": 8,
        "rounds": 3,
    }
