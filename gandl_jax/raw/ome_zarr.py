"""Plates of OME-Zarr (OME-NGFF 0.4 on Zarr 2, 0.5 on Zarr 3) in raw screens.

An image's path is "P1.zarr/B03/0": the store's name without its ending, the well, and
the field as the plate names it. Metadata are read here, by the specification; pixels by
the library zarr (`zarr_arrays`). Imports nothing slow.
"""

import concurrent.futures
import dataclasses
import importlib.util
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gandl_jax import files
from gandl_jax.errors import InputError
from gandl_jax.raw import image_files, limits, wells
from gandl_jax.raw.image_files import ImageFormat, Unreadable
from gandl_jax.raw.ome_options import OmeOptions
from gandl_jax.raw.zarr_keys import Keys

END = ".zarr"  # of a plate's folder in the paths of its images
VERSIONS = {2: "0.4", 3: "0.5"}  # of OME-NGFF, by that of Zarr
THREADS = 16  # requests that a disk or a network serves at once
_DTYPES = {"|u1": 8, "<u2": 16, ">u2": 16, "<i2": 16, ">i2": 16}  # of Zarr 2
_DTYPES |= {"uint8": 8, "uint16": 16, "int16": 16}  # of Zarr 3
_PLAIN = re.compile(r"(?!\.\.?(/|$))[\w .+-]+(/(?!\.\.?(/|$))[\w .+-]+)*")


class NoPlate(InputError):
    """Error of a Zarr that is no plate."""


@dataclasses.dataclass(frozen=True)
class ZarrPlate:
    """Images of a plate; may be pickled, and used by several threads.

    Attributes:
      keys: of the store.
      zarr_format: 2 or 3.
      images: path below the raw screen to the image's group in the store.
      channels: labels, as the first image has them; () if it has none.
      acquisitions: number of them; their images are fields of their wells.
      options: the level, plane and time point that are read.
    """

    keys: Keys
    zarr_format: int
    images: Mapping[str, str]
    channels: tuple[str, ...]
    acquisitions: int
    options: OmeOptions

    @property
    def name(self) -> str:
        """Path or address of the store, for messages."""
        return self.keys.name

    @property
    def title(self) -> str:
        """Name of the plate in the paths of its images: "P1"."""
        return next(iter(self.images)).split(f"{END}/")[0].rpartition("/")[2]

    def __contains__(self, path: str) -> bool:
        return path in self.images

    def paths(self) -> Iterator[str]:
        """Iterates over the paths of all images."""
        return iter(self.images)

    def subset(self, paths: Iterable[str]) -> "ZarrPlate":
        """Returns the plate with these images alone."""
        kept = {path: self.images[path] for path in paths if path in self.images}
        return dataclasses.replace(self, images=kept)

    def read_format(self, path: str) -> ImageFormat:
        """Reads an image's format from its metadata.

        Raises:
          Unreadable: it is absent, of an unsupported kind, or has other channels.
        """
        return self._image(path).image_format

    def pixels(self, path: str) -> np.ndarray:
        """Reads an image's pixels.

        Returns:
          [H, W, channels] uint8 or uint16; each channel's are contiguous.

        Raises:
          Unreadable: as `read_format`, or a chunk is damaged or absent.
          RunError: the network failed.
        """
        from gandl_jax.raw import zarr_arrays  # an optional library

        image = self._image(path)
        fill = self.options.absent_chunks == "fill"
        pixels = zarr_arrays.read(
            self.keys, image.path, image.metadata, image.selection, fill=fill
        )
        if pixels.ndim == 2:
            pixels = pixels[None]
        pixels = np.ascontiguousarray(
            pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
        )
        return np.moveaxis(image_files.unsigned(pixels), 0, -1)

    def _image(self, path: str) -> "_Image":
        group = self.images[path]
        attributes = _attributes(self.keys, group, self.zarr_format)
        if attributes is None:
            raise Unreadable("listed by its well, but not there")
        labels = _labels(attributes)
        if labels and self.channels and labels != self.channels:
            raise Unreadable(
                f"its channels are {', '.join(labels)}, and those of the plate's first "
                f"image {', '.join(self.channels)}"
            )
        axes, level = _level(attributes, self.options.pyramid_level, self.zarr_format)
        array_path = f"{group}/{level}"
        name = "zarr.json" if self.zarr_format == 3 else ".zarray"
        metadata = _json(self.keys, f"{array_path}/{name}")
        if not isinstance(metadata, dict):
            raise Unreadable(f"no array {level}, which its pyramid names")
        return _array(array_path, metadata, axes, self.options)


