"""Options for OME plates: pyramid level, plane, time point. Imports nothing."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class OmeOptions:
    """Options of an image's pyramid, stack and series.

    Attributes:
      pyramid_level: 0 is the full size.
      z_plane: of a stack, from 0.
      time_point: of a series, from 0.
      absent_chunks: "fail" if a chunk is absent, or "fill" with the array's fill value,
        for writers that leave such chunks out.
    """

    pyramid_level: int = 0
    z_plane: int = 0
    time_point: int = 0
    absent_chunks: str = "fail"
