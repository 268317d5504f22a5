"""Pages of training runs: the form, its fields and errors, progress."""
