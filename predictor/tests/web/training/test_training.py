from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from pytest_django import DjangoAssertNumQueries

from predictor.errors import InvalidTrainingRequest
from predictor.ml.types.schema import Role
from predictor.models import Dataset, JobStatus, ModelVersion, RegisteredModel, TrainingRun, User, Workspace
from predictor.services import datasets, training
from predictor.services.training import TrainingOptions, estimator_catalogue
from predictor.templatetags.mlweb import status_word
from predictor.tests.services.versions import publish
from predictor.tests.web.tables import bare_dataset, make_run, upload
from predictor.web.training.form_roles import ColumnRow
from predictor.web.training.training import RUNS, status_sentence

HTMX = {"HX-Request": "true"}
ENTRY = {
    "key": "lr", "title": "Logistic regression", "estimator": "logistic_regression", "metric": "log_loss",
    "score": 0.4, "roc_auc": 0.81, "fit_seconds": 1.5, "weight": None, "status": "done", "note": "",
}  # fmt: skip


def url(name: str, *args: Any) -> str:
    return reverse(name, args=["acme", *args])


@pytest.fixture
def dataset(workspace: Workspace, member: User) -> Dataset:
    return upload(workspace, member)


@pytest.fixture
def run(dataset: Dataset, member: User) -> TrainingRun:
    return make_run(dataset, created_by=member)


def asked(**changes: Any) -> dict[str, Any]:
    return {
        "target": "left", "task": "", "estimator": "auto", "registered_model": "People left",
        "budget_seconds": "20", "seed": "0", **changes,
    }  # fmt: skip


def errors_of(response: Any) -> dict[str, list[str]]:
    return json.loads(response.context["form"].errors.as_json()) and dict(response.context["form"].errors)


RUN_PAGES = ["training-run-detail", "training-run-progress"]


@pytest.mark.parametrize("name", [*RUN_PAGES, "training-run-create", "training-run-cancel"])
def test_anonymous_is_sent_to_sign_in(client: Client, workspace: Workspace, name: str) -> None:
    for response in (client.get(url(name, 1)), client.get(url("training-run-list"))):
        assert response["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", RUN_PAGES)
def test_another_workspaces_run_answers_like_a_missing_one(
    client: Client, admin: User, other_workspace: Workspace, name: str
) -> None:
    theirs = make_run(bare_dataset(other_workspace))
    client.force_login(admin)

    there, nowhere = client.get(url(name, theirs.pk)), client.get(url(name, theirs.pk + 99))

    assert there.status_code == nowhere.status_code == 404


def test_another_workspaces_dataset_cannot_be_trained_on(
    client: Client, admin: User, other_workspace: Workspace
) -> None:
    theirs = bare_dataset(other_workspace)
    client.force_login(admin)

    assert client.get(url("training-run-create", theirs.pk)).status_code == 404
    assert client.post(url("training-run-create", theirs.pk), asked(target="x")).status_code == 404
    assert client.post(url("training-run-cancel", make_run(theirs).pk)).status_code == 404


def test_a_viewer_watches_but_does_not_start_or_stop(client: Client, viewer: User, run: TrainingRun) -> None:
    client.force_login(viewer)

    assert client.get(url("training-run-detail", run.pk)).status_code == 200
    assert client.post(url("training-run-create", run.dataset_id), asked()).status_code == 403
    assert client.post(url("training-run-cancel", run.pk)).status_code == 403
    run.refresh_from_db()
    assert run.status == JobStatus.QUEUED


def test_the_form_begins_with_the_last_column_and_auto(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)

    form = client.get(url("training-run-create", dataset.pk)).context["form"]

    assert form["target"].value() == "left"
    assert "only because it is the last column" in form["target"].help_text
    assert form["estimator"].value() == "auto"
    assert form["registered_model"].value() == "people left"
    assert form.fields["task"].choices[0][1] == "As found: one of two classes"


