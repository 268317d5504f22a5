from __future__ import annotations

import pytest

from predictor.models import ModelVersion, RegisteredModel, Workspace


@pytest.fixture
def version(workspace: Workspace) -> ModelVersion:
    """Version 1 of the model m, without files."""
    model = RegisteredModel.objects.create(workspace=workspace, slug="m", name="M")
    return ModelVersion.objects.create(
        registered_model=model, number=1, task="regression", estimator="x", signature_json={}, artifacts={},
        is_compiled=True,
    )  # fmt: skip
