from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin import site as admin_site
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from predictor.models import (
    ApiToken,
    Notice,
    PredictionLog,
    PredictionSource,
    RegisteredModel,
    TrainingRun,
    User,
    Workspace,
    WorkspaceRole,
    documents_of,
)
from predictor.services import comments, datasets, registry
from predictor.services.accounts import rate_limits, tokens, workspaces
from predictor.services.predictions import published_forms
from predictor.tests import predicting
from predictor.tests.conftest import person
from predictor.tests.walls import (
    API,
    CALLERS,
    CATCH_ALL,
    MODEL,
    ROLES,
    SESSIONS,
    SIGNED_IN,
    TABLE,
    TOKENS,
    Endpoint,
    M,
    Open,
    Page,
    Personal,
    W,
    Wire,
    filled,
    library_paths,
    routes,
)

MODELS = list(apps.get_app_config("predictor").get_models())
DOCUMENTS = {
    (model._meta.db_table.removeprefix("predictor_"), name)
    for model in MODELS
    for name in documents_of(model)
}
# Pages and endpoints that show many rows.
LISTS = [
    W, f"{W}datasets/", f"{W}runs/", f"{W}batches/", f"{W}models/", M, f"{M}versions/",
    f"{M}monitor/", f"{M}batches/", f"{W}predictions/", f"{W}members/",
    f"{API}datasets", f"{API}training-runs", f"{API}models", f"{MODEL}/versions", f"{MODEL}/aliases",
    f"{MODEL}/aliases/<slug:alias>/history", f"{MODEL}/batches", f"{API}predictions", f"{API}members",
    f"{API}datasets/<int:pk>/reading-changes", "settings/tokens/", f"{W}predictions/export/",
]  # fmt: skip
ROUTES = list(routes())
# Loops instead of parametrized tests: the fixtures take a second to build, a request milliseconds.
PROBES = [
    (route, method, TABLE[route.key][method])
    for route in ROUTES
    for method in sorted(route.methods)
    if method in TABLE.get(route.key, {})
]


@pytest.fixture(autouse=True)
def _no_rate_limits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    # Each address of the table is asked with a wrong token, more often than one caller may in a minute.
    monkeypatch.setattr(rate_limits, "WRONG_TOKENS_PER_MINUTE", 1_000_000)
    settings.ARTICLE_MODEL = "acme/article"


@pytest.fixture
def people(workspace: Workspace, viewer: User, member: User, admin: User, stranger: User) -> dict[str, User]:
    return {"viewer": viewer, "member": member, "admin": admin, "stranger": stranger}


@pytest.fixture
def clients(people: dict[str, User], workspace: Workspace, other_workspace: Workspace) -> dict[str, Client]:
    """A client for each caller of the table."""
    found = {"anonymous": Client(raise_request_exception=False)}
    for name, user in people.items():
        found[name] = Client(raise_request_exception=False)
        found[name].force_login(user)
    for name, scope in TOKENS.items():
        found[name] = with_token(people["admin"], workspace, [scope])
    found["token-stranger"] = with_token(people["stranger"], other_workspace, list(TOKENS.values()))
    found["token-wrong"] = bearer("mlw_" + "x" * 43)
    return found


def with_token(user: User, workspace: Workspace, scopes: list[Any]) -> Client:
    return bearer(tokens.create_token(user=user, workspace=workspace, name="t", scopes=scopes).plaintext)


def bearer(plaintext: str) -> Client:
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {plaintext}"})


