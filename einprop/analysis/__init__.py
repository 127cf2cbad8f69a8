"""The analysis: what a tree means."""
