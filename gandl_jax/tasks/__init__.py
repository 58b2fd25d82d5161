"""Feature sets in, rows of numbers out.

A task is a file here that defines, at top level, `splits(metadata, options)` -> list of
splits and `run(sets, splits, **options)` -> list of rows; the others serve them.
"""
