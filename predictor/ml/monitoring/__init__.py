"""How a model does on live data. Pure computing on arrays.

May import the subpackages from `types` to `evaluation`.
"""
