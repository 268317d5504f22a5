"""Access control table: the expected status for each caller, route and method.

It lists every route of the project with all its methods. A route that is missing from the table fails
`test_walls.py`, so a new route must say who may use it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.views.generic.edit import ProcessFormView

from predictor.models import ROLE_RANK, Scope, WorkspaceRole

VIEWER, MEMBER, ADMIN = WorkspaceRole.VIEWER, WorkspaceRole.MEMBER, WorkspaceRole.ADMIN
READ, PREDICT, WRITE = Scope.READ, Scope.PREDICT, Scope.WRITE

# Sessions, by their role in the workspace "acme"; the tokens are the admin's, each with one scope, and one of
# a stranger with all scopes.
ROLES = {"viewer": VIEWER, "member": MEMBER, "admin": ADMIN}
SESSIONS = ("anonymous", "stranger", *ROLES)
TOKENS = {"token-read": READ, "token-predict": PREDICT, "token-write": WRITE}
CALLERS = (*SESSIONS, *TOKENS, "token-stranger", "token-wrong")


@dataclass(frozen=True)
class Page:
    """A page below /w/<workspace>/: the status for users with at least this role."""

    good: int
    role: WorkspaceRole = VIEWER
    body: dict[str, Any] = field(default_factory=dict)

    def expected(self, caller: str) -> int:
        if caller in ROLES:
            return self.good if ROLE_RANK[ROLES[caller]] >= ROLE_RANK[self.role] else 403
        return 404 if caller == "stranger" else 302  # to the sign-in page; pages ignore tokens


@dataclass(frozen=True)
class Personal:
    """A page of the user's own account. `only` names the callers with access; the others get `else_`."""

    good: int
    only: tuple[str, ...] = ("stranger", *ROLES)
    else_: int = 404
    body: dict[str, Any] = field(default_factory=dict)

    def expected(self, caller: str) -> int:
        if caller in self.only:
            return self.good
        return self.else_ if caller in ("stranger", *ROLES) else 302


@dataclass(frozen=True)
class Endpoint:
    """An endpoint below /api/v1/<workspace>/: a session needs the role, a token also the scope."""

    good: int
    scope: Scope = READ
    role: WorkspaceRole = VIEWER
    body: dict[str, Any] = field(default_factory=dict)
    is_walled: bool = True

    def expected(self, caller: str) -> int:
        if caller in ("anonymous", "token-wrong"):
            return 401
        if caller in ("stranger", "token-stranger") and self.is_walled:
            return 404
        if caller in TOKENS:
            return self.good if TOKENS[caller] == self.scope else 403
        if caller in ROLES and self.is_walled:
            return self.good if ROLE_RANK[ROLES[caller]] >= ROLE_RANK[self.role] else 403
        return self.good


@dataclass(frozen=True)
class OwnNotice(Endpoint):
    """What belongs to the admin alone; the tokens of the tests are the admin's."""

    def expected(self, caller: str) -> int:
        return 404 if caller in ("viewer", "member") else super().expected(caller)


@dataclass(frozen=True)
class Wire:
    """A call below /serve/<workspace>/: it needs a token with one of these scopes. `open_`: status without one."""

    good: int
    scopes: frozenset[Scope] = frozenset({PREDICT})
    body: dict[str, Any] = field(default_factory=dict)
    open_: int | None = None

    def expected(self, caller: str) -> int:
        if caller in TOKENS:
            return self.good if TOKENS[caller] in self.scopes else 403
        if caller == "token-stranger":
            return 404
        return self.open_ if self.open_ and caller != "token-wrong" else 401


@dataclass(frozen=True)
class Open:
    """The same status for every caller."""

    good: int
    body: dict[str, Any] = field(default_factory=dict)

    def expected(self, caller: str) -> int:
        return self.good


Rule = Page | Personal | Endpoint | Wire | Open

W = "w/<slug:workspace>/"
M = f"{W}models/<slug:slug>/"
V = f"{M}versions/<int:number>/"
API = "api/v1/<slug:workspace>/"
MODEL = f"{API}models/<slug:model>"
S = "serve/<slug:workspace>/"
READING_SCOPES = frozenset({READ, PREDICT})
TENSOR = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}]}


