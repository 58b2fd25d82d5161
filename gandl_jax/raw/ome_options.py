"""Choices within an OME plate's images. Imports nothing."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class OmeOptions:
    """The part of an image's pyramid, stack and series that is read.

    Attributes:
      pyramid_level: 0 is the full size.
      z_plane: of a stack, from 0.
      time_point: of a series, from 0.
      absent_chunks: "fail" where a chunk is not there, or "fill" with the array's
        fill value, for writers that leave out chunks of it.
    """

    pyramid_level: int = 0
    z_plane: int = 0
    time_point: int = 0
    absent_chunks: str = "fail"
