from __future__ import annotations

import pytest

from predictor.models import ModelVersion, RegisteredModel, User, Workspace
from predictor.services import registry
from predictor.services.predictions import loaded_versions
from predictor.tests.web.served_versions import publish_served


@pytest.fixture
def model(workspace: Workspace) -> RegisteredModel:
    loaded_versions.forget_all()
    return RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")


@pytest.fixture
def version(model: RegisteredModel) -> ModelVersion:
    return publish_served(model)


@pytest.fixture
def linear(workspace: Workspace, member: User) -> ModelVersion:
    loaded_versions.forget_all()
    return registry.register_linear(
        workspace=workspace, name="article", coefficients=[0.5, 0.3], intercept=-1.5, by=member
    )