@pytest.mark.parametrize(
    ("names", "proposed"),
    [
        ("churn,size,kind", "churn"),
        ("size,Customer_Churn,kind", "Customer_Churn"),
        ("size,SalePrice,kind", "SalePrice"),
        ("price,class,kind", "class"),
        ("species,is_fraud,kind", "species"),
        ("Ziel,size,kind", "Ziel"),
        ("priceless,y_axis,kind", "kind"),
    ],
)
def test_a_column_is_proposed_for_its_name_before_the_last_one(
    client: Client, member: User, workspace: Workspace, names: str, proposed: str
) -> None:
    rows = "".join(f"{index % 7},{index % 5},{('a', 'b')[index % 2]}\n" for index in range(60))
    dataset = upload(workspace, data=f"{names}\n{rows}".encode())
    client.force_login(member)

    form = client.get(url("training-run-create", dataset.pk)).context["form"]

    assert form["target"].value() == proposed
    assert form["target"].help_text.startswith(f"“{proposed}” is proposed")


def test_a_name_of_a_column_in_a_help_text_is_no_html(
    client: Client, member: User, workspace: Workspace
) -> None:
    evil = "</title><form action=//evil.example><b>cls"
    rows = "".join(f"{index % 7},{('a', 'b')[index % 2]}\n" for index in range(60))
    dataset = upload(workspace, data=f"size,{evil}\n{rows}".encode())
    client.force_login(member)

    page = client.get(url("training-run-create", dataset.pk))

    assert evil in page.context["form"]["target"].help_text
    assert evil not in page.text
    assert "&lt;form action=//evil.example&gt;" in page.text


def test_no_column_is_proposed_when_nothing_speaks_for_one(
    client: Client, member: User, workspace: Workspace
) -> None:
    """The last column names the rows, so it cannot be predicted, and no other one is more likely."""
    rows = "".join(f"{index % 7},{('a', 'b')[index % 2]},row-{index:04d}\n" for index in range(60))
    dataset = upload(workspace, data=f"size,kind,code\n{rows}".encode())
    client.force_login(member)

    page = client.get(url("training-run-create", dataset.pk))
    form = page.context["form"]
    sent = client.post(url("training-run-create", dataset.pk), asked(target=""))
    chosen = {"target": "kind", "registered_model": form["registered_model"].value()}
    after = client.get(url("training-run-create", dataset.pk), chosen, headers=HTMX).context["form"]

    assert form["target"].value() == ""
    assert "No column is proposed" in page.text
    assert "note-warning" not in page.text
    assert errors_of(sent)["target"] == ["Choose the column that should be predicted."]
    assert after["registered_model"].value() == "people kind"


@pytest.mark.parametrize(
    ("changes", "is_open"), [({}, False), ({"seed": "7"}, True), ({"seed": "x"}, True), ({"seed": ""}, True)]
)
def test_options_for_experts_are_shown_where_one_is_set_or_wrong(
    client: Client, member: User, dataset: Dataset, changes: dict[str, str], is_open: bool
) -> None:
    client.force_login(member)

    # Without a target the form comes back.
    page = client.post(url("training-run-create", dataset.pk), asked(target="", **changes)).text

    assert ('<details class="more" id="more-options" open>' in page) is is_open
    assert 'id="id_seed"' in page.partition('id="more-options"')[2]


def test_the_settings_follow_the_estimator_and_the_target(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)
    query = {"target": "age", "estimator": "ridge", "registered_model": "people left"}

    response = client.get(url("training-run-create", dataset.pk), query, headers=HTMX)

    form = response.context["form"]
    assert [field.name for field in form.hyperparameters] == ["param-ridge-alpha"]
    assert "As found: a number" in response.text
    assert 'value="logistic_regression"' not in response.text, "it cannot predict numbers"
    assert form["registered_model"].value() == "people age", "a made-up name follows the target"
    assert "<html" not in response.text


def test_a_name_that_the_person_chose_stays(client: Client, member: User, dataset: Dataset) -> None:
    client.force_login(member)
    query = {"target": "age", "registered_model": "My own"}

    response = client.get(url("training-run-create", dataset.pk), query, headers=HTMX)

    assert response.context["form"]["registered_model"].value() == "My own"


def test_an_estimator_that_does_not_fit_the_new_target_is_replaced_by_auto(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)
    query = {"target": "age", "estimator": "logistic_regression"}

    response = client.get(url("training-run-create", dataset.pk), query, headers=HTMX)

    assert response.context["form"]["estimator"].value() == "auto"


def test_a_target_that_cannot_be_predicted_is_explained_before_anything_is_sent(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)

    response = client.get(url("training-run-create", dataset.pk), {"target": "id"}, headers=HTMX)

    assert "The target “id” looks like an identifier" in response.text