@pytest.fixture
def ids(people: dict[str, User], clients: dict[str, Client], workspace: Workspace) -> dict[str, Any]:
    """One object of each kind in the workspace "acme", for the arguments of the routes. The batch is created with
    the token of scope predict, which can see only its own batches."""
    for _ in range(3):
        version = registry.register_linear(
            workspace=workspace, name="article", coefficients=[0.5, 0.3], intercept=-1.5, by=None
        )
    model = RegisteredModel.objects.get()
    for number in (3, 1):
        to = model.versions.get(number=number)
        registry.set_alias(registered_model=model, alias="champion", model_version=to, by=None)
    csv = BytesIO(b"age,city,y\n" + b"".join(b"%d,Ulm,%d\n" % (n, n % 7) for n in range(30)))
    dataset = datasets.import_csv(workspace=workspace, source=csv, filename="t.csv", by=people["admin"])
    spare = datasets.import_csv(
        workspace=workspace, source=BytesIO(b"a,b\n1,2\n3,4\n"), filename="u.csv", by=people["admin"]
    )
    trashed = datasets.import_csv(
        workspace=workspace, source=BytesIO(b"a,b\n5,6\n7,8\n"), filename="v.csv", by=people["admin"]
    )
    datasets.delete(dataset=trashed, by=people["admin"])
    comment = comments.add(target=model, text="Good.", by=people["admin"])
    notice = Notice.objects.create(workspace=workspace, user=people["admin"], kind="run", subject="x")
    run = TrainingRun.objects.create(
        workspace=workspace, dataset=dataset, registered_model=model, target="y", task="regression",
        budget_seconds=1, seed=0,
    )  # fmt: skip
    batch = predicting.start_batch(model, [{"x1": 1, "x2": 2}], by=people["admin"],
        token=ApiToken.objects.get(scopes=["predict"]),
    )  # fmt: skip
    row = PredictionLog.objects.create(
        workspace=workspace, model_version=version, request_id="r", source=PredictionSource.API,
        inputs={"x1": 1, "x2": 2}, output={"prediction": -0.4}, latency_ms=1.0, created_at=timezone.now(),
    )  # fmt: skip
    link = published_forms.create(
        registered_model=model, new=published_forms.NewForm("T"), by=people["admin"]
    ).form
    somebody = person("somebody@example.org", workspace, WorkspaceRole.VIEWER)
    own = tokens.create_token(user=people["admin"], workspace=workspace, name="own", scopes=["read"]).token
    return {
        "workspace": "acme", "slug": "article", "model": "article", "number": 2, "alias": "champion",
        "version": "2", "key": "iris", "datasets": spare.pk, "training-runs": run.pk, "runs": run.pk,
        "predictions": row.pk, "batches": batch.pk, "place": 0, "change": 1,
        "links": link.pk, "token": "x" * 43,
        "members": somebody.memberships.get().pk, "tokens": own.pk, "help_key": "version",
        "run": run.pk, "comments": comment.pk, "notices": notice.pk, "trash": trashed.pk,
    }  # fmt: skip


def ask(client: Client, method: str, path: str, body: dict[str, Any], *, is_json: bool) -> int:
    """The status of one request whose effects are undone."""
    with transaction.atomic():
        if method == "get":
            answer = client.get(path, body)
        elif is_json:
            answer = getattr(client, method)(path, body, content_type="application/json")
        else:
            answer = client.post(path, body)
        if answer.streaming:
            b"".join(answer.streaming_content)
        transaction.set_rollback(True)
    return int(answer.status_code)


def test_every_caller_gets_the_status_of_the_table(clients: dict[str, Client], ids: dict[str, Any]) -> None:
    wrong = {}
    for route, method, rule in PROBES:
        path = filled(route.route, ids)
        is_json = isinstance(rule, Endpoint | Wire)
        for name in CALLERS:
            status = ask(clients[name], method, path, rule.body, is_json=is_json)
            if status != rule.expected(name):
                wrong[f"{method.upper()} {path} as {name}"] = f"{status}, not {rule.expected(name)}"

    assert wrong == {}


def test_every_form_refuses_a_field_that_its_page_does_not_know(
    clients: dict[str, Client], ids: dict[str, Any]
) -> None:
    lenient = []
    for route, method, rule in PROBES:
        if method != "post" or not isinstance(rule, Page | Personal) or rule.expected("admin") == 403:
            continue
        with transaction.atomic():
            answer = clients["admin"].post(filled(route.route, ids), {**rule.body, "nosuchfield": "1"})
            transaction.set_rollback(True)
        if answer.status_code != 400 or "“nosuchfield” is not known" not in answer.content.decode():
            lenient.append((route.route, answer.status_code))

    assert lenient == []


def test_every_page_names_what_it_does_not_know_in_its_address(
    clients: dict[str, Client], ids: dict[str, Any]
) -> None:
    silent = []
    for route, method, rule in PROBES:
        if method != "get" or not isinstance(rule, Page | Personal) or rule.expected("admin") != 200:
            continue
        answer = clients["admin"].get(filled(route.route, ids), {**rule.body, "nosuchname": "1"})
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        is_polled = route.route.endswith(("/progress/", "/completion/"))  # parts of pages
        if "“nosuchname” is not known" not in content.decode() and not is_polled:
            silent.append((route.route, answer.status_code))

    assert silent == []