@dataclasses.dataclass(frozen=True)
class _Image:
    """Array of a pyramid level.

    Attributes:
      path: in the store.
      metadata: of the array, in Zarr 2 or 3.
      selection: for each axis the index or slice that is read.
      image_format: of the selection.
    """

    path: str
    metadata: Mapping[str, Any]
    selection: tuple[int | slice, ...]
    image_format: ImageFormat


def open_plate(keys: Keys, folder: str, options: OmeOptions) -> ZarrPlate | None:
    """Reads a plate's list of wells, and each well's list of images.

    Args:
      keys: of the store.
      folder: beginning of the images' paths, as "P1.zarr".
      options: the level, plane and time point to read.

    Returns:
      The plate; None if the store is an AnnData table, such as `export` writes.

    Raises:
      NoPlate: the store holds no plate.
      InputError: a plate of another version, without wells, or with absent wells.
      RunError: the network failed.
    """
    try:
        zarr_format, attributes = _root(keys)
        if "encoding-type" in attributes:
            return None
        plate = _plate(keys, zarr_format, attributes)
        return _with_images(keys, folder, options, zarr_format, plate)
    except Unreadable as error:
        raise InputError(
            f"{keys.name} is an OME-Zarr plate that cannot be read: {error}"
        ) from error


def _root(keys: Keys) -> tuple[int, dict[str, Any]]:
    """Returns the version of Zarr, and the root's attributes, OME's if it has any."""
    if (group_metadata := _json(keys, "zarr.json")) is not None:
        return 3, _zarr_3_attributes(group_metadata)
    attributes = _json(keys, ".zattrs")
    if attributes is None and _json(keys, ".zgroup") is None:
        raise NoPlate(
            f"{keys.name} is no Zarr: it has neither zarr.json nor .zattrs at its top; "
            "name the folder of an OME-Zarr plate, or fetch it whole"
        )
    return 2, attributes if isinstance(attributes, dict) else {}


def _zarr_3_attributes(group_metadata: Any) -> dict[str, Any]:
    """Returns a group's attributes of OME; all of them if it has none."""
    attributes = (
        group_metadata.get("attributes") if isinstance(group_metadata, dict) else None
    )
    attributes = attributes if isinstance(attributes, dict) else {}
    ome = attributes.get("ome")
    return ome if isinstance(ome, dict) else attributes


