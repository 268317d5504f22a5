"""What a route declares where it is defined: its interface, the fast path, the concurrency limit.

The web server reads it before Django's handler starts; see `mlweb/fast_path.py` and `mlweb/request_metrics.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

from ..services.process.meters import INTERFACES
from .problems import as_problem

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class RouteOptions:
    """The options of a route. Raises ImproperlyConfigured for options that contradict each other.

    `interface`: how the metrics count its requests, one of `meters.INTERFACES`.
    `takes_fast_path`: requests without a session skip the middleware. Not for pages, nor for views that set cookies.
    `is_limited`: a POST predicts. While limit and queue are full it is refused at once, with `error_response`.
    """

    interface: str
    takes_fast_path: bool = False
    is_limited: bool = False
    error_response: Callable[[Exception, HttpRequest], HttpResponse] = as_problem

    def __post_init__(self) -> None:
        if self.interface not in INTERFACES:
            raise ImproperlyConfigured(
                f"{self.interface!r} is no interface; there are {', '.join(INTERFACES)}."
            )
        if self.is_limited and not self.takes_fast_path:
            raise ImproperlyConfigured(
                "A limited route has to take the fast path, which refuses its requests."
            )


def declare(view: View, options: RouteOptions) -> View:
    """Set the options of a route on its view, and return the view."""
    view.route_options = options  # type: ignore[attr-defined]
    return view


def options_of(view: Callable[..., Any]) -> RouteOptions | None:
    """What the route of this view declares, or None."""
    return getattr(view, "route_options", None)
