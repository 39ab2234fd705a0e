"""Reports: one model, rendered as text, JSON and HTML."""
