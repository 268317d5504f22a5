"""Predictors from stored files, for rows and for forecasts, and loading one safely.

Imports neither `search`, `training` nor `estimators`; nothing here loads scikit-learn before it is needed.
"""
