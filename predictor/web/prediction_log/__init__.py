"""The prediction log: its filters, its columns, its pages and files."""