@pytest.mark.parametrize("info", estimator_catalogue.catalogue(), ids=lambda info: info.key)
def test_each_estimator_can_be_started_with_the_values_that_its_form_shows(
    client: Client, member: User, dataset: Dataset, info: estimator_catalogue.EstimatorInfo
) -> None:
    client.force_login(member)
    target = "age" if "regression" in info.tasks else "left"
    task = "" if any(each.is_supervised for each in info.tasks) else min(info.tasks).value
    chosen = {"target": target, "task": task, "estimator": info.key}
    shown = client.get(url("training-run-create", dataset.pk), chosen, headers=HTMX).context["form"]
    values = {field.html_name: field.value() for field in shown.hyperparameters}
    sent = {name: "" if value is None else value for name, value in values.items() if value is not False}

    response = client.post(url("training-run-create", dataset.pk), asked(**chosen, **sent))

    run = TrainingRun.objects.get()
    assert response["Location"] == url("training-run-detail", run.pk)
    assert run.estimator == info.key
    defaults = {knob.name: knob.default for knob in info.hyperparameters if run.task in knob.tasks}
    assert {name: run.params.get(name) for name in defaults} == pytest.approx(defaults)


def test_a_good_form_starts_a_run_as_asked(client: Client, member: User, dataset: Dataset) -> None:
    client.force_login(member)

    client.post(
        url("training-run-create", dataset.pk),
        asked(
            estimator="random_forest", seed="7",
            **{"param-random_forest-n_estimators": "20", "role-1": "categorical"},
        ),
    )  # fmt: skip

    run = TrainingRun.objects.get()
    assert (run.target, run.task, run.seed, run.budget_seconds) == ("left", "binary", 7, 20)
    assert run.registered_model.name == "People left"
    assert run.params["n_estimators"] == 20
    assert run.roles == {"age": "categorical"}
    assert run.created_by == member


@pytest.mark.parametrize(
    ("effort", "seconds"), [("quick", 10), ("standard", 60), ("thorough", 600), ("own", 20), ("", 20)]
)
def test_the_budget_can_be_chosen_by_name_or_in_seconds(
    client: Client, member: User, dataset: Dataset, effort: str, seconds: int
) -> None:
    client.force_login(member)

    client.post(url("training-run-create", dataset.pk), asked(effort=effort))

    assert TrainingRun.objects.get().budget_seconds == seconds


def test_a_table_with_dates_is_advised_to_be_tested_on_later_rows(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)
    page = client.get(url("training-run-create", dataset.pk)).content.decode()

    assert "On later rows, by “since”" in page
    assert "The rows have times in “since”" in page

    client.post(url("training-run-create", dataset.pk), asked(split="time:since"))
    run = TrainingRun.objects.get()
    assert run.split == {"kind": "time", "column": "since"}
    assert "later rows by “since”" in client.get(url("training-run-detail", run.pk)).content.decode()
    again = client.get(url("training-run-create", dataset.pk), {"again": run.pk})
    assert again.context["form"]["split"].value() == "time:since"


def test_an_own_budget_needs_its_seconds(client: Client, member: User, dataset: Dataset) -> None:
    client.force_login(member)

    response = client.post(url("training-run-create", dataset.pk), asked(effort="own", budget_seconds=""))

    assert "how many seconds" in str(errors_of(response)["budget_seconds"])


def test_the_form_says_which_model_to_choose_until_one_is_chosen(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)
    page = url("training-run-create", dataset.pk)

    assert "Which model should I choose?" in client.get(page).content.decode()
    chosen = client.get(
        page, {"target": "left", "estimator": "random_forest"}, headers={"hx-request": "true"}
    )
    assert "Which model should I choose?" not in chosen.content.decode()


def refusal(dataset: Dataset, **changes: Any) -> str:
    """The sentence of the service, which the API gives, too."""
    options = TrainingOptions(**{"target": "left", **changes})
    with pytest.raises(InvalidTrainingRequest) as caught:
        training.start_run(dataset=dataset, options=options, registered_model="m", by=None)
    return caught.value.message