def versioned(prefix: str, rest: str, rule: Any, method: str = "get") -> dict[str, Any]:
    """The route of a model below /serve/, and the one of a single version."""
    model = f"{S}{prefix}models/<slug:model>"
    return {f"{model}{rest}": {method: rule}, f"{model}/versions/<str:version>{rest}": {method: rule}}


TABLE: dict[str, dict[str, Rule]] = {
    "language/": {"post": Open(302)},
    # Home
    "": {"get": Personal(302)},
    W: {"get": Page(200)},
    # Datasets
    f"{W}datasets/": {"get": Page(200)},
    f"{W}datasets/upload/": {"get": Page(200, MEMBER), "post": Page(400, MEMBER)},
    f"{W}datasets/samples/<slug:key>/": {"post": Page(302, MEMBER)},
    f"{W}datasets/<int:pk>/": {"get": Page(200)},
    f"{W}datasets/<int:pk>/download/": {"get": Page(200, MEMBER)},
    f"{W}datasets/<int:pk>/rows/": {"get": Page(200)},
    f"{W}datasets/<int:pk>/rows/download/": {"get": Page(200, MEMBER)},
    f"{W}datasets/<int:pk>/lines/": {"post": Page(302, MEMBER)},
    f"{W}datasets/<int:pk>/delete/": {"get": Page(200, ADMIN), "post": Page(302, ADMIN)},
    f"{W}datasets/<int:pk>/columns/<int:place>/": {"get": Page(200), "post": Page(400)},
    f"{W}datasets/<int:pk>/reading-changes/<int:change>/undo/": {"post": Page(302, MEMBER)},
    # Training
    f"{W}datasets/<int:pk>/train/": {"get": Page(200, MEMBER), "post": Page(400, MEMBER)},
    f"{W}activity/": {"get": Page(302)},
    f"{W}batches/": {"get": Page(200)},
    f"{W}runs/": {"get": Page(200)},
    f"{W}runs/<int:pk>/": {"get": Page(200)},
    f"{W}runs/<int:pk>/progress/": {"get": Page(200)},
    f"{W}runs/<int:pk>/cancel/": {"post": Page(302, MEMBER)},
    # Registry
    f"{W}models/": {"get": Page(200)},
    M: {"get": Page(200)},
    **{f"{M}{tab}/": {"get": Page(200)} for tab in ("versions", "monitor", "rules", "api")},
    f"{M}compare/": {"get": Page(200)},
    f"{M}aliases/": {
        "get": Page(405, MEMBER),
        "post": Page(302, MEMBER, {"alias": "canary", "version": 2}),
    },
    f"{M}aliases/<slug:alias>/": {
        "get": Page(200, MEMBER, {"version": 2}),
        "post": Page(302, MEMBER, {"version": 2}),
    },
    f"{M}aliases/<slug:alias>/roll-back/": {"get": Page(200, MEMBER), "post": Page(302, MEMBER)},
    f"{M}aliases/<slug:alias>/remove/": {"get": Page(200, MEMBER), "post": Page(302, MEMBER)},
    V: {"get": Page(200)},
    **{f"{V}{tab}/": {"get": Page(200)} for tab in ("charts", "explain", "data", "details")},
    f"{V}card/": {"get": Page(200), "post": Page(302, MEMBER, {"description": "For tests."})},
    f"{V}card.md": {"get": Page(200)},
    f"{V}model.onnx": {"get": Page(200)},
    f"{V}completion/": {"get": Page(200), "post": Page(302, MEMBER)},
    f"{V}completion/cancel/": {"post": Page(302, MEMBER)},
    f"{V}threshold/": {"get": Page(200, MEMBER), "post": Page(400, MEMBER)},
    f"{V}offline.html": {"get": Page(200)},
    f"{V}bundle.zip": {"get": Page(200)},
    f"{V}archive/": {"get": Page(200, MEMBER), "post": Page(302, MEMBER)},
    f"{V}unarchive/": {"get": Page(200, MEMBER), "post": Page(302, MEMBER)},
    # Predictions
    f"{M}predict/": {"get": Page(200), "post": Page(200, body={"f0": "1", "f1": "2"})},
    f"{M}predict/what-if/": {"post": Page(200, body={"made_for": "1", "f0": "1", "f1": "2", "w0": "3"})},
    # The article's model has no training rows to search among.
    f"{M}predict/counterfactuals/": {
        "post": Page(400, body={"made_for": "1", "f0": "1", "f1": "2", "value": "5"})
    },
    f"{M}form/": {"get": Page(200)},
    f"{M}form/<int:place>/": {"get": Page(200, MEMBER), "post": Page(302, MEMBER, {"column": "x1"})},
    f"{M}links/": {"get": Page(200, ADMIN), "post": Page(400, ADMIN)},
    f"{M}links/<int:pk>/": {"post": Page(302, ADMIN, {"do": "revoke"})},
    f"{M}links/<int:pk>/edit/": {"get": Page(200, ADMIN), "post": Page(400, ADMIN)},
    f"{M}forecast/": {"get": Page(302), "post": Page(404)},
    f"{M}predict-csv/": {"get": Page(200), "post": Page(400)},
    f"{M}predict-csv/<slug:key>/": {"get": Page(404)},
    f"{M}batches/": {"get": Page(200), "post": Page(400)},
    f"{M}batches/<int:pk>/": {"get": Page(200)},
    f"{M}batches/<int:pk>/progress/": {"get": Page(200)},
    f"{M}batches/<int:pk>/cancel/": {"post": Page(302)},
    f"{M}batches/<int:pk>/result/": {"get": Page(302)},
    f"{W}predictions/": {"get": Page(200)},
    f"{W}predictions/export/": {"get": Page(200)},
    f"{W}predictions/<uuid:pk>/": {"get": Page(200)},
    f"{W}predictions/<uuid:pk>/actual/": {"post": Page(302, MEMBER, {"value": "3"})},
    f"{W}actuals/": {"get": Page(200), "post": Page(400, MEMBER)},
    # People
    f"{W}settings/": {"get": Page(200)},
    f"{W}members/": {"get": Page(200)},
    f"{W}members/add/": {
        "get": Page(200, ADMIN),
        "post": Page(200, ADMIN, {"email": "new@example.org", "role": "viewer"}),
    },
    f"{W}members/<int:pk>/role/": {"post": Page(302, ADMIN, {"role": "member"})},
    f"{W}members/<int:pk>/link/": {"post": Page(302, ADMIN)},
    f"{W}members/<int:pk>/remove/": {"get": Page(200, ADMIN), "post": Page(302, ADMIN)},
    "workspaces/new/": {"get": Personal(200, only=(), else_=403), "post": Personal(302, only=(), else_=403)},
    "settings/address/": {"get": Personal(200), "post": Personal(302)},
    "settings/address/<str:key>/": {"get": Personal(200), "post": Personal(400)},
    "settings/tokens/": {"get": Personal(200)},
    "settings/tokens/new/": {"get": Personal(200), "post": Personal(400)},
    "settings/tokens/<int:pk>/revoke/": {"post": Personal(302, only=("admin",))},
    # Labels, comments, trash
    f"{W}datasets/<int:pk>/labels/": {"post": Page(302, MEMBER, {"tags": "raw"})},
    f"{W}runs/<int:pk>/labels/": {"post": Page(302, MEMBER, {"note": "x"})},
    f"{W}runs/<int:pk>/comments/": {"post": Page(302, MEMBER, {"text": "x"})},
    f"{M}labels/": {"post": Page(302, MEMBER, {"tags": "raw"})},
    f"{M}comments/": {"post": Page(302, MEMBER, {"text": "x"})},
    f"{V}labels/": {"post": Page(302, MEMBER, {"note": "x"})},
    f"{V}comments/": {"post": Page(302, MEMBER, {"text": "x"})},
    # The admin wrote it; nobody else may change it, and admins delete any.
    f"{W}comments/<int:pk>/": {"get": Page(200, MEMBER), "post": Page(302, ADMIN, {"text": "x"})},
    f"{W}comments/<int:pk>/delete/": {"post": Page(302, MEMBER)},
    f"{W}trash/": {"get": Page(200, ADMIN)},
    f"{W}trash/<int:pk>/restore/": {"post": Page(302, ADMIN)},
    f"{W}trash/<int:pk>/delete/": {"get": Page(200, ADMIN), "post": Page(302, ADMIN)},
    # Help and notices
    f"{W}search/": {"get": Page(200, body={"q": "art"})},
    f"{W}search/hits/": {"get": Page(200, body={"q": "art"})},
    f"{W}search/places/": {"get": Page(200)},
    "help/": {"get": Personal(200)},
    "help/pages/<slug:help_key>/": {"get": Personal(200)},
    "help/glossary/": {"get": Personal(200, body={"q": "loss"})},
    "help/keys/": {"post": Personal(302, body={"keys": "off"})},
    "help/first-steps/": {"post": Personal(302, body={"steps": "off"})},
    "notices/": {"get": Personal(200)},
    "notices/news/": {"get": Personal(200)},
    "notices/read/": {"post": Personal(302)},
    "settings/notices/": {"get": Personal(200), "post": Personal(302)},
    # Without login
    "f/<str:token>/": {"get": Open(404), "post": Open(404)},
    "f/<str:token>/manifest.webmanifest": {"get": Open(404)},
    "invitations/<str:key>/": {"get": Open(404), "post": Open(404)},
    "health/live": {"get": Open(200)},
    "health/ready": {"get": Open(200)},
    "api/v1/health/live": {"get": Open(200)},
    "api/v1/health/ready": {"get": Open(200)},
    "metrics": {"get": Open(404)},  # without METRICS_TOKEN
    # API
    "predict": {"post": Endpoint(200, PREDICT, body={"x": [1, 2]})},
    "api/docs": {"get": Personal(200)},
    "api/v1/workspaces": {"get": Endpoint(200, is_walled=False)},
    "api/v1/estimators": {"get": Endpoint(200, is_walled=False)},
    f"{API}members": {"get": Endpoint(200)},
    f"{API}datasets": {"get": Endpoint(200), "post": Endpoint(415, WRITE, MEMBER)},
    f"{API}datasets/<int:pk>": {
        "get": Endpoint(200),
        "patch": Endpoint(200, WRITE, MEMBER, {"note": "x"}),
        "delete": Endpoint(204, WRITE, ADMIN),
    },
    f"{API}trash": {"get": Endpoint(200, role=ADMIN)},
    f"{API}trash/<int:pk>": {
        "patch": Endpoint(200, WRITE, ADMIN, {"is_deleted": False}),
        "delete": Endpoint(204, WRITE, ADMIN),
    },
    f"{MODEL}/comments": {"get": Endpoint(200), "post": Endpoint(201, WRITE, MEMBER, {"text": "x"})},
    f"{MODEL}/versions/<int:number>/comments": {
        "get": Endpoint(200),
        "post": Endpoint(201, WRITE, MEMBER, {"text": "x"}),
    },
    f"{API}training-runs/<int:run>/comments": {
        "get": Endpoint(200),
        "post": Endpoint(201, WRITE, MEMBER, {"text": "x"}),
    },
    # The admin wrote it.
    f"{API}comments/<int:pk>": {
        "patch": Endpoint(200, WRITE, ADMIN, {"text": "x"}),
        "delete": Endpoint(204, WRITE, ADMIN),
    },
    f"{API}datasets/<int:pk>/preview": {"get": Endpoint(200)},
    f"{API}datasets/<int:pk>/download": {"get": Endpoint(200, role=MEMBER)},
    f"{API}datasets/<int:pk>/rows": {"get": Endpoint(200)},
    f"{API}datasets/<int:pk>/rows/facets": {"get": Endpoint(200, body={"column": "1"})},
    f"{API}datasets/<int:pk>/rows/download": {"get": Endpoint(200, role=MEMBER)},
    f"{API}datasets/<int:pk>/reading": {"get": Endpoint(200, body={"column": "a"})},
    f"{API}datasets/<int:pk>/reading-previews": {"post": Endpoint(400)},
    f"{API}datasets/<int:pk>/reading-changes": {"get": Endpoint(200), "post": Endpoint(400, WRITE, MEMBER)},
    f"{API}training-runs": {"get": Endpoint(200), "post": Endpoint(400, WRITE, MEMBER)},
    f"{API}training-runs/<int:pk>": {
        "get": Endpoint(200),
        "patch": Endpoint(200, WRITE, MEMBER, {"status": "cancelled"}),
    },
    f"{API}models": {"get": Endpoint(200)},
    MODEL: {"get": Endpoint(200), "patch": Endpoint(200, WRITE, MEMBER, {"description": "x"})},
    f"{MODEL}/versions": {"get": Endpoint(200)},
    f"{MODEL}/versions/<int:number>": {
        "get": Endpoint(200),
        "patch": Endpoint(200, WRITE, MEMBER, {"is_archived": True}),
    },
    f"{MODEL}/versions/<int:number>/evaluation": {"get": Endpoint(200)},
    f"{MODEL}/versions/<int:number>/completion": {
        "get": Endpoint(200),
        "post": Endpoint(409, WRITE, MEMBER),
        "patch": Endpoint(404, WRITE, MEMBER, {"status": "cancelled"}),
    },
    f"{MODEL}/versions/<int:number>/thresholds": {"post": Endpoint(400, WRITE, MEMBER)},
    f"{MODEL}/versions/<int:number>/card": {"get": Endpoint(200)},
    f"{MODEL}/versions/<int:number>/onnx": {"get": Endpoint(200)},
    f"{MODEL}/versions/<int:number>/offline-page": {"get": Endpoint(200)},
    f"{MODEL}/versions/<int:number>/bundle": {"get": Endpoint(200)},
    f"{MODEL}/activity": {"get": Endpoint(200)},
    f"{MODEL}/live-quality": {"get": Endpoint(200)},
    f"{API}notices": {"get": Endpoint(200), "patch": Endpoint(204, body={"is_read": True})},
    # It is the admin's.
    f"{API}notices/<int:pk>": {"patch": OwnNotice(200, body={"is_read": True})},
    f"{API}actuals": {
        "get": Endpoint(200),
        "post": Endpoint(200, PREDICT, MEMBER, {"actuals": [{"request_id": "r", "value": 1}]}),
    },
    f"{MODEL}/comparison": {"get": Endpoint(200, body={"a": 1, "b": 2})},
    f"{MODEL}/versions/compare": {"get": Endpoint(200, body={"version": [1, 2]})},
    f"{MODEL}/aliases": {"get": Endpoint(200)},
    f"{MODEL}/aliases/<slug:alias>": {
        "get": Endpoint(200),
        "put": Endpoint(200, WRITE, MEMBER, {"version": 2}),
        "delete": Endpoint(204, WRITE, MEMBER),
    },
    f"{MODEL}/aliases/<slug:alias>/history": {"get": Endpoint(200)},
    f"{MODEL}/predictions": {"post": Endpoint(200, PREDICT, body={"rows": [{"x1": 1, "x2": 2}]})},
    # The article's model has no training rows to search among.
    f"{MODEL}/counterfactuals": {
        "post": Endpoint(400, PREDICT, body={"row": {"x1": 1, "x2": 2}, "wanted": {"at_least": 5}})
    },
    f"{MODEL}/form": {
        "get": Endpoint(200),
        "put": Endpoint(200, WRITE, MEMBER, {"fields": {}}),
        "patch": Endpoint(200, WRITE, MEMBER, {"fields": {}}),
    },
    f"{MODEL}/links": {"get": Endpoint(200, WRITE, ADMIN), "post": Endpoint(400, WRITE, ADMIN)},
    f"{MODEL}/links/<int:pk>": {
        "get": Endpoint(200, WRITE, ADMIN),
        "patch": Endpoint(200, WRITE, ADMIN, {"is_on": False}),
        "delete": Endpoint(204, WRITE, ADMIN),
    },
    f"{MODEL}/batches": {"get": Endpoint(200, PREDICT), "post": Endpoint(400, PREDICT)},
    f"{MODEL}/batches/<int:pk>": {
        "get": Endpoint(200, PREDICT),
        "patch": Endpoint(200, PREDICT, MEMBER, {"status": "cancelled"}),  # or its creator
    },
    f"{MODEL}/batches/<int:pk>/result": {"get": Endpoint(409, PREDICT)},
    f"{API}predictions": {"get": Endpoint(200)},
    f"{API}predictions/export": {"get": Endpoint(200)},
    f"{API}predictions/<uuid:pk>": {"get": Endpoint(200)},
    # Wire protocols
    S: {"get": Open(200)},
    f"{S}v2": {"get": Wire(200, READING_SCOPES)},
    f"{S}v2/": {"get": Wire(200, READING_SCOPES)},
    f"{S}v2/health/live": {"get": Open(200)},
    f"{S}v2/health/ready": {"get": Open(200)},
    f"{S}v2/models": {"get": Wire(200, READING_SCOPES)},
    f"{S}v2/models/stats": {"get": Wire(200, READING_SCOPES)},
    f"{S}v2/repository/index": {"post": Wire(200, READING_SCOPES)},
    f"{S}v2/repository/models/<slug:model>/load": {"post": Wire(200)},
    f"{S}v2/repository/models/<slug:model>/unload": {"post": Wire(200, frozenset({WRITE}))},
    **versioned("v2/", "", Wire(200, READING_SCOPES)),
    **versioned("v2/", "/ready", Wire(200, READING_SCOPES)),
    **versioned("v2/", "/config", Wire(200, READING_SCOPES)),
    **versioned("v2/", "/stats", Wire(200, READING_SCOPES)),
    **versioned("v2/", "/infer", Wire(200, body=TENSOR), "post"),
    f"{S}v1/models": {"get": Wire(200, READING_SCOPES)},
    f"{S}v1/models/<slug:model>": {"get": Wire(200, READING_SCOPES)},
    **versioned("v1/", ":predict", Wire(200, body={"instances": [[1, 2]]}), "post"),
    # The article's model has no background rows to explain with.
    **versioned("v1/", ":explain", Wire(400, body={"instances": [[1, 2]]}), "post"),
    **versioned("", "/ping", Wire(200, READING_SCOPES, open_=200)),
    **versioned("", "/health", Wire(200, READING_SCOPES, open_=200)),
    **versioned("", "/version", Wire(200, READING_SCOPES)),
    **versioned("", "/invocations", Wire(200, body={"instances": [[1, 2]]}), "post"),
    **versioned("", "/predict", Wire(200, body={"x": [1, 2]}), "post"),
}

