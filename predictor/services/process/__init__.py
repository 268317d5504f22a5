"""What one process keeps for itself: meters, the one-second cache, database connections, draining, the environment of children."""
