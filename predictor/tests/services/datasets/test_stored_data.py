from __future__ import annotations

import pytest
from django.utils import timezone

from predictor.errors import NotFound
from predictor.models import Dataset
from predictor.services.datasets.stored_data import needs_data


def test_rows_that_were_removed_are_not_found() -> None:
    needs_data(Dataset())
    with pytest.raises(NotFound, match="The data of this dataset was removed"):
        needs_data(Dataset(data_removed_at=timezone.now()))
