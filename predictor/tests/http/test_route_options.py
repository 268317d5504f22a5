"""What a route declares: checked when the program starts."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from predictor.http.route_options import RouteOptions, declare, options_of


def test_a_view_has_the_options_of_its_route() -> None:
    options = RouteOptions("v2", takes_fast_path=True)

    def view() -> None: ...

    assert options_of(view) is None
    assert declare(view, options) is view
    assert options_of(view) is options


@pytest.mark.parametrize("options", [{"interface": "v3"}, {"interface": "api", "is_limited": True}])
def test_options_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ImproperlyConfigured):
        RouteOptions(**options)
