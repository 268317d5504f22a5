from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.models import AliasChange, ModelAlias, ModelVersion, RegisteredModel, User, Workspace
from predictor.services import registry
from predictor.tests.services.versions import publish
from predictor.tests.web.served_versions import EVIL_CATEGORY, EVIL_NUMBER, EVIL_TEXT, publish_served
from predictor.web.evaluation.evaluation import lead_of, score_title, sorted_warnings, task_words
from predictor.web.evaluation.report import ReportView, parity_sentence
from predictor.web.pages.metric_words import metric_of
from predictor.web.registry.registry import change_words
from predictor.web.registry.registry_changes import alias_sentence
from predictor.web.registry.snippets import javascript


@pytest.fixture
def versions(model: RegisteredModel) -> list[ModelVersion]:
    """Two versions; the first became champion by itself."""
    return [
        publish(model, metrics={"r2": 0.5, "rmse": 2.0}),
        publish(model, metrics={"r2": 0.7, "rmse": 1.0}),
    ]


def url(name: str, *args: Any) -> str:
    return reverse(name, args=["acme", *args])


PAGES = [
    ("model-list", ()),
    ("model-detail", ("churn",)),
    ("model-versions", ("churn",)),
    ("model-monitor", ("churn",)),
    ("model-rules", ("churn",)),
    ("model-api", ("churn",)),
    ("version-detail", ("churn", 1)),
    ("version-charts", ("churn", 1)),
    ("version-explain", ("churn", 1)),
    ("version-data", ("churn", 1)),
    ("version-details", ("churn", 1)),
    ("version-compare", ("churn",)),
]
DEEDS = [
    ("alias-set", ("churn", "champion")),
    ("alias-create", ("churn",)),
    ("alias-roll-back", ("churn", "champion")),
    ("alias-remove", ("churn", "champion")),
    ("version-archive", ("churn", 2)),
    ("version-unarchive", ("churn", 2)),
]


@pytest.mark.parametrize(("name", "args"), [*PAGES, ("version-onnx", ("churn", 1)), *DEEDS])
def test_anonymous_is_sent_to_sign_in(client: Client, versions: Any, name: str, args: Any) -> None:
    response = client.get(url(name, *args))

    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize(("name", "args"), [*PAGES, ("version-onnx", ("churn", 1)), *DEEDS])
def test_another_workspace_answers_like_a_missing_one(
    client: Client, stranger: User, versions: Any, name: str, args: Any
) -> None:
    client.force_login(stranger)

    assert client.get(url(name, *args)).status_code == 404
    assert client.post(url(name, *args)).status_code == 404


@pytest.mark.parametrize(("name", "args"), DEEDS)
def test_a_viewer_may_not_change_anything(
    client: Client, viewer: User, versions: Any, name: str, args: Any
) -> None:
    client.force_login(viewer)

    assert client.post(url(name, *args), {"version": "2", "alias": "x"}).status_code == 403
    assert ModelAlias.objects.get().model_version == versions[0]


@pytest.mark.parametrize(("name", "args"), PAGES)
def test_a_viewer_reads_every_page_without_buttons_to_change(
    client: Client, viewer: User, versions: Any, name: str, args: Any
) -> None:
    client.force_login(viewer)

    page = client.get(url(name, *args), {"a": "1", "b": "2"})

    assert page.status_code == 200
    assert "Make champion" not in page.content.decode()


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("model-detail", ("nope",)),
        ("version-detail", ("churn", 99)),
        ("version-detail", ("churn", 10**30)),
        ("version-onnx", ("churn", 99)),
        ("version-archive", ("churn", 99)),
        ("alias-roll-back", ("churn", "nope")),
    ],
)
def test_a_missing_model_or_version_is_404(
    client: Client, member: User, versions: Any, name: str, args: Any
) -> None:
    client.force_login(member)

    assert client.get(url(name, *args)).status_code == 404


def test_an_empty_list_says_what_to_do_next(client: Client, viewer: User) -> None:
    client.force_login(viewer)

    assert "Choose a dataset" in client.get(url("model-list")).content.decode()


