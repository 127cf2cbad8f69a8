"""The passes: from a program as written to one that runs fast, each a program in the language."""
