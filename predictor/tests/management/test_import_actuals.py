from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from predictor.models import Actual, PredictionLog, User, Workspace
from predictor.services import registry
from predictor.tests import predicting

pytestmark = pytest.mark.django_db


def test_a_file_of_actual_values_is_stored(
    workspace: Workspace, admin: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    version = registry.register_linear(
        workspace=workspace, name="line", coefficients=[1.0], intercept=0.0, by=admin
    )
    predicting.predict(version.registered_model, rows=[{"x1": 2}], by=admin)
    path = tmp_path / "actuals.csv"
    path.write_text(f"prediction,value\n{PredictionLog.objects.get().pk},2.5\nwrong,1\n")

    call_command("import_actuals", str(path), "--workspace", "acme")

    assert Actual.objects.get().value == 2.5
    assert Actual.objects.get().source == "command"
    told = capsys.readouterr()
    assert "2 values: 1 stored with their predictions (0 of them corrections)" in told.out
    assert "is no id of a prediction" in told.err


def test_what_cannot_be_read_is_said(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no file"):
        call_command("import_actuals", str(tmp_path / "none"), "--workspace", "acme")
    with pytest.raises(CommandError, match="There is no workspace"):
        call_command("import_actuals", __file__, "--workspace", "nobody")
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(CommandError, match="needs a column"):
        call_command("import_actuals", str(path), "--workspace", "acme")
