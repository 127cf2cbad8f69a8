"""The calculus: derivatives of a tree, as trees."""
