"""Tasks: feature sets in, rows of numbers out.

A task is a file here that defines, at top level, `run(sets, splits, **options)` -> list
of rows and, if it learns, `splits(metadata, options)` -> list of splits. The other
files serve them.
"""
