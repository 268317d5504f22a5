"""What all pages share: access, template context, charts, and the words for metrics and values."""
