"""Child tables on an ERPNext site."""