def test_the_list_shows_the_champions_figure_and_finds_by_name(
    client: Client, viewer: User, versions: Any
) -> None:
    client.force_login(viewer)

    page = client.get(url("model-list"), {"q": "chu"}).content.decode()

    assert "Churn" in page
    assert "0.5" in page
    assert "No model has this" in client.get(url("model-list"), {"q": "zzz"}).content.decode()


def test_the_list_costs_the_same_for_one_model_and_for_many(
    client: Client, viewer: User, workspace: Workspace, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        made = RegisteredModel.objects.create(workspace=workspace, slug=f"m{number:02}", name=f"M{number}")
        publish(made)
    client.force_login(viewer)

    # One for the header, one for the tags.
    with django_assert_max_num_queries(9):
        page = client.get(url("model-list")).content.decode()

    assert 'href="?page=2"' in page
    assert "M29" in client.get(url("model-list"), {"page": 2}).content.decode()
    assert "M29" in client.get(url("model-list"), {"after": "m24"}).content.decode()


def test_a_model_with_many_versions_is_paged_within_its_budget(
    client: Client,
    member: User,
    model: RegisteredModel,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(30):
        publish(model)
    client.force_login(member)

    with django_assert_max_num_queries(17):
        page = client.get(url("model-versions", "churn")).content.decode()

    assert "Version 30" in page
    assert 'href="?page=2"' in page
    assert "Version 5<" in client.get(url("model-versions", "churn"), {"page": "2"}).content.decode()
    assert "Version 5<" in client.get(url("model-versions", "churn"), {"before": "6"}).content.decode()


def test_promoting_asks_first_and_then_points_the_alias(
    client: Client, member: User, versions: list[ModelVersion]
) -> None:
    client.force_login(member)
    path = url("alias-set", "churn", "champion")

    question = client.get(path, {"version": "2"}).content.decode()
    assert "Serve version 2 as champion?" in question
    assert ModelAlias.objects.get().model_version == versions[0]

    page = client.post(path, {"version": "2"}, follow=True).content.decode()
    assert "Version 2 now serves as champion." in page
    assert ModelAlias.objects.get().model_version == versions[1]


def test_rolling_back_returns_to_the_version_before(
    client: Client, member: User, versions: list[ModelVersion]
) -> None:
    registry.set_alias(
        registered_model=versions[0].registered_model, alias="champion", model_version=versions[1], by=member
    )
    client.force_login(member)
    path = url("alias-roll-back", "churn", "champion")

    assert "Roll champion back?" in client.get(path).content.decode()
    page = client.post(path, follow=True).content.decode()

    assert "champion is back at version 1." in page
    assert "rolled back from version 2 to 1" in page


def test_a_new_alias_is_made_and_removed(client: Client, member: User, versions: Any) -> None:
    client.force_login(member)

    client.post(url("alias-create", "churn"), {"alias": "Challenger", "version": "2"})
    assert ModelAlias.objects.get(alias="challenger").model_version == versions[1]

    client.post(url("alias-remove", "churn", "challenger"))
    assert not ModelAlias.objects.filter(alias="challenger").exists()


@pytest.mark.parametrize("alias", ["", "two words", "7", "a" * 41])
def test_an_invalid_alias_is_refused_with_a_sentence(
    client: Client, member: User, versions: Any, alias: str
) -> None:
    client.force_login(member)

    page = client.post(url("alias-create", "churn"), {"alias": alias, "version": "2"}, follow=True)

    assert "cannot be an alias" in page.content.decode()


def test_a_version_is_archived_and_unarchived(client: Client, member: User, versions: Any) -> None:
    client.force_login(member)

    client.post(url("version-archive", "churn", 2))
    versions[1].refresh_from_db()
    assert versions[1].is_archived
    assert "archived" in client.get(url("model-versions", "churn")).content.decode()

    client.post(url("version-unarchive", "churn", 2))
    versions[1].refresh_from_db()
    assert not versions[1].is_archived


def test_what_serves_cannot_be_archived_and_the_page_says_why(
    client: Client, member: User, versions: Any
) -> None:
    client.force_login(member)

    page = client.post(url("version-archive", "churn", 1), follow=True).content.decode()

    assert "point that alias at another version first" in page


def test_the_pages_of_a_version_show_metrics_and_warnings(
    client: Client,
    viewer: User,
    model: RegisteredModel,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    version = publish_served(model)
    client.force_login(viewer)
    pages = {}

    for tab in ("detail", "charts", "explain", "data", "details"):
        # One more for the place of the column that a warning is about, and of those of slices.
        with django_assert_max_num_queries({"detail": 9, "explain": 9, "details": 10}.get(tab, 8)):
            pages[tab] = client.get(url(f"version-{tab}", "churn", 1)).content.decode()

    assert version.evaluation["verdict"]["sentence"] in pages["detail"].replace("&#x27;", "'")
    assert "Do not trust these figures" in pages["detail"]
    assert "Possible leak" in pages["detail"]
    assert "Possible leak" in pages["data"]
    for part in ("confusion", "roc", "precision-recall", "calibration"):
        assert f'id="{part}"' in pages["charts"]
    assert 'id="importance"' in pages["explain"]
    assert 'class="numbers"' in pages["charts"]
    assert "ONNX Runtime answers as scikit-learn does" in pages["details"]
    assert version.artifacts["spec.json"]["digest"] in pages["details"]
    for tab, page in pages.items():
        assert page.count('aria-current="page"') == 2, tab  # of the breadcrumb and of the tabs


@pytest.mark.parametrize(
    ("warning", "is_leak"),
    [
        ({"message": "“paid” is “left” in other words.", "column": "paid", "kind": "leak"}, True),
        ({"message": "Possible leaks were not searched for.", "column": None, "kind": None}, False),
        ({"message": "No threshold reaches it.", "column": "left", "kind": "threshold"}, False),
        # Stored before warnings had a kind, and before they were objects.
        ({"message": "Possible leak: the column “paid” alone predicts it.", "column": "paid"}, True),
        ({"message": "3 rows were left out.", "column": None}, False),
        ("Possible leak: “paid”.", True),
        ("3 rows were left out.", False),
    ],
)
def test_a_leak_is_told_by_its_kind_and_in_old_rows_by_its_text(warning: Any, is_leak: bool) -> None:
    text = warning["message"] if isinstance(warning, dict) else warning

    leaks, others = sorted_warnings(ModelVersion(warnings=[warning]))

    assert (leaks, others) == (([text], []) if is_leak else ([], [text]))


def test_a_version_without_a_report_still_has_a_page(
    client: Client, viewer: User, workspace: Workspace
) -> None:
    registry.register_linear(workspace=workspace, name="article", coefficients=[0.5], intercept=1.0, by=None)
    client.force_login(viewer)

    assert "made from given coefficients" in client.get(url("version-detail", "article", 1)).content.decode()


def test_a_regression_is_drawn_as_points_and_errors(
    client: Client, viewer: User, model: RegisteredModel
) -> None:
    report = {
        "held_out": {"r2": 0.5, "rmse": 2.0},
        "points": {"actual": [1.0, 2.0], "predicted": [1.5, 1.5]},
        "residuals": {"edges": [-1.0, 0.0, 1.0], "counts": [1, 1]},
    }
    publish(model, report=report)
    client.force_login(viewer)

    page = client.get(url("version-charts", "churn", 1)).content.decode()

    assert "Predicted against actual" in page
    assert "How far predictions of y are off" in page


def test_the_version_page_shows_intervals_and_slices(
    client: Client, viewer: User, model: RegisteredModel
) -> None:
    version = publish_served(model)
    report = version.evaluation
    report["slices"] = [
        {"column": "city", "words": "“city” is “<b>Oslo</b>”", "n_rows": 40, "metric": "log_loss", "score": 0.9,
         "score_elsewhere": 0.3, "difference": 0.6, "rate": 0.4, "rate_elsewhere": 0.1, "p_value": 0.001},
    ]  # fmt: skip
    report["n_slices_tested"] = 12
    report["learning_curve"] = {
        "sentence": "More rows would help.", "metric": "log_loss", "candidate": "Ridge", "n_folds": 3,
        "points": [{"n_rows": 10, "score": 0.5, "spread": 0.1}, {"n_rows": 20, "score": 0.4, "spread": 0.1}],
    }  # fmt: skip
    report["verdict"]["worries"] = ["Only 60 rows judge it."]
    report["conditions"]["split"] = {"kind": "time", "column": "day"}
    ModelVersion.objects.filter(pk=version.pk).update(evaluation=report)
    client.force_login(viewer)

    page = "".join(
        client.get(url(f"version-{tab}", model.slug, version.number)).content.decode()
        for tab in ("charts", "explain", "data")
    )

    assert "<li>Only 60 rows judge it.</li>" in page
    assert "later rows by “day”" in page
    assert "“city” is “&lt;b&gt;Oslo&lt;/b&gt;”" in page
    assert "40 % against 10 %" in page
    assert "3 times" in page
    assert "More rows would help." in page
    assert 'id="learning-curve"' in page
    assert page.count("metric-range") >= len(report["intervals"]) - 1


def test_an_old_report_is_still_shown(client: Client, viewer: User, model: RegisteredModel) -> None:
    version = publish_served(model)
    new = ("intervals", "slices", "n_slices_tested", "conditions", "learning_curve", "baseline_notes")
    old = {name: part for name, part in version.evaluation.items() if name not in new}
    old["verdict"] = {
        name: part for name, part in old["verdict"].items() if name not in ("comparisons", "worries")
    }
    ModelVersion.objects.filter(pk=version.pk).update(evaluation=old)
    client.force_login(viewer)

    response = client.get(url("version-detail", model.slug, version.number))

    assert response.status_code == 200
    charts = client.get(url("version-charts", model.slug, version.number)).content.decode()
    assert old["verdict"]["sentence"] in html.unescape(response.content.decode())
    assert "metric-range" not in charts


def test_hostile_column_names_are_literal_everywhere(
    client: Client, member: User, model: RegisteredModel
) -> None:
    publish_served(model)
    client.force_login(member)

    for path in (url("model-rules", "churn"), url("model-api", "churn"), url("version-data", "churn", 1)):
        page = client.get(path).content.decode()
        assert EVIL_NUMBER not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert EVIL_CATEGORY in page
        assert EVIL_TEXT in page


@pytest.mark.parametrize(("name", "args"), PAGES)
def test_pages_hold_no_inline_script_style_or_handler(
    client: Client, member: User, model: RegisteredModel, name: str, args: Any
) -> None:
    publish_served(model)
    publish_served(model)
    client.force_login(member)

    page = client.get(url(name, *args), {"a": "1", "b": "2"}).content.decode()

    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    for tag in re.findall(r"<script[^>]*>", page):
        assert "src=" in tag or "application/json" in tag


def test_what_is_absent_from_a_report_is_said_with_its_reason(
    client: Client, viewer: User, model: RegisteredModel
) -> None:
    version = publish_served(model)
    version.evaluation |= {"importance": [], "slices": [], "n_slices_tested": 0, "n_rows": 60}
    version.save(update_fields=["evaluation"])
    client.force_login(viewer)

    page = client.get(url("version-explain", "churn", version.number)).content.decode()

    assert "How much each column matters is not known" in page
    assert "a part needs 100 rows" in page
    assert "which matter less" not in client.get(url("predict", "churn")).content.decode()


def test_comparing_marks_the_better_figure_where_a_test_shows_it(
    client: Client, viewer: User, member: User, versions: Any, model: RegisteredModel
) -> None:
    client.force_login(viewer)
    page = client.get(url("version-compare", "churn"), {"a": "1", "b": "2"}).content.decode()
    assert ">better<" not in page
    assert "Not tested. Version 1 was stored without its predictions" in page
    assert "All read the same 2 columns" in page

    # A threshold of 0.99 finds fewer rows; the probabilities are the same.
    first = publish_served(model)
    other = registry.publish_with_threshold(
        model_version=first, rule={"by": "fixed", "value": 0.99}, by=member
    )
    page = client.get(
        url("version-compare", "churn"), {"a": first.number, "b": other.number}
    ).content.decode()
    assert ">worse<" in page
    assert "No clear difference: the log-loss on the same" in page
    client.force_login(member)
    registry.set_alias(registered_model=model, alias="champion", model_version=first, by=member)
    promoting = client.get(url("alias-set", "churn", "champion"), {"version": other.number}).content.decode()
    assert "No clear difference: the log-loss on the same" in promoting
    assert f"the recall of version {first.number} is better" in promoting


@pytest.mark.parametrize("query", [{"a": "1", "b": "99"}, {"a": "x y", "b": "1"}, {"a": "9" * 40, "b": "1"}])
def test_comparing_with_what_does_not_exist_is_404(
    client: Client, viewer: User, versions: Any, query: dict[str, str]
) -> None:
    client.force_login(viewer)

    assert client.get(url("version-compare", "churn"), query).status_code == 404


def test_the_onnx_file_comes_as_an_attachment(client: Client, viewer: User, model: RegisteredModel) -> None:
    publish_served(model)
    client.force_login(viewer)

    response = client.get(url("version-onnx", "churn", 1))

    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    assert response["Content-Disposition"] == 'attachment; filename="churn-1.onnx"'
    assert len(content) == int(response["Content-Length"])


@pytest.mark.parametrize(
    ("name", "filename"), [("version-offline-page", "churn-1.html"), ("version-bundle", "churn-1.zip")]
)
def test_portable_files_come_as_an_attachment(
    name: str, filename: str, client: Client, viewer: User, model: RegisteredModel
) -> None:
    publish_served(model)
    client.force_login(viewer)

    response = client.get(url(name, "churn", 1))

    assert response["Content-Disposition"] == f'attachment; filename="{filename}"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert url(name, "churn", 1) in client.get(url("version-details", "churn", 1)).content.decode()


@pytest.mark.parametrize("name", ["version-onnx", "version-offline-page", "version-bundle"])
def test_a_version_without_onnx_says_so(name: str, client: Client, viewer: User, versions: Any) -> None:
    client.force_login(viewer)

    page = client.get(url(name, "churn", 1), follow=True).content.decode()

    assert "served in-process" in page


def test_snippets_call_the_users_own_address(client: Client, viewer: User, model: RegisteredModel) -> None:
    publish_served(model)
    client.force_login(viewer)

    page = client.get(url("model-api", "churn"), headers={"host": "127.0.0.1:8123"}).content.decode()

    assert "http://127.0.0.1:8123/api/v1/acme/models/churn/predictions" in page
    assert page.count("YOUR_TOKEN") >= 3


def test_a_column_named_proto_stays_a_key_in_javascript() -> None:
    code = javascript("http://h/", {"__proto__": 1, "a": None})

    assert '["__proto__"]: 1,' in code
    assert '  "a": null,' in code


def test_the_parity_line_is_a_sentence() -> None:
    signature = Signature(target="y", task=Task.REGRESSION, fields=(FeatureField("x", Role.NUMERIC),))
    compiled = ModelVersion(
        is_compiled=True,
        signature_json=signature.to_json(),
        parity={"max_abs_difference": 3.2e-7, "labels_agree": 1.0, "n_rows": 1200},
    )
    in_process = ModelVersion(is_compiled=False, parity={"reason": "Labels differ on 2 of 1,200 rows."})

    assert parity_sentence(compiled) == (
        "Compiled: ONNX Runtime answers as scikit-learn does; the largest difference is 3e-07 on 1,200 rows, "
        "and all labels agree."
    )
    assert parity_sentence(in_process) == (
        "In-process: scikit-learn itself answers, because labels differ on 2 of 1,200 rows."
    )


def test_the_version_page_shows_threshold_coverage_gain_and_lift(
    client: Client, viewer: User, version: ModelVersion
) -> None:
    client.force_login(viewer)

    page = client.get(reverse("version-charts", args=["acme", "churn", 1])).content.decode()

    assert "is predicted when it is the more probable class" in page
    assert "9 of 10 cases" in page
    assert "calibration did not improve them" in page
    assert "The 10 % of the rows with the highest probability hold" in page
    assert "Decide differently" not in page
    for name in ("thresholds", "gain", "lift", "calibration"):
        assert f'id="{name}' in page


def test_the_history_says_what_happened_to_an_alias() -> None:
    one, two = ModelVersion(number=1), ModelVersion(number=2)
    changes = [
        AliasChange(model_version=one),
        AliasChange(previous_version=one, model_version=two),
        AliasChange(previous_version=two, model_version=one, is_roll_back=True),
        AliasChange(previous_version=one),
    ]

    assert [change_words(each) for each in changes] == [
        "pointed at version 1",
        "moved from version 1 to 2",
        "rolled back from version 2 to 1",
        "removed from version 1",
    ]


def test_the_question_before_a_promotion_says_what_changes_for_callers() -> None:
    one, two = ModelVersion(pk=1, number=1), ModelVersion(pk=2, number=2)

    assert alias_sentence("champion", two, None) == "No version is champion yet."
    assert alias_sentence("champion", one, one) == "Version 1 is champion already."
    assert alias_sentence("champion", two, one).startswith(
        "Version 2 then answers in place of version 1, everywhere within a second."
    )


@pytest.mark.parametrize(
    ("signature", "lead", "task"),
    [
        (
            Signature("<i>", Task.BINARY, (FeatureField("age", Role.NUMERIC, True),), ("no", "yes")),
            'Predicts <strong class="wrap">&lt;i&gt;</strong> from 1 column: Ridge &amp; co.',
            "2 classes",
        ),
        (
            Signature("", Task.CLUSTERING, (), ("1", "2", "3")),
            " from 0 columns: Ridge &amp; co.",
            "3 clusters",
        ),
        (Signature("price", Task.REGRESSION, (), ()), "</strong> from 0 columns: Ridge &amp; co.", ""),
    ],
)
def test_the_version_page_says_what_the_version_predicts(signature: Signature, lead: str, task: str) -> None:
    version = ModelVersion(task=signature.task, estimator="Ridge & co", signature_json=signature.to_json())

    assert lead_of(version).endswith(lead)
    assert task_words(version) == ", ".join(part for part in (signature.task.label, task) if part)


def test_the_scores_of_candidates_are_named() -> None:
    by_target, by_rows = ModelVersion(task=Task.BINARY), ModelVersion(task=Task.CLUSTERING)

    assert score_title([{"metric": metric_of("rmse")}], by_target) == f"{metric_of('rmse').title}, by CV"
    assert score_title([{"metric": None}], by_rows) == "Score"
    assert score_title([], by_target) == "Score, by CV"


def test_the_metrics_come_with_notes_on_how_to_read_them() -> None:
    full = ReportView(
        ModelVersion(
            evaluation={
                "n_rows": 1200,
                "held_out": {"r2": 0.5},
                "intervals": {"r2": [0.4, 0.6]},
                "baselines": [{"key": "dummy"}],
                "baseline_notes": ["The last value is hard to beat."],
                "cross_validation": {"metrics": {"r2": 0.4}, "n_folds": 5, "n_rows": 3000, "is_nested": True},
                "conditions": {"split": {"kind": "random", "column": ""}},
            },
            signature_json=Signature("price", Task.REGRESSION, (), ()).to_json(),
        )
    )
    bare = ReportView(ModelVersion(evaluation={"cross_validation": {"metrics": {"r2": 0.4}}}))

    assert full.rows_words == "1,200 held-out rows that it never saw (rows drawn at random)"
    assert full.cross_validation_title == "5-fold CV"
    assert [note.split(":")[0].split(" in turn")[0] for note in full.metric_notes] == [
        "“No features” gives every row the same answer, from the target alone",
        "Cross-validation measures on each part of 3,000 training rows",
        "The cross-validated figures are nested",
        "The small figures are 95 % intervals",
        "The last value is hard to beat.",
    ]
    assert bare.cross_validation_title == "CV"
    assert [note.split(" in turn")[0] for note in bare.metric_notes] == [
        "Cross-validation measures on each part of training rows"
    ]