@pytest.mark.parametrize(
    ("field", "changes", "service"),
    [
        ("target", {"target": "id"}, {"target": "id"}),
        ("target", {"target": "nothing"}, {"target": "nothing"}),
        ("task", {"task": "regression"}, {"task": "regression"}),
        ("task", {"task": "dreaming"}, {"task": "dreaming"}),
        ("estimator", {"estimator": "crystal_ball"}, {"estimator": "crystal_ball"}),
        ("estimator", {"estimator": "ridge"}, {"estimator": "ridge"}),
        ("budget_seconds", {"budget_seconds": "999999"}, {"budget_seconds": 999999}),
        ("effort", {"effort": "heroic"}, {"effort": "heroic"}),
        ("seed", {"seed": "-1"}, {"seed": -1}),
        ("split", {"split": "time:age:x"}, {"split": {"kind": "time", "column": "age:x"}}),
        ("split", {"split": "magic"}, {"split": {"kind": "magic"}}),
        ("split", {"split": "group:left"}, {"split": {"kind": "group", "column": "left"}}),
        ("__all__", {"role-1": "colour"}, {"roles": {"age": "colour"}}),
        (
            "param-random_forest-n_estimators",
            {"estimator": "random_forest", "param-random_forest-n_estimators": "5000"},
            {"estimator": "random_forest", "params": {"n_estimators": "5000"}},
        ),
    ],
)
def test_an_error_of_the_service_is_shown_at_its_field(
    client: Client,
    member: User,
    dataset: Dataset,
    field: str,
    changes: dict[str, str],
    service: dict[str, Any],
) -> None:
    client.force_login(member)

    response = client.post(url("training-run-create", dataset.pk), asked(**changes))

    assert response.status_code == 400
    assert errors_of(response) == {field: [refusal(dataset, **service)]}
    assert not TrainingRun.objects.exists()


def test_every_wrong_hyperparameter_is_named_at_once(client: Client, member: User, dataset: Dataset) -> None:
    client.force_login(member)
    wrong = {"param-random_forest-n_estimators": "0", "param-random_forest-max_features": "all"}

    response = client.post(url("training-run-create", dataset.pk), asked(estimator="random_forest", **wrong))

    assert set(errors_of(response)) == set(wrong)


@pytest.mark.parametrize("name", ["", " ", "x" * 300])
def test_an_invalid_model_name_is_refused(client: Client, member: User, dataset: Dataset, name: str) -> None:
    client.force_login(member)

    response = client.post(url("training-run-create", dataset.pk), asked(registered_model=name))

    assert response.status_code == 400
    assert set(errors_of(response)) == {"registered_model"}


def test_without_js_a_button_shows_the_settings(client: Client, member: User, dataset: Dataset) -> None:
    client.force_login(member)

    response = client.post(url("training-run-create", dataset.pk), asked(estimator="knn", refresh="1"))

    assert [field.name for field in response.context["form"].hyperparameters] == [
        "param-knn-n_neighbors",
        "param-knn-weights",
    ]
    assert not TrainingRun.objects.exists()


def test_training_again_starts_with_the_settings_of_the_run(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)
    params = {"n_neighbors": 3, "weights": "uniform"}
    run = make_run(dataset, estimator="knn", params=params, roles={"age": "categorical"}, seed=5)

    response = client.get(url("training-run-create", dataset.pk), {"again": str(run.pk)})

    form = response.context["form"]
    assert form["param-knn-n_neighbors"].value() == 3
    assert form["param-knn-weights"].value() == "uniform"
    assert form.column_rows[1].chosen == "categorical"
    assert form["seed"].value() == 5
    assert form["registered_model"].value() == "People"


@pytest.mark.parametrize("again", ["x", "-1", "9" * 40, "999"])
def test_training_again_takes_any_number(client: Client, member: User, dataset: Dataset, again: str) -> None:
    client.force_login(member)

    assert client.get(url("training-run-create", dataset.pk), {"again": again}).status_code == 200


def test_an_empty_list_says_what_to_do(client: Client, member: User, workspace: Workspace) -> None:
    client.force_login(member)

    assert url("dataset-upload") in client.get(url("training-run-list")).text


def test_the_list_finds_and_filters(client: Client, viewer: User, dataset: Dataset) -> None:
    make_run(dataset, target="apples", status="failed", error="It failed.")
    make_run(dataset, target="apricots")
    make_run(dataset, target="cars")
    client.force_login(viewer)

    page = client.get(url("training-run-list"), {"q": "ap", "status": "queued"}).text

    assert "apricots" in page
    assert "apples" not in page
    assert "cars" not in page


