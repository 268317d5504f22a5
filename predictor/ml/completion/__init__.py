"""Completion: parts of an evaluation report that the training run had no time for, computed afterwards.

Runs in a child process. The stored model and the metrics do not change.
"""
