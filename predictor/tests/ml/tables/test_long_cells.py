from __future__ import annotations

import pytest

from predictor.errors import TooLarge

from .imported_tables import Read


@pytest.mark.parametrize("n_bytes", [65_537, 2_000_000])
def test_it_refuses_a_cell_over_the_limit_and_names_the_column(read: Read, n_bytes: int) -> None:
    with pytest.raises(TooLarge) as caught:
        read("a,b\n1," + "x" * n_bytes + "\n2,y\n")
    assert "65,536" in str(caught.value) or "Row 1" in str(caught.value)


def test_it_takes_a_cell_at_the_limit(read: Read) -> None:
    assert len(read("a,b\n1," + "x" * 65_536 + "\n2,y\n").rows[0]["b"]) == 65_536
