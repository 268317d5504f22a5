"""Where the pages are: one list for each noun, in the order of the street."""

from __future__ import annotations

from django.urls import URLPattern, path

from . import home

HOME: list[URLPattern] = [
    path("", home.Home.as_view(), name="home"),
    path("w/<slug:workspace>/", home.WorkspaceOverview.as_view(), name="workspace"),
]

DATASETS: list[URLPattern] = []

TRAINING: list[URLPattern] = []

REGISTRY: list[URLPattern] = []

PREDICTIONS: list[URLPattern] = []

PEOPLE: list[URLPattern] = []

urlpatterns = [*HOME, *DATASETS, *TRAINING, *REGISTRY, *PREDICTIONS, *PEOPLE]
