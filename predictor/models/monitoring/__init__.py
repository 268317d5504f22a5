"""Rows of monitoring: what really happened."""

from .actual import Actual, ActualSource

__all__ = ["Actual", "ActualSource"]
