"""The backends: the only rooms in which an array library is imported."""
