"""The files of a stored version: written, read, audited; what a version takes along.

May import the subpackages from `types` to `onnx_export`.
"""
