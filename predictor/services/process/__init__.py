"""What one process keeps for itself: meters, short cache, database connections, draining, environment of children."""
