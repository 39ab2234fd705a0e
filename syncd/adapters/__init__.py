"""Thin adapters between the ports and the outside: ERPNext, sources, the state store, the sandbox."""
