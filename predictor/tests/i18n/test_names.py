"""Names of models and fields: in the language of the admin, and English for programs and migrations."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy, override

from predictor.i18n import names
from predictor.models import Dataset, User, Workspace

CHINESE = {"dataset": "数据集", "datasets": "数据集", "created at": "创建时间", "status": "状态"}


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue with a few names, so that the test does not hang on what is translated today."""
    from django.utils.translation import trans_real

    catalogue = trans_real.translation("zh-hans")
    known = {f"{names.CONTEXT}\x04{name}": text for name, text in CHINESE.items()}
    for name, text in known.items():
        monkeypatch.setitem(catalogue._catalog._catalogs[0], name, text)


def test_a_name_is_in_the_active_language(chinese: None) -> None:
    with override("zh-hans"):
        assert names.field_name("created at") == "创建时间"
        assert names.field_name("no such name") == "no such name"
    assert names.field_name("created at") == "created at"


def test_what_is_translated_or_marked_up_already_stays(chinese: None) -> None:
    lazy, html = gettext_lazy("status"), mark_safe("status")

    with override("zh-hans"):
        assert names.field_name(lazy) is lazy
        assert names.field_name(html) is html
        assert names.field_name(None) is None


def test_all_names_of_the_admin_are_collected() -> None:
    found = {(path.name, name) for path, name in names.names("predictor")}

    assert {("dataset.py", "dataset"), ("dataset.py", "datasets"), ("dataset.py", "created at")} <= found
    assert ("model_version.py", "model aliases") in found  # of an inline


def test_the_names_of_fields_stay_english_for_programs(chinese: None) -> None:
    with override("zh-hans"):
        assert Dataset._meta.verbose_name_plural == "数据集"
        assert Dataset._meta.get_field("created_at").verbose_name == "created at"
        assert Dataset._meta.verbose_name_raw == "dataset"


def test_the_admin_speaks_chinese(chinese: None, workspace: Workspace, admin: User) -> None:
    admin.is_staff = admin.is_superuser = True
    admin.save()
    client = Client(headers={"accept-language": "zh-CN"})
    client.force_login(admin)

    index = client.get("/admin/").content.decode()
    page = client.get("/admin/predictor/trainingrun/").content.decode()

    assert "数据集" in index
    assert "状态" in page  # the filter
    assert ">Status<" not in page
