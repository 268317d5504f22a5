"""Pages of monitoring: actual values, and quality on live rows."""
