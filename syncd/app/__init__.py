"""The imperative shell: observe, pair, decide, guard, execute, commit."""