def _plate(
    keys: Keys, zarr_format: int, attributes: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Returns the plate's metadata; raises if their version is not known."""
    plate = attributes.get("plate")
    if not isinstance(plate, dict):
        store_type = "an OME-Zarr image" if "multiscales" in attributes else "a Zarr"
        raise NoPlate(
            f"{keys.name} is {store_type}, and no plate: its attributes lack `plate`; "
            "name the plate's own folder, or write it as an HCS plate of OME-NGFF "
            f"{' or '.join(VERSIONS.values())}"
        )
    holder = attributes if zarr_format == 3 else plate
    version, known_version = holder.get("version"), VERSIONS[zarr_format]
    if str(version) != known_version and not (version is None and zarr_format == 2):
        raise InputError(
            f"{keys.name} is an OME-Zarr plate of version {version!r} on Zarr "
            f"{zarr_format}, which is not known: write it again as "
            f"{' or '.join(f'{v} (Zarr {z})' for z, v in VERSIONS.items())}"
        )
    return plate


def _with_images(
    keys: Keys,
    folder: str,
    options: OmeOptions,
    zarr_format: int,
    plate: Mapping[str, Any],
) -> ZarrPlate:
    """Opens the plate with the images that its wells list."""
    listed = plate.get("wells")
    if not isinstance(listed, list) or not listed:
        raise InputError(
            f"{keys.name} lists no wells: write its plate metadata with `wells`, or "
            "fetch it again"
        )
    wells_and_paths = [(_well_name(plate, well), _path(well)) for well in listed]
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        fields = list(
            pool.map(
                lambda name_and_path: _fields(keys, name_and_path[1], zarr_format),
                wells_and_paths,
            )
        )
    absent = [
        path
        for (_, path), fields_of_well in zip(wells_and_paths, fields, strict=True)
        if not fields_of_well
    ]
    if absent:
        raise InputError(
            f"{keys.name} lists {len(listed):,} wells, of which {len(absent):,} are "
            f"not there or list no image, the first {absent[0]}: fetch them, or "
            "take them out of the plate's `wells`"
        )
    images: dict[str, str] = {}
    for (name, path), fields_of_well in zip(wells_and_paths, fields, strict=True):
        for field in fields_of_well:
            images[f"{folder}/{name}/{field}"] = f"{path}/{field}"
    first = _attributes(keys, next(iter(images.values())), zarr_format)
    acquisitions = plate.get("acquisitions")
    return ZarrPlate(
        keys,
        zarr_format,
        images,
        _labels(first or {}),
        len(acquisitions) if isinstance(acquisitions, list) else 1,
        options,
    )


def _well_name(plate: Mapping[str, Any], well: Any) -> str:
    """Names a well as "B03", by the names of its row and column."""
    row, _, column = _path(well).partition("/")
    try:
        row = plate["rows"][well["rowIndex"]]["name"]
        column = plate["columns"][well["columnIndex"]]["name"]
    except (KeyError, IndexError, TypeError):
        pass  # its path says the same (OME-NGFF 0.4, plate metadata)
    name = f"{row}{column}"
    return wells.read_name(name) or name.replace("/", "_")


def _path(entry: Any) -> str:
    """Returns the path of a well, an image or a level, below its parent."""
    path = entry.get("path") if isinstance(entry, dict) else None
    if not isinstance(path, str) or not _PLAIN.fullmatch(path):
        raise Unreadable(f"the path {path!r} in its metadata is none")
    return path


def _fields(keys: Keys, well: str, zarr_format: int) -> list[str]:
    """Returns the paths of a well's images below it; [] if the well is absent."""
    attributes = _attributes(keys, well, zarr_format) or {}
    well_metadata = attributes.get("well")
    images = well_metadata.get("images") if isinstance(well_metadata, dict) else None
    return list(map(_path, images)) if isinstance(images, list) else []


def _attributes(keys: Keys, group: str, zarr_format: int) -> dict[str, Any] | None:
    """Returns a group's attributes of OME; None if the group is absent."""
    if zarr_format == 3:
        group_metadata = _json(keys, f"{group}/zarr.json")
        return None if group_metadata is None else _zarr_3_attributes(group_metadata)
    attributes = _json(keys, f"{group}/.zattrs")
    return attributes if isinstance(attributes, dict) else None


def _json(keys: Keys, key: str) -> Any:
    """Reads the JSON of a key; returns None if the key is absent."""
    data = keys.read(key)
    if data is None:
        return None
    try:
        return files.parse_json(data)
    except ValueError as error:
        raise Unreadable(f"{key} is no JSON, or was cut short") from error


def _labels(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the channels' labels, of the `omero` part; () if one has none."""
    omero = attributes.get("omero")
    channels = omero.get("channels") if isinstance(omero, dict) else None
    if not isinstance(channels, list):
        return ()
    labels = [
        channel.get("label") if isinstance(channel, dict) else None
        for channel in channels
    ]
    return tuple(map(str, labels)) if all(labels) else ()


def _level(
    attributes: Mapping[str, Any], level: int, zarr_format: int
) -> tuple[list[str], str]:
    """Returns the names of an image's axes, and the path of a level of its pyramid."""
    scales = attributes.get("multiscales")
    if not isinstance(scales, list) or not scales or not isinstance(scales[0], dict):
        raise Unreadable("no image: its attributes lack `multiscales`")
    holder = attributes if zarr_format == 3 else scales[0]
    version = holder.get("version", VERSIONS[zarr_format])
    if str(version) != VERSIONS[zarr_format]:
        raise Unreadable(
            f"of version {version!r}, and the plate's is {VERSIONS[zarr_format]}"
        )
    axes, levels = scales[0].get("axes"), scales[0].get("datasets")
    if not isinstance(axes, list) or not isinstance(levels, list) or not levels:
        raise Unreadable("`multiscales` without axes or datasets")
    if level >= len(levels):
        raise Unreadable(
            f"{len(levels)} pyramid levels, from 0, and "
            f"config.screen.ome.pyramid_level is {level}"
        )
    names = [axis.get("name") if isinstance(axis, dict) else axis for axis in axes]
    return list(map(str, names)), _path(levels[level])


def _array(
    path: str, metadata: Mapping[str, Any], axes: Sequence[str], options: OmeOptions
) -> _Image:
    """Describes an array whose pixels can be read, by its metadata."""
    shape, chunks = metadata.get("shape"), _chunk_shape(metadata)
    dtype = metadata.get("dtype", metadata.get("data_type"))
    depth = _DTYPES.get(dtype) if isinstance(dtype, str) else None
    if depth is None:
        raise Unreadable(
            f"{dtype} levels, not whole numbers of 8 or 16 bits; save them as uint8 or "
            "uint16"
        )
    if not _are_sizes(shape) or not _are_sizes(chunks) or len(shape) != len(axes):
        raise Unreadable(f"a shape {shape} that is not of the axes {', '.join(axes)}")
    if not {"y", "x"} <= set(axes) or axes.index("x") < axes.index("y"):
        raise Unreadable(f"axes {', '.join(axes)}, which lack y and x in this order")
    indices = {"z": options.z_plane, "t": options.time_point}
    selection: list[int | slice] = []
    for axis, size in zip(axes, shape, strict=True):
        if axis in "cyx":
            selection.append(slice(None))
        elif axis in indices or size == 1:
            selection.append(_index(axis, indices.get(axis, 0), size))
        else:
            raise Unreadable(
                f"an axis {axis} of {size}, which is none of t, c, z, y, x"
            )
    sizes = dict(zip(axes, shape, strict=True))
    if "c" in axes and axes.index("c") > axes.index("y"):
        raise Unreadable(f"axes {', '.join(axes)}, in which c comes after y")
    planes = sizes.get("c", 1)
    if problem := image_files.too_large(sizes["y"], sizes["x"], depth, planes):
        raise Unreadable(problem)
    if math.prod(chunks) * depth // 8 > limits.MOST_BYTES:
        raise Unreadable(f"chunks of {math.prod(chunks):,} values")
    image_format = ImageFormat(sizes["y"], sizes["x"], depth, planes)
    return _Image(path, metadata, tuple(selection), image_format)


def _index(axis: str, index: int, size: int) -> int:
    if index >= size:
        key = {"z": "z_plane", "t": "time_point"}[axis]
        raise Unreadable(
            f"{size} along {axis}, from 0, and config.screen.ome.{key} is {index}"
        )
    return index


def _chunk_shape(metadata: Mapping[str, Any]) -> Any:
    """Returns the shape that is stored under a key, a chunk's or a shard's."""
    if "chunks" in metadata:
        return metadata["chunks"]
    try:
        return metadata["chunk_grid"]["configuration"]["chunk_shape"]
    except (KeyError, TypeError):
        return None


def _are_sizes(shape: Any) -> bool:
    return isinstance(shape, list) and all(
        type(size) is int and size > 0 for size in shape
    )


def check_installed(plates: Sequence[ZarrPlate]) -> None:
    """Raises InputError if there are plates, but no zarr to decode them."""
    if plates and importlib.util.find_spec("zarr") is None:
        raise InputError(
            f"{plates[0].name} is an OME-Zarr plate, and zarr is not installed: pip "
            'install "gandl_jax[ome]"'
        )
