"""The forecast page: choose a series and a horizon, see the series and its forecast."""

from __future__ import annotations

import re
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from ...errors import MlwebError, NotFound, NotServable
from ...ml.types.schema import Task
from ...models import CHAMPION, ModelVersion
from ...services import predictions, registry
from ...services.predictions import horizons
from ...templatetags.mlweb import number
from ..charts.chart import Chart
from ..pages.model_page import ModelPage, caller_of
from ..pages.refusals import refused
from ..pages.value_texts import day
from ..registry.snippets import curl_of, predictions_url
from .predict import version_choices

# The chart shows this many of the latest known values before the forecast.
HISTORY = 120
LEVEL = re.compile(r"0?\.[0-9]{1,6}", re.ASCII)
# Series that the form lists by name.
MAX_OPTIONS = 500
# Rows of the periods ahead that the form begins with.
MAX_PLANNED = 400


class Forecast(ModelPage):
    """GET shows the form, POST makes the forecast. Every forecast is logged."""

    query_names = ("version", "group")
    field_names = ("version", "group", "horizon", "coverage", "quantiles", "future", "csv", "plan")

    def get(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        self.load_model(slug)
        requested = request.GET.get("version") or CHAMPION
        try:
            version = registry.version_of(self.registered_model, requested)
        except NotFound as error:
            raise Http404(error.message) from None
        if version.signature.task is not Task.FORECASTING:
            return redirect("predict", self.workspace.slug, slug)
        return self.page(
            version, requested, {"group": request.GET.get("group", ""), "horizon": "", "quantiles": ""}
        )

    def post(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        self.load_model(slug)
        requested = request.POST.get("version") or CHAMPION
        version = self.version(requested)
        if version.signature.task is not Task.FORECASTING:
            raise Http404(_("This version does not forecast."))
        chosen = {
            name: request.POST.get(name, "").strip()
            for name in ("group", "horizon", "coverage", "quantiles", "future")
        }
        try:
            outlook = horizons.outlook(version)
            if "plan" in request.POST:
                return self.plan(version, outlook, chosen)
            answer = predictions.predict(
                registered_model=self.registered_model,
                options=predictions.PredictionOptions(
                    version=requested,
                    horizon=whole(chosen["horizon"], outlook.horizon),
                    group=chosen["group"] or None,
                    coverage=share_of(chosen["coverage"]),
                    quantiles=levels_of(chosen["quantiles"]),
                    future=predictions.rows_of_csv(chosen["future"]),
                    are_texts=True,
                ),
                caller=caller_of(request),
            )
        except MlwebError as error:
            return self.page(version, requested, chosen, error=error)
        if "csv" in request.POST:
            response = HttpResponse(predictions.forecast_csv(answer), content_type="text/csv; charset=utf-8")
            response["Content-Disposition"] = f'attachment; filename="{slug}-forecast.csv"'
            return response
        return self.page(version, requested, chosen, answer=answer)

    def plan(
        self, version: ModelVersion, outlook: horizons.ForecastOutlook, chosen: dict[str, str]
    ) -> HttpResponse:
        """A CSV of the periods ahead with the columns that are known in advance, to be filled in."""
        horizon = whole(chosen["horizon"], outlook.horizon)
        text = horizons.plan_csv(version, horizon, chosen["group"] or None)
        response = HttpResponse(text, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{self.registered_model.slug}-future.csv"'
        return response

    def first_plan(self, version: ModelVersion, outlook: horizons.ForecastOutlook, group: str) -> str:
        """The same CSV to begin with in the form; empty where it would be long, or where nothing is asked for."""
        n_series = 1 if group else len(outlook.names)
        if (
            not outlook.known
            or outlook.horizon * n_series > MAX_PLANNED
            or (group and group not in outlook.names)
        ):
            return ""
        return horizons.plan_csv(version, outlook.horizon, group or None)

    def page(
        self, version: ModelVersion, requested: str, chosen: dict[str, str], **more: Any
    ) -> HttpResponse:
        try:
            outlook = horizons.outlook(version)
        except NotServable as error:
            context = {
                "model": self.registered_model,
                "version": version,
                "error": error,
                "choices": version_choices(self),
            }
            return refused(render(self.request, "predictor/predictions/forecast.html", context), error)
        answer: predictions.PredictionResponse | None = more.get("answer")
        group = chosen["group"] or (outlook.names[0] if len(outlook.names) == 1 else "")
        body: dict[str, Any] = {"horizon": outlook.horizon}
        body |= {"group": outlook.names[0]} if outlook.group_column else {}
        if outlook.known:
            first = horizons.rows_ahead(version, 1, outlook.names[0] if outlook.group_column else None)
            body = {**body, "horizon": 1, "future": list(first)}
        context = {
            "model": self.registered_model,
            "version": version,
            "asked": requested,
            "outlook": outlook,
            # A list of thousands of options is slow to load and to search: the name is typed instead.
            "has_long_names": len(outlook.names) > MAX_OPTIONS,
            "chosen": {**chosen, "horizon": chosen["horizon"] or str(outlook.horizon)},
            "choices": version_choices(self),
            "future": chosen.get("future") or self.first_plan(version, outlook, chosen["group"]),
            "known_sentence": known_sentence(outlook),
            "coverages": [("0.8", _("8 of 10")), ("0.9", _("9 of 10")), ("0.95", _("19 of 20"))],
            "curl": curl_of(predictions_url(self.request, self.registered_model), body),
            **more,
        }
        if answer:
            context |= {"rows": list(zip(answer.rows, answer.predictions, strict=True))}
            context["levels"] = list(answer.predictions[0].quantiles or {})
            # A chart shows one series; several series are in the table only.
            is_single = bool(chosen["group"]) or not outlook.group_column
            context["chart"] = forecast_chart(outlook, group, answer) if is_single else None
        response = render(self.request, "predictor/predictions/forecast.html", context)
        return refused(response, more.get("error"))


def known_sentence(outlook: horizons.ForecastOutlook) -> str:
    """Why a forecast needs no rows: the version has the last ones of each series."""
    if not outlook.group_column:
        return _("The version knows the end of its series, so no past has to be sent.")
    return _("The version knows the end of each of its %(n)s series, so no past has to be sent.") % {
        "n": number(len(outlook.names))
    }


def forecast_chart(
    outlook: horizons.ForecastOutlook, group: str, answer: predictions.PredictionResponse
) -> Chart:
    """The end of the series and its continuation."""
    dates, values = outlook.history(group, HISTORY)
    name = outlook.target
    dates, ahead = [day(each) for each in dates], [day(str(row[outlook.date_column])) for row in answer.rows]
    last = [[dates[-1], values[-1]]] if dates else []
    points = [*last, *([date, each.prediction] for date, each in zip(ahead, answer.predictions, strict=True))]
    ends = [
        [date, each.interval["low"], each.interval["high"]]
        for date, each in zip(ahead, answer.predictions, strict=True)
        if each.interval
    ]
    start = [[*last[0], last[0][1]]] if last else []
    past = [[date, value] for date, value in zip(dates, values, strict=True)]
    return Chart(
        "forecast",
        "line",
        {
            "series": [
                {"name": _("Known"), "points": past},
                {"name": _("Forecast"), "points": points, "dashed": True},
            ],
            "bands": [{"name": _("Interval"), "points": [*start, *ends]}],
            "dates": True,
            "scale": True,
            "y": name,
        },
        "",
        chart_label(name, group),
        "",
        "tall",
    )


def chart_label(name: str, group: str) -> str:
    if group:
        return _("%(name)s of %(group)s: the end of what is known, and the forecast with its interval") % {
            "name": name,
            "group": group,
        }
    return _("%(name)s: the end of what is known, and the forecast with its interval") % {"name": name}


def whole(text: str, usual: int) -> int:
    """The horizon that was typed; -1 for text that is no number, which the service rejects with a sentence."""
    if not text:
        return usual
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else -1


def levels_of(text: str) -> tuple[float, ...]:
    """The probabilities that were typed, with commas, semicolons or blanks between; 0 for a text that is none.

    The service rejects that with a sentence.
    """
    parts = text.replace(";", " ").replace(",", " ").split()
    return tuple(float(part) if LEVEL.fullmatch(part) else 0.0 for part in parts)


def share_of(text: str) -> float | None:
    return float(text) if text in ("0.8", "0.9", "0.95") else None
