"""URLs of the pages: one list for each noun, in the order of the data flow."""

from __future__ import annotations

from django.urls import URLPattern, path

from . import activity, batches, comments, model_pages, notices
from .accounts import address, home, invitations, members, settings, tokens
from .datasets import datasets, readings, rows, trash
from .evaluation import comparison, completion, version_pages, version_threshold
from .help import help_pages, search
from .monitoring import actuals
from .pages.language import LanguageChoice
from .prediction_log import prediction_log
from .predictions import (
    counterfactuals,
    csv,
    forecasts,
    form_settings,
    linked_form,
    predict,
    published_forms,
    what_if,
)
from .registry import model_cards, registry, registry_changes, version_files
from .training import training

HOME: list[URLPattern] = [
    path("", home.Home.as_view(), name="home"),
    path("w/<slug:workspace>/", home.WorkspaceOverview.as_view(), name="workspace"),
    path("language/", LanguageChoice.as_view(), name="set_language"),
]

TABLES = "w/<slug:workspace>/datasets/"

DATASETS: list[URLPattern] = [
    path(TABLES, datasets.DatasetList.as_view(), name="dataset-list"),
    path(f"{TABLES}upload/", datasets.DatasetUpload.as_view(), name="dataset-upload"),
    path(f"{TABLES}samples/<slug:key>/", datasets.DatasetFromSample.as_view(), name="dataset-sample"),
    path(f"{TABLES}<int:pk>/", datasets.DatasetDetail.as_view(), name="dataset-detail"),
    path(f"{TABLES}<int:pk>/download/", datasets.DatasetDownload.as_view(), name="dataset-download"),
    path(f"{TABLES}<int:pk>/rows/", rows.DatasetRows.as_view(), name="dataset-rows"),
    path(
        f"{TABLES}<int:pk>/rows/download/", rows.DatasetRowsDownload.as_view(), name="dataset-rows-download"
    ),
    path(f"{TABLES}<int:pk>/lines/", datasets.DatasetReadAgain.as_view(), name="dataset-read-again"),
    path(f"{TABLES}<int:pk>/delete/", datasets.DatasetDelete.as_view(), name="dataset-delete"),
    path(
        f"{TABLES}<int:pk>/columns/<int:place>/", readings.ColumnReadingPage.as_view(), name="column-reading"
    ),
    path(
        f"{TABLES}<int:pk>/reading-changes/<int:change>/undo/",
        readings.ReadingUndo.as_view(),
        name="reading-undo",
    ),
]

RUN = "w/<slug:workspace>/runs/"

TRAINING: list[URLPattern] = [
    path(f"{TABLES}<int:pk>/train/", training.TrainingRunCreate.as_view(), name="training-run-create"),
    path("w/<slug:workspace>/activity/", activity.Activity.as_view(), name="activity"),
    path("w/<slug:workspace>/batches/", activity.AllBatches.as_view(), name="activity-batches"),
    path(RUN, training.TrainingRunList.as_view(), name="training-run-list"),
    path(f"{RUN}<int:pk>/", training.TrainingRunDetail.as_view(), name="training-run-detail"),
    path(f"{RUN}<int:pk>/progress/", training.TrainingRunProgress.as_view(), name="training-run-progress"),
    path(f"{RUN}<int:pk>/cancel/", training.TrainingRunCancel.as_view(), name="training-run-cancel"),
]

MODEL = "w/<slug:workspace>/models/<slug:slug>/"