@pytest.mark.parametrize("query", [{"status": "x"}, {"page": "x"}, {"q": "\x00"}])
def test_the_list_takes_any_query(
    client: Client, viewer: User, run: TrainingRun, query: dict[str, str]
) -> None:
    client.force_login(viewer)

    assert client.get(url("training-run-list"), query).status_code == 200


@pytest.mark.parametrize("n_runs", [2, 40])
def test_the_list_keeps_its_sql_budget(
    client: Client,
    member: User,
    dataset: Dataset,
    n_runs: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(n_runs):
        make_run(dataset, created_by=member)
    client.force_login(member)

    with django_assert_max_num_queries(8):
        client.get(url("training-run-list"))


def test_a_running_run_shows_its_progress_and_polls(client: Client, viewer: User, dataset: Dataset) -> None:
    run = make_run(
        dataset, status="running", started_at=timezone.now() - timedelta(seconds=65), progress=0.4, attempts=1,
        progress_message="Fitting Random forest, fold 2 of 5", leaderboard=[ENTRY],
    )  # fmt: skip
    client.force_login(viewer)

    page = client.get(url("training-run-detail", run.pk)).text

    assert "Fitting Random forest, fold 2 of 5" in page
    assert 'value="0.400"' in page
    assert "Logistic regression" in page
    assert 'hx-trigger="every 1s"' in page


def test_progress_is_quiet_until_something_changes(client: Client, viewer: User, dataset: Dataset) -> None:
    run = make_run(dataset, status="running", started_at=timezone.now(), progress=0.4)
    client.force_login(viewer)
    seen = client.get(url("training-run-detail", run.pk)).context["fingerprint"]

    same = client.get(url("training-run-progress", run.pk), {"seen": seen})
    TrainingRun.objects.update(progress=0.6)
    changed = client.get(url("training-run-progress", run.pk), {"seen": seen})

    assert same.status_code == 204
    assert changed.status_code == 200
    assert 'value="0.600"' in changed.text


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_a_finished_run_does_not_poll(client: Client, member: User, dataset: Dataset, status: str) -> None:
    run = make_run(
        dataset, status=status, error="It failed.", started_at=timezone.now(), finished_at=timezone.now()
    )
    client.force_login(member)

    page = client.get(url("training-run-progress", run.pk)).text

    assert "hx-trigger" not in page
    assert f"?again={run.pk}" in page


def test_a_finished_run_says_the_verdict_and_leads_to_its_version(
    client: Client, viewer: User, run: TrainingRun
) -> None:
    TrainingRun.objects.update(
        status="succeeded", metrics={"roc_auc": 0.9}, leaderboard=[{**ENTRY, "weight": 1.0}],
        started_at=timezone.now(), finished_at=timezone.now(),
    )  # fmt: skip
    version = publish(RegisteredModel.objects.get())
    verdict = {"sentence": "The model is better than a guess.", "is_better": True, "is_sure": True}
    ModelVersion.objects.update(training_run=run, evaluation={"verdict": verdict})
    client.force_login(viewer)

    page = client.get(url("training-run-detail", run.pk)).text

    assert "The model is better than a guess." in page
    assert url("version-detail", "people", version.number) in page
    assert "0.9" in page


def test_the_traceback_is_shown_only_to_the_user_who_started_the_run(
    client: Client, member: User, admin: User, run: TrainingRun
) -> None:
    TrainingRun.objects.update(
        status="failed", error="No candidate could be fitted.", traceback="Traceback: secret"
    )

    for user, can_read in ((member, True), (admin, False)):
        client.force_login(user)
        page = client.get(url("training-run-detail", run.pk)).text
        assert "No candidate could be fitted." in page
        assert ("Traceback: secret" in page) is can_read


def test_a_second_attempt_is_shown_with_the_end_of_the_first(
    client: Client, viewer: User, dataset: Dataset
) -> None:
    log = [{"began_at": "2026-01-01T10:00:00+00:00", "ended_at": None, "outcome": "lost"},
           {"began_at": "2026-01-01T10:01:00+00:00", "ended_at": None, "outcome": None}]  # fmt: skip
    run = make_run(dataset, status="running", started_at=timezone.now(), attempts=2, attempt_log=log)
    client.force_login(viewer)

    page = client.get(url("training-run-detail", run.pk)).text

    assert "Attempt 2" in page
    assert "the worker went silent" in page


def test_a_member_stops_a_waiting_run(client: Client, member: User, run: TrainingRun) -> None:
    client.force_login(member)

    response = client.post(url("training-run-cancel", run.pk))

    run.refresh_from_db()
    assert response["Location"] == url("training-run-detail", run.pk)
    assert run.status == JobStatus.CANCELLED


def test_stopping_a_finished_run_is_answered_in_words(client: Client, member: User, run: TrainingRun) -> None:
    TrainingRun.objects.update(status="failed", error="It failed.")
    client.force_login(member)

    page = client.post(url("training-run-cancel", run.pk), follow=True).text

    assert "there is nothing to cancel" in page


def test_a_stop_is_never_a_get(client: Client, member: User, run: TrainingRun) -> None:
    client.force_login(member)

    assert client.get(url("training-run-cancel", run.pk)).status_code == 405


@pytest.mark.parametrize("n_candidates", [1, 30])
def test_a_run_page_keeps_its_sql_budget(
    client: Client, viewer: User, dataset: Dataset, n_candidates: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    run = make_run(dataset, status="running", started_at=timezone.now(), leaderboard=[ENTRY] * n_candidates)
    client.force_login(viewer)

    with django_assert_max_num_queries(7):
        client.get(url("training-run-detail", run.pk))


def test_a_role_that_does_not_exist_is_refused(client: Client, member: User, dataset: Dataset) -> None:
    client.force_login(member)

    response = client.post(url("training-run-create", dataset.pk), asked(**{"role-1": "king"}))

    assert response.status_code == 400
    assert "There is no column role “king”" in response.text
    assert not TrainingRun.objects.exists()


def test_the_threshold_is_offered_for_two_classes_only(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)
    page = url("training-run-create", dataset.pk)
    rule = {"threshold-by": "cost", "threshold-false_positive": "1", "threshold-false_negative": "5"}

    assert "threshold-by" in client.get(page).content.decode()
    assert "threshold-by" not in client.get(page, {"target": "age"}).content.decode()
    client.post(page, asked(**rule))
    client.post(page, asked(target="age", **rule))

    decided, numeric = TrainingRun.objects.order_by("pk")
    assert decided.threshold == {"by": "cost", "false_positive": 1.0, "false_negative": 5.0}
    assert numeric.threshold == {}
    again = client.get(page, {"again": decided.pk}).context["form"].threshold
    assert (again["by"].value(), again["false_negative"].value()) == ("cost", "5")
    assert "costs least" in client.get(url("training-run-detail", decided.pk)).content.decode()


def test_the_positive_class_is_proposed_shown_and_changed(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)
    page = url("training-run-create", dataset.pk)

    form = client.get(page).context["form"]
    assert (form["positive_class"].value(), list(dict(form.fields["positive_class"].choices))) == (
        "yes", ["yes", "no"],
    )  # fmt: skip
    assert form.threshold["false_negative"].label == "A missed “yes” costs"
    assert not client.get(page, {"target": "age"}).context["form"].has_positive_class
    other = client.get(page, {"positive_class": "of another target"}).context["form"]
    assert other["positive_class"].value() == "yes"

    client.post(page, asked(positive_class="no", **{"threshold-by": "f1"}))
    client.post(page, asked())

    chosen, proposed = TrainingRun.objects.order_by("pk")
    assert (chosen.positive_class, proposed.positive_class) == ("no", "")
    again = client.get(page, {"again": chosen.pk}).context["form"]
    assert (again["positive_class"].value(), again.threshold["false_positive"].label) == (
        "no", "A false “no” costs",
    )  # fmt: skip
    assert "gives the best F1 of “no”" in client.get(url("training-run-detail", chosen.pk)).text
    assert client.get(url("training-run-detail", proposed.pk)).context["positive_class"] == "yes"
    assert client.post(page, asked(positive_class="perhaps")).status_code == 400


def test_a_rule_without_its_numbers_is_refused_at_the_field(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)

    response = client.post(url("training-run-create", dataset.pk), asked(**{"threshold-by": "precision"}))

    assert response.status_code == 400
    assert "“at_least” is missing" in response.content.decode()
    assert not TrainingRun.objects.exists()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"status": "queued"}, "It begins as soon as a worker is free."),
        ({"status": "queued", "attempts": 1}, "Interrupted; it goes on as soon as a worker is free."),
        ({"status": "running"}, "Getting ready"),
        ({"status": "running", "progress_message": "Fold 2 of 5"}, "Fold 2 of 5"),
        ({"status": "running", "is_cancel_requested": True}, "Stopping…"),
        ({"status": "succeeded"}, "0 candidates tried in –."),
        ({"status": "cancelled"}, "Stopped on request. Nothing was published."),
        ({"status": "failed", "error": "The target is constant."}, "The target is constant."),
    ],
)
def test_a_run_says_where_it_stands(fields: dict[str, Any], sentence: str) -> None:
    assert status_sentence(TrainingRun(**fields), None) == sentence


