"""Limits on inputs, far above real ones, against files made to fill the memory.

All are ours.
"""

MOST_PX = 2**27  # of an image: 11,585 x 11,585, many times a camera's
MOST_BYTES = 2**30  # of a file of a raw screen, unpacked
MOST_BESIDE_PIXELS = 2**25  # bytes of metadata in an image's file
MOST_COLUMNS = 10_000  # of a table of records
MOST_CHARACTERS = 10_000  # of a cell that names or describes a record