REGISTRY: list[URLPattern] = [
    path("w/<slug:workspace>/models/", registry.ModelList.as_view(), name="model-list"),
    path(MODEL, model_pages.ModelDetail.as_view(), name="model-detail"),
    path(f"{MODEL}versions/", model_pages.ModelVersions.as_view(), name="model-versions"),
    path(f"{MODEL}monitor/", model_pages.ModelMonitor.as_view(), name="model-monitor"),
    path(f"{MODEL}rules/", model_pages.ModelRules.as_view(), name="model-rules"),
    path(f"{MODEL}api/", model_pages.ModelApi.as_view(), name="model-api"),
    path(f"{MODEL}compare/", comparison.VersionCompare.as_view(), name="version-compare"),
    path(f"{MODEL}aliases/", registry_changes.AliasCreate.as_view(), name="alias-create"),
    path(f"{MODEL}aliases/<slug:alias>/", registry_changes.AliasSet.as_view(), name="alias-set"),
    path(
        f"{MODEL}aliases/<slug:alias>/roll-back/",
        registry_changes.AliasRollBack.as_view(),
        name="alias-roll-back",
    ),
    path(f"{MODEL}aliases/<slug:alias>/remove/", registry_changes.AliasRemove.as_view(), name="alias-remove"),
    path(f"{MODEL}versions/<int:number>/", version_pages.VersionDetail.as_view(), name="version-detail"),
    path(
        f"{MODEL}versions/<int:number>/charts/", version_pages.VersionCharts.as_view(), name="version-charts"
    ),
    path(
        f"{MODEL}versions/<int:number>/explain/",
        version_pages.VersionExplain.as_view(),
        name="version-explain",
    ),
    path(f"{MODEL}versions/<int:number>/data/", version_pages.VersionData.as_view(), name="version-data"),
    path(
        f"{MODEL}versions/<int:number>/details/",
        version_pages.VersionDetails.as_view(),
        name="version-details",
    ),
    path(f"{MODEL}versions/<int:number>/card/", model_cards.VersionCard.as_view(), name="version-card"),
    path(
        f"{MODEL}versions/<int:number>/card.md",
        model_cards.VersionCardMarkdown.as_view(),
        name="version-card-markdown",
    ),
    path(
        f"{MODEL}versions/<int:number>/model.onnx", version_files.VersionOnnx.as_view(), name="version-onnx"
    ),
    path(
        f"{MODEL}versions/<int:number>/threshold/",
        version_threshold.VersionThreshold.as_view(),
        name="version-threshold",
    ),
    path(
        f"{MODEL}versions/<int:number>/completion/",
        completion.VersionCompletion.as_view(),
        name="version-completion",
    ),
    path(
        f"{MODEL}versions/<int:number>/completion/cancel/",
        completion.VersionCompletionCancel.as_view(),
        name="version-completion-cancel",
    ),
    path(
        f"{MODEL}versions/<int:number>/offline.html",
        version_files.VersionOfflinePage.as_view(),
        name="version-offline-page",
    ),
    path(
        f"{MODEL}versions/<int:number>/bundle.zip",
        version_files.VersionBundle.as_view(),
        name="version-bundle",
    ),
    path(
        f"{MODEL}versions/<int:number>/archive/",
        registry_changes.VersionArchive.as_view(),
        name="version-archive",
    ),
    path(
        f"{MODEL}versions/<int:number>/unarchive/",
        registry_changes.VersionUnarchive.as_view(),
        name="version-unarchive",
    ),
]

LOG = "w/<slug:workspace>/predictions/"
BATCH = f"{MODEL}batches/<int:pk>"

PREDICTIONS: list[URLPattern] = [
    path(f"{MODEL}predict/", predict.Predict.as_view(), name="predict"),
    path(f"{MODEL}predict/what-if/", what_if.WhatIf.as_view(), name="what-if"),
    path(
        f"{MODEL}predict/counterfactuals/", counterfactuals.Counterfactuals.as_view(), name="counterfactuals"
    ),
    path(f"{MODEL}form/", form_settings.FormSettingsPage.as_view(), name="form-settings"),
    path(f"{MODEL}form/<int:place>/", form_settings.FieldSettingsPage.as_view(), name="form-field"),
    path(f"{MODEL}links/", published_forms.PublishedFormList.as_view(), name="published-form-list"),
    path(
        f"{MODEL}links/<int:pk>/", published_forms.PublishedFormChange.as_view(), name="published-form-change"
    ),
    path(
        f"{MODEL}links/<int:pk>/edit/",
        published_forms.PublishedFormEdit.as_view(),
        name="published-form-edit",
    ),
    path("f/<str:token>/", linked_form.LinkedForm.as_view(), name="linked-form"),
    path(
        "f/<str:token>/manifest.webmanifest",
        linked_form.LinkedFormManifest.as_view(),
        name="linked-form-manifest",
    ),
    path(f"{MODEL}forecast/", forecasts.Forecast.as_view(), name="forecast"),
    path(f"{MODEL}predict-csv/", csv.PredictCsv.as_view(), name="predict-csv"),
    path(
        f"{MODEL}predict-csv/<slug:key>/",
        csv.PredictCsvDownload.as_view(),
        name="predict-csv-download",
    ),
    path(f"{MODEL}batches/", batches.BatchList.as_view(), name="batch-list"),
    path(f"{BATCH}/", batches.BatchDetail.as_view(), name="batch-detail"),
    path(f"{BATCH}/progress/", batches.BatchProgress.as_view(), name="batch-progress"),
    path(f"{BATCH}/cancel/", batches.BatchCancel.as_view(), name="batch-cancel"),
    path(f"{BATCH}/result/", batches.BatchResult.as_view(), name="batch-result"),
    path(LOG, prediction_log.PredictionList.as_view(), name="prediction-list"),
    path(f"{LOG}export/", prediction_log.PredictionExport.as_view(), name="prediction-export"),
    path(f"{LOG}<uuid:pk>/", prediction_log.PredictionDetail.as_view(), name="prediction-detail"),
    path(f"{LOG}<uuid:pk>/actual/", actuals.PredictionActual.as_view(), name="prediction-actual"),
    path("w/<slug:workspace>/actuals/", actuals.Actuals.as_view(), name="actuals"),
]

