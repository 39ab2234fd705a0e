"""Sources: external systems behind the Endpoint port."""
