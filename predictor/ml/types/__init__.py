"""Types that every part shares: roles, schema, signature, task, training request, split, threshold, warnings.

Imports `errors` and the standard library alone, so that models, web and api may import it.
"""
