"""Patterns of images' paths, as in "{plate}/{well}_s{site}_w{channel}*.tif".

A name in braces is a column of the table. {channel} is a channel's code, which may also
stand within a column's name, as in "{FileName_{channel}}". `*` is any text within the
name of a folder or file. Imports nothing slow.
"""

import dataclasses
import functools
import itertools
import re
from collections.abc import Mapping, Sequence

from gandl_jax import names

CHANNEL = "channel"
ANY = "*"

_CODE = "{channel}"
_TOKEN = re.compile(r"\{((?:[^{}]|\{channel\})*)\}|(\{\{|\}\})|([^{}]+)")
_AGAIN = re.compile(r"/(?:\.?/)+")  # as where a folder's cell ends in a slash


@dataclasses.dataclass(frozen=True)
class PathPattern:
    """Parsed pattern.

    Attributes:
      parts: in their order, (text, None) or ("", field); a field is a column's name,
        "channel", or a column's name with {channel} in it.
    """

    parts: tuple[tuple[str, str | None], ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields in their order; repeated ones are repeated."""
        return tuple(field for _, field in self.parts if field is not None)

    @property
    def is_open(self) -> bool:
        """Returns True if it has a "*"."""
        return any(ANY in text for text, _ in self.parts)

    @property
    def per_channel(self) -> bool:
        """Returns True if each channel has its own file."""
        return any(field == CHANNEL or _CODE in field for field in self.fields)

    @property
    def columns_per_channel(self) -> bool:
        """Returns True if a column's name holds the channel's code."""
        return any(_CODE in field for field in self.fields)

    def columns(self, codes: Sequence[str]) -> tuple[str, ...]:
        """Returns the columns that it names for channels of these codes, each once."""
        column_fields = (field for field in self.fields if field != CHANNEL)
        columns = [
            f.replace(_CODE, code) for f in column_fields for code in codes or ("",)
        ]
        return tuple(dict.fromkeys(columns))

    def fill(self, row: Mapping[str, str], code: str = "") -> str:
        """Returns the path of a row's image; a "*" stays.

        Args:
          row: column to its text.
          code: of the channel, if each channel has its own file.
        """
        values = {**row, CHANNEL: code}
        path = "".join(
            text if field is None else values[field.replace(_CODE, code)]
            for text, field in self.parts
        )
        if "//" in path or "/./" in path:
            path = _AGAIN.sub("/", path)
        return path.removeprefix("./")

    def touching(self) -> str | None:
        """Returns a column's field beside a "*", whose end is not known; or None."""
        for (text, field), (after, following) in itertools.pairwise(self.parts):
            if field and field != CHANNEL and after.startswith(ANY):
                return field
            if following and following != CHANNEL and text.endswith(ANY):
                return following
        return None


@functools.cache
def parse(text: str) -> PathPattern:
    """Parses a pattern; {{ and }} stand for braces.

    Raises:
      ValueError: a brace is not closed, or stands alone.
    """
    parts, end = [], 0
    while end < len(text):
        match = _TOKEN.match(text, end)
        if match is None:
            raise ValueError(f"the brace at character {end + 1} has no partner")
        field, brace, plain = match.groups()
        if field is None:
            parts.append((plain or brace[:1], None))
        else:
            parts.append(("", names.clean(field)))
        end = match.end()
    return PathPattern(tuple(parts))