# Open to every authenticated caller, by session or with a token of any scope.
SIGNED_IN = {"api/schema"}
# Catch-all routes for unknown paths below /api/ and /serve/.
CATCH_ALL = {
    "^api/", "^serve/[^/]*/v2(?:/|$)", "^serve/[^/]*/v1(?:/|$)", "^serve/[^/]*/models/", "^serve/(?:[^/]*/)*models/",
    "^serve/", "serve",
}  # fmt: skip
# Routes of libraries, which have their own tests in test_walls.py.
LIBRARIES = ("accounts/", "admin/")


@dataclass(frozen=True)
class Route:
    """A route of the URL resolver, with its view and the methods of it."""

    route: str
    view: Any
    methods: frozenset[str]
    has_slash: bool

    @property
    def key(self) -> str:
        """API routes answer with and without a trailing slash: one entry for both."""
        is_api = self.route.startswith(("api/", "health/", "predict"))
        return self.route.rstrip("/") if is_api else self.route


def routes() -> Iterator[Route]:
    """All routes of the resolver except those of libraries."""
    for path, pattern in _walk(get_resolver().url_patterns, ""):
        if not path.startswith(LIBRARIES):
            yield Route(path, pattern.callback, frozenset(_methods(pattern.callback)), path.endswith("/"))


def library_paths(below: str) -> Iterator[tuple[str, str]]:
    """(route, name) of the sign-in pages or of the admin."""
    for path, pattern in _walk(get_resolver().url_patterns, ""):
        if path.startswith(below):
            yield path, pattern.name or ""


def _walk(patterns: list[Any], before: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path)
        else:
            yield path, pattern


def _methods(callback: Any) -> set[str]:
    if actions := getattr(callback, "actions", None):
        return set(actions)
    if methods := getattr(callback, "methods", None):
        return set(methods) - {"head"}
    view = getattr(callback, "view_class", None) or callback.cls
    # Django's form views answer PUT as POST; browsers never send it.
    known = (
        ("get", "post") if issubclass(view, ProcessFormView) else ("get", "post", "put", "patch", "delete")
    )
    return {method for method in known if hasattr(view, method)}


def filled(route: str, ids: dict[str, Any]) -> str:
    """The route with values for its arguments: `pk` by the noun before it, the others by their name."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name == "pk":
            name = route[: match.start()].rstrip("/").rsplit("/", 1)[-1]
        return str(ids[name])

    return "/" + re.sub(r"<\w+:(\w+)>", value, route)
