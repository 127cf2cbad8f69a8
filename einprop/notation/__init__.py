"""The notation: text to tree and tree to text."""
