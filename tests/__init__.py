"""The tests: they mirror einprop/ file by file, beside docs/, peers/ and strategies/."""
