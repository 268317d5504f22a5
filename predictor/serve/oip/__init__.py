"""Open Inference Protocol V2: metadata, model repository, inference, tensors."""
