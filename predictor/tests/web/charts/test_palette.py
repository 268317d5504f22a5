"""Colours: enough contrast to the page, and apart from each other for colour-blind readers."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest
from django.conf import settings

from predictor.web.charts.palette import N_COLOURS, slot_classes, slot_of_class, slot_of_version

SURFACES = {"light": "#ffffff", "dark": "#191d25"}
# Machado, Oliveira, Fernandes (2009), severity 1, for linear RGB.
SIGHTS = {
    "usual": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    parts = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = XYZ @ np.clip(rgb, 0, 1) / np.array([0.9505, 1, 1.089])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> tuple[str, list[str]]:
    css = (settings.BASE_DIR / "static/mlweb/css/charts.css").read_text()
    block = re.search(rf'^\[data-bs-theme="{request.param}"\] {{\n(.*?)^}}', css, re.DOTALL | re.MULTILINE)
    assert block
    return request.param, re.findall(r"--chart-\d: (#\w{6})", block[1])


def test_each_colour_has_the_contrast_of_a_graphic(theme: tuple[str, list[str]]) -> None:
    name, colours = theme
    assert len(colours) == N_COLOURS
    ground = float(linear(SURFACES[name]) @ XYZ[1])
    for colour in colours:
        low, high = sorted((float(linear(colour) @ XYZ[1]), ground))
        assert (high + 0.05) / (low + 0.05) >= 3, colour


@pytest.mark.parametrize("sight", SIGHTS)
def test_colours_are_apart_for_every_sight(theme: tuple[str, list[str]], sight: str) -> None:
    seen = [lab(SIGHTS[sight] @ linear(colour)) for colour in theme[1]]
    for one, other in combinations(range(len(seen)), 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 15, (theme[1][one], theme[1][other])


def test_a_class_has_the_colour_of_its_place_and_a_version_that_of_its_number() -> None:
    assert slot_of_class("no", ["yes", "no"]) == 2
    assert slot_of_class(1, ["0", "1"]) == 2
    assert [slot_of_version(number) for number in (1, 2, 16, 17)] == [1, 2, 16, 1]
    assert slot_classes(2) == "slot-2"
    assert slot_classes(10) == "slot-2 is-second"
