"""The callers of the API's tests; the fast path serves them."""

from predictor.tests.api.conftest import api, call_as, linear, outsider

__all__ = ["api", "call_as", "linear", "outsider"]