PEOPLE: list[URLPattern] = [
    path("w/<slug:workspace>/settings/", settings.WorkspaceSettings.as_view(), name="settings"),
    path("w/<slug:workspace>/members/", members.MemberList.as_view(), name="member-list"),
    path("w/<slug:workspace>/members/add/", members.MemberAdd.as_view(), name="member-add"),
    path("w/<slug:workspace>/members/<int:pk>/role/", members.MemberRole.as_view(), name="member-role"),
    path("w/<slug:workspace>/members/<int:pk>/link/", members.MemberLink.as_view(), name="member-link"),
    path("w/<slug:workspace>/members/<int:pk>/remove/", members.MemberRemove.as_view(), name="member-remove"),
    path("invitations/<str:key>/", invitations.InvitationPage.as_view(), name="invitation"),
    path("workspaces/new/", members.WorkspaceCreate.as_view(), name="workspace-create"),
    path("settings/address/", address.AddressProof.as_view(), name="address-proof"),
    path("settings/address/<str:key>/", address.AddressProve.as_view(), name="address-prove"),
    path("settings/tokens/", tokens.TokenList.as_view(), name="token-list"),
    path("settings/tokens/new/", tokens.TokenCreate.as_view(), name="token-create"),
    path("settings/tokens/<int:pk>/revoke/", tokens.TokenRevoke.as_view(), name="token-revoke"),
]

HELP: list[URLPattern] = [
    path("w/<slug:workspace>/search/", search.SearchPage.as_view(), name="search"),
    path("w/<slug:workspace>/search/hits/", search.SearchHits.as_view(), name="search-hits"),
    path("w/<slug:workspace>/search/places/", search.SearchPlaces.as_view(), name="search-places"),
    path(f"{TABLES}<int:pk>/labels/", comments.DatasetLabels.as_view(), name="dataset-labels"),
    path(f"{RUN}<int:pk>/labels/", comments.Labels.as_view(), name="run-labels"),
    path(f"{RUN}<int:pk>/comments/", comments.Comments.as_view(), name="run-comments"),
    path(f"{MODEL}labels/", comments.Labels.as_view(), name="model-labels"),
    path(f"{MODEL}comments/", comments.Comments.as_view(), name="model-comments"),
    path(f"{MODEL}versions/<int:number>/labels/", comments.Labels.as_view(), name="version-labels"),
    path(f"{MODEL}versions/<int:number>/comments/", comments.Comments.as_view(), name="version-comments"),
    path("w/<slug:workspace>/comments/<int:pk>/", comments.CommentPage.as_view(), name="comment"),
    path(
        "w/<slug:workspace>/comments/<int:pk>/delete/",
        comments.CommentDelete.as_view(),
        name="comment-delete",
    ),
    path("w/<slug:workspace>/trash/", trash.Trash.as_view(), name="trash"),
    path("w/<slug:workspace>/trash/<int:pk>/restore/", trash.TrashRestore.as_view(), name="trash-restore"),
    path("w/<slug:workspace>/trash/<int:pk>/delete/", trash.TrashDelete.as_view(), name="trash-delete"),
    path("help/", help_pages.HelpPage.as_view(), name="help"),
    path("help/pages/<slug:help_key>/", help_pages.HelpPanel.as_view(), name="help-page"),
    path("help/glossary/", help_pages.Glossary.as_view(), name="glossary"),
    path("help/keys/", help_pages.KeysSwitch.as_view(), name="keys-switch"),
    path("help/first-steps/", help_pages.FirstStepsSwitch.as_view(), name="first-steps-switch"),
    path("notices/", notices.NoticeList.as_view(), name="notice-list"),
    path("notices/news/", notices.NoticeNews.as_view(), name="notice-news"),
    path("notices/read/", notices.NoticeRead.as_view(), name="notice-read"),
    path("settings/notices/", notices.NoticeSettings.as_view(), name="notice-settings"),
]

urlpatterns = [*HOME, *DATASETS, *TRAINING, *REGISTRY, *PREDICTIONS, *PEOPLE, *HELP]
