"""Where the pages are: one list for each noun, in the order of the street."""

from __future__ import annotations

from django.urls import URLPattern, path

from . import home, members, tokens

HOME: list[URLPattern] = [
    path("", home.Home.as_view(), name="home"),
    path("w/<slug:workspace>/", home.WorkspaceOverview.as_view(), name="workspace"),
]

DATASETS: list[URLPattern] = []

TRAINING: list[URLPattern] = []

REGISTRY: list[URLPattern] = []

PREDICTIONS: list[URLPattern] = []

PEOPLE: list[URLPattern] = [
    path("w/<slug:workspace>/members/", members.MemberList.as_view(), name="member-list"),
    path("w/<slug:workspace>/members/add/", members.MemberAdd.as_view(), name="member-add"),
    path("w/<slug:workspace>/members/<int:pk>/role/", members.MemberRole.as_view(), name="member-role"),
    path("w/<slug:workspace>/members/<int:pk>/link/", members.MemberLink.as_view(), name="member-link"),
    path("w/<slug:workspace>/members/<int:pk>/remove/", members.MemberRemove.as_view(), name="member-remove"),
    path("workspaces/new/", members.WorkspaceCreate.as_view(), name="workspace-create"),
    path("settings/tokens/", tokens.TokenList.as_view(), name="token-list"),
    path("settings/tokens/new/", tokens.TokenCreate.as_view(), name="token-create"),
    path("settings/tokens/<int:pk>/revoke/", tokens.TokenRevoke.as_view(), name="token-revoke"),
]

urlpatterns = [*HOME, *DATASETS, *TRAINING, *REGISTRY, *PREDICTIONS, *PEOPLE]
