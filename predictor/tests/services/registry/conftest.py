from __future__ import annotations

import pytest

from predictor.models import RegisteredModel, User, Workspace
from predictor.services import registry


@pytest.fixture
def model(workspace: Workspace, member: User) -> RegisteredModel:
    return registry.get_or_create_model(workspace=workspace, name_or_slug="Churn", by=member)
