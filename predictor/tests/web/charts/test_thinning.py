from __future__ import annotations

import math

from predictor.web.charts.thinning import thinned_band, thinned_line, thinned_points


def test_a_long_line_keeps_its_peaks_its_gaps_and_its_ends() -> None:
    points: list[tuple[float, float | None]] = [(float(x), math.sin(x / 300)) for x in range(10_000)]
    points[7777], points[4321], points[5000] = (7777.0, 40.0), (4321.0, -40.0), (5000.0, None)

    kept = thinned_line(points)

    assert len(kept) <= 5 * 500
    assert {points[0], points[-1], (7777.0, 40.0), (4321.0, -40.0), (5000.0, None)} <= set(kept)
    assert kept == sorted(kept, key=lambda point: point[0])
    assert set(kept) <= set(points)


def test_short_and_unsorted_lines_stay_whole() -> None:
    short = [(0.0, 1.0), (1.0, 2.0)]
    circle = [(math.cos(x / 100), math.sin(x / 100)) for x in range(5_000)]

    assert thinned_line(short) == short
    assert thinned_line(circle) == circle


def test_a_thinned_band_holds_every_range() -> None:
    band = [(float(x), math.sin(x / 50) - 1, math.sin(x / 50) + 1) for x in range(5_000)]

    kept = thinned_band(band)

    assert len(kept) <= 1000
    assert min(low for _, low, _ in kept) == min(low for _, low, _ in band)
    assert max(high for _, _, high in kept) == max(high for _, _, high in band)


def test_points_that_cover_each_other_are_drawn_once() -> None:
    assert len(thinned_points([(1.0, 1.0)] * 3_000 + [(2.0, 2.0)])) == 2