# Documents (JSON, long texts) that lists read, since they show them; no other list reads any.
SHOWN_DOCUMENTS = {
    # Of the one model, whose description is no longer than 10,000 characters.
    **{
        path: {"registeredmodel.description"}
        for path in (
            f"{API}models", f"{MODEL}/aliases", f"{MODEL}/aliases/<slug:alias>/history", f"{M}batches/",
            "admin/predictor/aliaschange/", "admin/predictor/publishedform/",
        )
    },
    # The Summary of the version that serves; the hours of its chart hold a few words and their counts.
    M: {
        "registeredmodel.description", "modelversion.evaluation", "modelversion.signature_json",
        "modelversion.artifacts", "modelversion.warnings", "completion.supplement", "completion.computed",
        "completion.parts", "completion.refusals", "predictionhour.sources", "predictionhour.warnings",
    },
    f"{M}versions/": {"registeredmodel.description", "modelversion.metrics"},
    f"{M}monitor/": {"registeredmodel.description", "predictionhour.sources", "predictionhour.warnings"},
    f"{W}models/": {"registeredmodel.description", "modelversion.metrics"},
    f"{MODEL}/versions": {"registeredmodel.description", "modelversion.metrics"},
    f"{MODEL}/batches": {"registeredmodel.description", "batchprediction.error"},
    f"{API}training-runs": {"trainingrun.error"},
    # Whole rows are what it answers with, at most 500.
    f"{API}predictions": {"predictionlog.inputs", "predictionlog.output", "predictionlog.warnings"},
    # Of five rows of the log, and of at most five of each kind that need a person.
    W: {
        "modelversion.metrics", "predictionlog.output", "batchprediction.error", "dataset.warnings",
        "trainingrun.error",
    },
    "admin/predictor/modelversion/": {"modelversion.metrics", "registeredmodel.description"},
    # A number or a label.
    "admin/predictor/actual/": {"actual.value"},
    "admin/predictor/apitoken/": {"apitoken.scopes"},
    "admin/predictor/readingchange/": {"readingchange.before_json", "readingchange.after_json"},
    "settings/tokens/": {"apitoken.scopes"},
}  # fmt: skip


def test_lists_read_no_documents_that_they_do_not_show(
    clients: dict[str, Client], ids: dict[str, Any], admin: User
) -> None:
    """A report, a schema or the inputs of a row can take a megabyte each."""
    admin.is_superuser = admin.is_staff = True
    admin.save()
    lists = [
        f"admin/predictor/{model._meta.model_name}/" for model in admin_site._registry if model in MODELS
    ]
    lists += LISTS

    read = {path: documents_read(clients["admin"], "/" + filled(path, ids).lstrip("/")) for path in lists}

    assert {path: names for path, names in read.items() if names} == SHOWN_DOCUMENTS


def documents_read(client: Client, path: str) -> set[str]:
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(path)
        assert answer.status_code == 200, path
        if answer.streaming:
            b"".join(answer.streaming_content)
    selected = [each["sql"].partition(" FROM ")[0] for each in asked if each["sql"].startswith("SELECT")]
    columns = {
        pair
        for sql in selected
        for part in sql.split(", ")
        for pair in re.findall(r'^(?:SELECT )?(?:DISTINCT )?"predictor_(\w+)"\."(\w+)"', part)
    }
    return {f"{table}.{column}" for table, column in columns if (table, column) in DOCUMENTS}


def test_a_foreign_workspace_answers_like_a_missing_one(
    clients: dict[str, Client], ids: dict[str, Any]
) -> None:
    different = []
    for route, method, rule in PROBES:
        if "<slug:workspace>" not in route.route:
            continue
        is_json = isinstance(rule, Endpoint | Wire)
        if isinstance(rule, Open):
            continue
        sent = {"content_type": "application/json"} if is_json and method != "get" else {}
        for name in ("stranger", "token-stranger") if is_json else ("stranger",):
            if isinstance(rule, Wire) and name == "stranger":
                continue  # wire protocols ignore sessions
            foreign, missing = (
                getattr(clients[name], method)(
                    filled(route.route, {**ids, "workspace": slug}),
                    rule.body,
                    headers={"X-Request-ID": "same"},
                    **sent,
                )
                for slug in ("acme", "nope")
            )
            texts = [
                without_csrf(answer.content, slug)
                for answer, slug in ((foreign, b"acme"), (missing, b"nope"))
            ]
            if (foreign.status_code, missing.status_code) != (404, 404) or texts[0] != texts[1]:
                different.append((name, method, route.route))

    assert different == []


def without_csrf(content: bytes, slug: bytes) -> bytes:
    """The page without its CSRF token, which differs each time, and without the requested URL."""
    return re.sub(rb'value="[A-Za-z0-9]{64}"', b"", content).replace(slug, b"")


def test_the_table_has_every_route_and_every_method() -> None:
    known = {key: set(methods) for key, methods in TABLE.items()}
    found: dict[str, set[str]] = {}
    for route in ROUTES:
        if route.key not in SIGNED_IN | CATCH_ALL:
            found.setdefault(route.key, set()).update(route.methods)

    assert found == known