def test_a_status_is_a_word() -> None:
    words = {status: status_word(status) for status in JobStatus.values}

    assert words == {
        "queued": "Waiting", "running": "Running", "succeeded": "Finished", "failed": "Failed",
        "cancelled": "Cancelled",
    }  # fmt: skip


def test_words_that_are_kept_are_in_the_language_of_each_reader() -> None:
    """The options of a role are cached, and the filter by status is made at import."""
    statuses = dict(RUNS.choices[0].choices)

    for language, as_found, finished in (
        ("en", "as found: number", "Finished"),
        ("zh-hans", "自动识别：数字", "已完成"),
    ):
        with translation.override(language):
            assert as_found in ColumnRow("age", "role-0", Role.NUMERIC, "").options
            assert str(statuses["succeeded"]) == finished


def test_a_meaning_that_would_empty_too_many_cells_is_refused_at_its_field(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)
    page = url("training-run-create", dataset.pk)
    as_number = {"role-0": "numeric"}  # c00000, c00001, …

    refused = client.post(page, asked(**as_number, max_lost_share="0.9"))
    client.post(page, asked(**as_number, max_lost_share="1"))

    assert refused.status_code == 400
    assert errors_of(refused)["max_lost_share"][0].startswith(
        "40 of 40 cells of “id” are not read as numbers"
    )
    assert [(run.roles, run.max_lost_share) for run in TrainingRun.objects.all()] == [
        ({"id": "numeric"}, 1.0)
    ]


