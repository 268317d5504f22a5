"""Words that every part of the project shares: roles, schema, signature, task, training request, split, threshold rule, warnings.

Imports `errors` and the standard library alone, so that models, web and api may import it."""
