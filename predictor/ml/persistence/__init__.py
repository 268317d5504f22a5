"""The files of a stored version: written, read, audited; what a version takes along.

May import what stands above it in `predictor.ml`: `types` to `onnx_export`."""