@pytest.fixture
def answers(workspace: Workspace) -> Dataset:
    """A target with upper and lower case and a word for missing, and a feature without either."""
    rows = "".join(f"{n},{'ab'[n % 2]},{('yes', 'no', 'Yes', 'NA')[n % 4]}\n" for n in range(80))
    source = io.BytesIO(f"x,g,y\n{rows}".encode())
    return datasets.import_csv(workspace=workspace, source=source, filename="answers.csv", by=None)


def test_spellings_and_words_for_missing_are_offered_and_become_a_reading(
    client: Client, member: User, answers: Dataset
) -> None:
    client.force_login(member)
    path = url("training-run-create", answers.pk)

    page = client.get(path)
    rows = page.context["form"].reading_rows
    assert [(row.html_name, row.label) for row in rows] == [
        ("joined-2", "Take as one category: “Yes” (20), “yes” (20)"),
        ("missing-2", "Take as missing: “NA” (20)"),
    ]
    assert 'name="joined-2"' in page.content.decode()
    assert page.context["form"].found == "multiclass"

    client.post(path, asked(target="y", **{"joined-2": "on", "missing-2": "on"}))

    run = TrainingRun.objects.get()
    assert run.readings == {"y": {"kind": "text", "missing": ["na"], "ignores": ["case"]}}
    assert run.task == "binary"
    assert run.reading_words == {"y": "categories without regard to blanks and case; missing: “na”"}
    again = client.get(path, {"again": str(run.pk)}).context["form"]
    assert [row.is_chosen for row in again.reading_rows] == [True, True]
    assert again.found == "binary"


def test_a_column_of_another_role_has_no_reading(client: Client, member: User, answers: Dataset) -> None:
    client.force_login(member)
    sent = asked(target="g", **{"joined-2": "on", "role-2": "identifier"})

    client.post(url("training-run-create", answers.pk), sent)

    assert TrainingRun.objects.get().readings == {}


def test_a_table_without_doubtful_categories_offers_no_readings(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)

    page = client.get(url("training-run-create", dataset.pk))

    assert page.context["form"].reading_rows == []
    assert "How categories are read" not in page.content.decode()


