"""Options of a training run that need more than a field: how they are read, and what is said about them.

Standard library only.
"""
