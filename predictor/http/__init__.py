"""What every HTTP interface needs and no page does: problem documents, JSON, tokens, the prediction request."""