def test_a_number_can_have_one_direction(client: Client, member: User, dataset: Dataset) -> None:
    client.force_login(member)
    path = url("training-run-create", dataset.pk)

    page = client.get(path).text
    # age and paid are numbers; id, the colour and left could be called so; since is a date.
    assert [f'name="monotone-{index}"' in page for index in range(6)] == [True, True, True, False, True, True]
    assert page.count("role-row is-number") == 2

    client.post(path, asked(**{"monotone-1": "increasing", "monotone-4": "decreasing", "monotone-0": ""}))

    run = TrainingRun.objects.get()
    assert run.monotone == {"age": "increasing", "paid": "decreasing"}
    shown = client.get(url("training-run-detail", run.pk)).text
    assert "<dt>Direction of age</dt><dd>only up</dd>" in shown
    assert "<dt>Direction of paid</dt><dd>only down</dd>" in shown
    again = client.get(path, {"again": str(run.pk)})
    assert [row.direction for row in again.context["form"].column_rows] == [
        "", "increasing", "", "", "decreasing", "",
    ]  # fmt: skip
    assert '<option value="increasing" selected>only up</option>' in again.text
    assert again.context["form"].has_roles, "the list is open"
    tried = {each.title for each in client.get(path).context["form"].advice.candidates}
    left = {each.title for each in again.context["form"].advice.candidates}
    assert left < tried, "Auto leaves out what cannot follow a direction"
    assert left
    assert not any(
        word in title for title in left for word in ("egression", "network", "neighbours", "spline")
    )


def test_a_number_by_its_chosen_meaning_can_have_a_direction(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)
    changes = {"role-0": "numeric", "monotone-0": "increasing", "max_lost_share": "1"}
    client.post(url("training-run-create", dataset.pk), asked(**changes))
    assert TrainingRun.objects.get().monotone == {"id": "increasing"}


@pytest.mark.parametrize(
    ("changes", "places", "service"),
    [
        ({"monotone-1": "up"}, ["age"], {"monotone": {"age": "up"}}),
        (
            {"monotone-1": "increasing", "role-1": "categorical"},
            ["age"],
            {"monotone": {"age": "increasing"}, "roles": {"age": "categorical"}},
        ),
        (
            {"monotone-1": "increasing", "monotone-5": "decreasing"},
            ["left"],
            {"monotone": {"age": "increasing", "left": "decreasing"}},
        ),
        (
            {"monotone-1": "increasing", "monotone-4": "increasing", "estimator": "logistic_regression"},
            ["age", "paid"],
            {"monotone": {"age": "increasing", "paid": "increasing"}, "estimator": "logistic_regression"},
        ),
    ],
)
def test_a_direction_that_cannot_hold_is_refused_at_its_columns(
    client: Client,
    member: User,
    dataset: Dataset,
    changes: dict[str, str],
    places: list[str],
    service: dict[str, Any],
) -> None:
    client.force_login(member)

    response = client.post(url("training-run-create", dataset.pk), asked(**changes))

    sentence = refusal(dataset, **service)
    assert response.status_code == 400
    assert errors_of(response) == {"__all__": [sentence]}
    rows = response.context["form"].column_rows
    assert [row.name for row in rows if row.direction_error == sentence] == places
    assert response.text.count('aria-invalid="true" aria-describedby="monotone-') == len(places)
    assert not TrainingRun.objects.exists()


def test_more_than_two_classes_have_no_direction(client: Client, member: User, answers: Dataset) -> None:
    client.force_login(member)
    page = client.post(
        url("training-run-create", answers.pk), asked(target="y", **{"monotone-0": "increasing"})
    )
    assert page.status_code == 400
    assert "are for numbers and for two classes" in page.text


def test_the_page_of_a_run_says_what_was_checked_of_its_directions(
    client: Client, viewer: User, run: TrainingRun
) -> None:
    proof = {"column": "age", "direction": "decreasing", "n_rows": 200, "n_values": 68, "holds": True}
    TrainingRun.objects.filter(pk=run.pk).update(status="succeeded", monotone={"age": "decreasing"})
    decision = {"positive": "yes"}
    publish(run.registered_model, run, report={"monotone": [proof], "decision": decision})
    client.force_login(viewer)

    assert (
        "age: the probability of “yes” never rises when it rises; checked for 200 rows at 68 values on what serves."
        in client.get(url("training-run-detail", run.pk)).text
    )
