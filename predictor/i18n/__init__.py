"""The languages of pages, answers and commands: catalogues, and sentences from below translated by their pattern.

Imports nothing of mlweb. What is for programs (codes, names, logs, stored rows) stays as it is.
"""
