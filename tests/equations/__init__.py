"""Named equations from the field, each with an implementation of its own in PyTorch."""
