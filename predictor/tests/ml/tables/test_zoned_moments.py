from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.tables.zoned_moments import iso_text, local_of, utc_of

ZONES = ["Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca"]


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    zone=st.sampled_from(ZONES),
    seconds=st.lists(st.integers(-2_000_000_000, 4_000_000_000), min_size=1, max_size=50),
)
def test_local_times_are_those_of_pandas(zone: str, seconds: list[int]) -> None:
    moments = np.array(seconds, "datetime64[s]").astype("datetime64[us]")
    index = pd.DatetimeIndex(moments, tz="UTC").tz_convert(zone)

    local = local_of(moments, zone)

    assert local.tolist() == index.tz_localize(None).to_pydatetime().tolist()
    assert iso_text(moments[0], zone) == index[0].isoformat()[:25]
    unique = index.tz_localize(None).tz_localize(zone, ambiguous="NaT").notna()
    assert utc_of(local, zone)[unique].tolist() == moments[unique].tolist()


def test_nat_stays_and_utc_changes_nothing() -> None:
    moments = np.array(["NaT", "2024-07-01T00:00"], "datetime64[us]")

    assert np.isnat(local_of(moments, "Europe/Berlin")).tolist() == [True, False]
    assert np.isnat(utc_of(moments, "Europe/Berlin")).tolist() == [True, False]
    assert local_of(moments, "")[1] == moments[1]
    assert iso_text(moments[1], "-03:30") == "2024-06-30T20:30:00-03:30"
