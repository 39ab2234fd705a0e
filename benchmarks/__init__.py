"""The first bench: what syncd costs beside the floor, the same exchange done by hand."""
