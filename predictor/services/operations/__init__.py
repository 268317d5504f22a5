"""What operators need: health, Prometheus metrics, idempotency keys, removal of leftovers."""
