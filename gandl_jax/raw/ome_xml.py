"""OME-XML of a TIFF: its images, with plate, well and channel names.

By the OME data model, schema 2016-06. Imports nothing slow.
"""

import dataclasses
import itertools
from collections.abc import Iterator
from xml.etree import ElementTree

from gandl_jax.raw import wells
from gandl_jax.raw.image_files import Unreadable
from gandl_jax.raw.ome_options import OmeOptions


@dataclasses.dataclass(frozen=True)
class OmeImage:
    """Image of a file, which is a site of a well.

    Attributes:
      plate: its name, or its identifier if it has none; "" if not stated.
      well: "B03"; "" if not stated.
      index: of the site within the plate, as the file counts them.
      channels: their names; () if one has none.
      pages: for each channel the page of the file that holds the chosen plane.
    """

    plate: str
    well: str
    index: int
    channels: tuple[str, ...]
    pages: tuple[int, ...]


def parse(text: str, file_name: str, options: OmeOptions) -> list[OmeImage]:
    """Reads the images that lie in a file.

    Args:
      text: OME-XML.
      file_name: of the file that holds it; images of other files are left out.
      options: the plane and time point to read.

    Raises:
      Unreadable: it is no OME-XML, or an image's channels lie in several files.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise Unreadable("OME-XML with definitions of its own")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise Unreadable(f"no OME-XML in it that can be read ({error})") from error
    samples = {image: sample for image, *sample in _samples(root)}
    images = []
    for element in root.findall("{*}Image"):
        pixels = element.find("{*}Pixels")
        if pixels is None:
            continue
        pages = _pages(pixels, file_name, options)
        if pages is None:
            continue
        plate, well, index = samples.get(element.get("ID"), ("", "", 0))
        names = [c.get("Name") for c in pixels.findall("{*}Channel")]
        channels = tuple(map(str, names)) if names and all(names) else ()
        images.append(OmeImage(plate, well, index, channels, pages))
    return images


def _samples(root: ElementTree.Element) -> Iterator[tuple[str, str, str, int]]:
    """Yields an image's identifier, plate, well and index."""
    for plate in root.findall("{*}Plate"):
        name = plate.get("Name") or plate.get("ID") or ""
        for well in plate.findall("{*}Well"):
            row, column = _number(well, "Row", 0) + 1, _number(well, "Column", 0) + 1
            name_of_well = (
                wells.read_name(f"R{row}C{column}") or f"R{row:02}C{column:02}"
            )
            for number, sample in enumerate(well.findall("{*}WellSample")):
                image = sample.find("{*}ImageRef")
                if image is not None:
                    index = _number(sample, "Index", number)
                    yield image.get("ID"), name, name_of_well, index


def _number(element: ElementTree.Element, name: str, default: int) -> int:
    text = element.get(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise Unreadable(f"{name}={text!r} in its OME-XML, which is no number")
    return int(text)


def _pages(
    pixels: ElementTree.Element, file_name: str, options: OmeOptions
) -> tuple[int, ...] | None:
    """Returns the page of each channel; None if the image lies in another file."""
    sizes = {axis: _number(pixels, f"Size{axis}", 1) for axis in "CZT"}
    for axis, index in (("Z", options.z_plane), ("T", options.time_point)):
        if index >= sizes[axis]:
            key = {"Z": "z_plane", "T": "time_point"}[axis]
            raise Unreadable(
                f"{sizes[axis]} along {axis}, from 0, and config.screen.ome.{key} is "
                f"{index}"
            )
    order = pixels.get("DimensionOrder", "XYCZT")[2:]
    pages: dict[int, int] = {}
    in_other_files = False
    next_page = 0
    for start, page, count, name in _data(pixels):
        if name and name != file_name:
            in_other_files = True
            continue
        page = next_page if page is None else page
        for position in itertools.islice(_positions(order, sizes, start), count):
            if position["Z"] == options.z_plane and position["T"] == options.time_point:
                pages[position["C"]] = page
            page += 1
        next_page = page
    if not pages and in_other_files:
        return None
    wanted = range(sizes["C"])
    if not set(wanted) <= pages.keys():
        where = "lie in several files" if in_other_files else "have no pages"
        raise Unreadable(f"channels of its images {where}: one file must hold all")
    return tuple(pages[channel] for channel in wanted)


def _data(
    pixels: ElementTree.Element,
) -> Iterator[tuple[dict[str, int], int | None, int | None, str]]:
    """Yields each TiffData's first plane, page, number of planes and file.

    An image without any has its planes in order from the file's first page.
    """
    elements = pixels.findall("{*}TiffData")
    if not elements:
        yield dict.fromkeys("CZT", 0), 0, None, ""
    for element in elements:
        start = {axis: _number(element, f"First{axis}", 0) for axis in "CZT"}
        page = _number(element, "IFD", -1)
        count = _number(element, "PlaneCount", -1)
        if count < 0:
            count = 1 if page >= 0 else None
        identity = element.find("{*}UUID")
        name = identity.get("FileName", "") if identity is not None else ""
        yield start, None if page < 0 else page, count, name.rpartition("/")[2]


def _positions(
    order: str, sizes: dict[str, int], start: dict[str, int]
) -> Iterator[dict[str, int]]:
    """Yields planes in a dimension order, the first axis fastest, from `start` on."""
    first, second, third = order
    ranges = (range(sizes[axis]) for axis in (third, second, first))
    begin = tuple(start[axis] for axis in (third, second, first))
    for indices in itertools.product(*ranges):
        if indices >= begin:
            yield dict(zip((third, second, first), indices, strict=True))
