"""Pages of registered models and their versions."""
