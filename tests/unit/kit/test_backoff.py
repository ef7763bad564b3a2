from __future__ import annotations

from random import Random

from steersman.kit.backoff import Backoff, jittered


def test_delays_double_from_750_ms_to_15_minutes_as_in_flux():
    delays = [Backoff().delay(failures) for failures in range(13)]
    assert delays == [0, 0.75, 1.5, 3, 6, 12, 24, 48, 96, 192, 384, 768, 900]


def test_the_ten_thousandth_failure_still_has_a_delay():
    assert Backoff().delay(10_000) == 900


def test_jitter_moves_an_interval_by_at_most_its_percentage():
    random = Random(7)
    moved = [jittered(100, 5, random) for _ in range(1000)]
    assert 95 <= min(moved) < 96
    assert 104 < max(moved) <= 105


def test_no_jitter_leaves_the_interval_alone():
    assert jittered(60, 0, Random(1)) == 60
