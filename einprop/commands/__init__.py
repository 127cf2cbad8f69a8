"""The command line: what `python -m einprop` understands, a file for each command."""