def test_addresses_of_the_api_answer_with_and_without_a_slash() -> None:
    by_key: dict[str, set[bool]] = {}
    for route in ROUTES:
        if route.key.startswith(("api/", "health/", "predict")):
            by_key.setdefault(route.key, set()).add(route.has_slash)

    assert {key for key, slashes in by_key.items() if slashes != {True, False}} == set()


def test_no_workspace_can_have_the_slug_of_an_api_path() -> None:
    words = {key.split("/")[2] for key in TABLE if key.startswith("api/v1/") and "<" not in key.split("/")[2]}

    assert words <= workspaces.RESERVED_SLUGS


@pytest.mark.parametrize("path", [f"/{route}" for route in SIGNED_IN])
def test_some_paths_are_open_to_every_signed_in_user(path: str, clients: dict[str, Client]) -> None:
    found = {name: clients[name].get(path).status_code for name in CALLERS}

    assert found == {name: 401 if name in ("anonymous", "token-wrong") else 200 for name in CALLERS}


@pytest.mark.parametrize("path", ["/api/", "/api/v1/", "/api/v1/acme/nothing", "/api/v2/acme/models"])
def test_unknown_paths_below_api_are_not_found_for_everybody(path: str, clients: dict[str, Client]) -> None:
    assert {clients[name].get(path).status_code for name in CALLERS} == {404}


def test_the_admin_is_closed_to_users_who_are_not_staff(clients: dict[str, Client]) -> None:
    """The sign-in page answers 403 to signed-in users; all other pages redirect to it."""
    open_to = []
    for route, _ in library_paths("admin/"):
        path = "/" + re.sub(r"<[^>]+>", "1", re.sub(r"\(\?P<[^)]*\)\$?", "x", route)).replace("^", "").rstrip(
            "$"
        )
        open_to += [
            (caller, path)
            for caller in SESSIONS
            if clients[caller].get(path).status_code not in (302, 403, 404, 405)
        ]

    assert open_to == []


OWN_ACCOUNT = {
    "account_email", "account_change_password", "account_set_password", "account_reauthenticate", "mfa_index",
    "mfa_activate_totp", "mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes", "mfa_reauthenticate",
}  # fmt: skip
BEFORE_SIGN_IN = {
    "account_login", "account_signup", "account_inactive", "account_email_verification_sent",
    "account_confirm_email", "account_reset_password", "account_reset_password_done",
    "account_reset_password_from_key", "account_reset_password_from_key_done", "account_confirm_login_code",
    "account_logout", "mfa_authenticate",
}  # fmt: skip


def test_account_pages_need_a_sign_in(clients: dict[str, Client]) -> None:
    for route, name in library_paths("accounts/"):
        assert name in OWN_ACCOUNT | BEFORE_SIGN_IN, f"say whether {route} is for who is signed in"
        path = "/" + re.sub(r"\(\?P<[^>]+>[^)]*\)", "x", route).replace("^", "").rstrip("$")
        found = {caller: clients[caller].get(path) for caller in SESSIONS}

        assert {answer.status_code for answer in found.values()} <= {200, 302, 403, 404}, path
        assert len({found[role].status_code for role in ROLES}) == 1, path
        if name in OWN_ACCOUNT:
            assert found["anonymous"].status_code == 302, path
            assert found["anonymous"]["Location"].startswith("/accounts/"), path


def test_a_session_without_the_csrf_token_changes_nothing(viewer: User, ids: dict[str, Any]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(viewer)

    api = client.post(
        "/api/v1/acme/models/article/predictions",
        {"rows": [{"x1": 1, "x2": 2}]},
        content_type="application/json",
    )
    page = client.post("/w/acme/models/article/predict/", {"f0": "1", "f1": "2"})

    assert (api.status_code, page.status_code) == (403, 403)
    assert PredictionLog.objects.count() == 1


def test_the_challenge_says_what_is_wrong(clients: dict[str, Client], ids: dict[str, Any]) -> None:
    """RFC 6750, section 3: an error only where a token was sent, and the scope that is missing."""
    found = {
        name: clients[name].get("/api/v1/acme/models")["WWW-Authenticate"]
        for name in ("anonymous", "token-wrong", "token-predict")
    }

    assert found == {
        "anonymous": 'Bearer realm="mlweb"',
        "token-wrong": 'Bearer realm="mlweb", error="invalid_token"',
        "token-predict": 'Bearer realm="mlweb", error="insufficient_scope", scope="read"',
    }
