"""Pages of datasets: list, upload, preview."""
