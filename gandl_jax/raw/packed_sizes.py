"""Sizes of images packed within a TIFF, read without unpacking them.

A strip or tile of JPEG, JPEG 2000 or PNG holds its size too, beside the TIFF's, and
decoders follow it: 2 kB may become gigabytes. Imports nothing slow.
"""

import re
import struct

# JPEG's frame header (ITU-T T.81, B.2.2): length, bits, height, width.
_JPEG = re.compile(
    rb"\xff[\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf]\0[\x0b\x0e\x11\x14][\x02-\x10]"
    rb"(..)(..)[\1-\4]",
    re.DOTALL,
)
# JPEG 2000's image size (ITU-T T.800, A.5.1): length, capabilities, width, height.
_JPEG_2000 = re.compile(rb"\xff\x4f\xff\x51....(....)(....)", re.DOTALL)
_PNG = re.compile(rb"IHDR(....)(....)", re.DOTALL)


def largest_px(data: bytes) -> int:
    """Returns the pixels of the largest image in some bytes; 0 without any size."""
    sides = [(">HH", _JPEG), (">II", _JPEG_2000), (">II", _PNG)]
    sizes = (
        struct.unpack(form, b"".join(match.groups()))
        for form, pattern in sides
        for match in pattern.finditer(data)
    )
    return max((first * second for first, second in sizes), default=0)
