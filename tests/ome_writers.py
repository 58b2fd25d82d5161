"""Small OME plates, by the specifications, with nothing of what reads them.

Arrays of Zarr are written by TensorStore, metadata by hand; the chunks are a half of an
image's sides, so that several are read of each. TIFFs are tifffile's, OME-XML by hand.
"""

import json
import pathlib
import zipfile

import numpy as np
import tensorstore
import tifffile

WELLS = {"B02": ("B", "2"), "B03": ("B", "3"), "C02": ("C", "2")}
LABELS = ("DAPI", "Actin")
KINDS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
BLOSC = {"cname": "zstd", "clevel": 3, "shuffle": "shuffle"}


def images(sites=2, side=32, dtype=np.uint16, seed=0):
    """Well and site to [channels, side, side]; no level is 0."""
    rng = np.random.default_rng(seed)
    top = 250 if np.dtype(dtype) == np.uint8 else 4000
    return {
        (well, str(site)): rng.integers(1, top, (2, side, side)).astype(dtype)
        for well in WELLS
        for site in range(sites)
    }


def write_zarr(path, pictures, version="0.5", axes="cyx", whole=False, sharded=False):
    """Writes a plate of two pyramid levels, the second every other pixel.

    Args:
      path: of the folder; made.
      pictures: as from `images`.
      version: "0.4" on Zarr 2, or "0.5" on Zarr 3.
      axes: of the arrays; of length 2 are t and z, of which 1 holds the images and 0
        other levels.
      whole: whether an array is one chunk.
      sharded: whether chunks lie in shards (Zarr 3).
    """
    path = pathlib.Path(path)
    fields = {}
    for well, site in pictures:
        fields.setdefault(well, []).append(site)
    plate = {
        "name": path.name,
        "rows": [{"name": name} for name in "ABC"],
        "columns": [{"name": name} for name in "123"],
        "wells": [_well(*WELLS[well]) for well in fields],
    }
    write_group(path, version, "plate", plate)
    for well, sites in fields.items():
        place = path.joinpath(*WELLS[well])
        write_group(place.parent, version)
        content = {"images": [{"path": site} for site in sites]}
        write_group(place, version, "well", content)
        for site in sites:
            pixels = pictures[well, site]
            write_image(place / site, pixels, version, axes, whole, sharded)
    return path


def write_image(folder, pixels, version, axes="cyx", whole=False, sharded=False):
    """Writes a field of a plate, [channels, H, W]."""
    scale = {
        "axes": [{"name": axis, "type": KINDS[axis]} for axis in axes],
        "datasets": [_dataset(axes, level) for level in range(2)],
    }
    omero = {"channels": [{"label": label} for label in LABELS[: len(pixels)]]}
    write_group(folder, version, "multiscales", [scale], omero=omero)
    for level in range(2):
        data = pixels[:, :: 2**level, :: 2**level]
        for _ in range(len({*"zt"} & {*axes})):
            data = np.stack([data // 2, data])
        present = [axis for axis in "tzcyx" if axis in axes or axis == "c"]
        if "c" not in axes:
            data, present = data[..., 0, :, :], [*"yx"]
        data = data.transpose([present.index(axis) for axis in axes])
        chunks = [
            size if whole or axis not in "yx" else size // 2
            for axis, size in zip(axes, data.shape, strict=True)
        ]
        write_array(folder / str(level), data, version, chunks, sharded)


def write_array(folder, data, version, chunks, sharded=False):
    """Writes an array of Zarr 2 or 3."""
    if version == "0.4":
        spec = {
            "driver": "zarr",
            "metadata": {
                "shape": data.shape,
                "chunks": chunks,
                "dtype": data.dtype.str,
                "compressor": {"id": "blosc"} | BLOSC | {"shuffle": 1},
                "dimension_separator": "/",
            },
        }
    else:
        codecs = [{"name": "bytes", "configuration": {"endian": "little"}}]
        if data.dtype.itemsize == 1:
            codecs = [{"name": "bytes"}]
        packing = BLOSC | {"typesize": data.dtype.itemsize}
        codecs.append({"name": "blosc", "configuration": packing})
        outer = chunks
        if sharded:
            inner = {"chunk_shape": chunks, "codecs": codecs}
            codecs = [{"name": "sharding_indexed", "configuration": inner}]
            outer = data.shape
        grid = {"name": "regular", "configuration": {"chunk_shape": outer}}
        spec = {
            "driver": "zarr3",
            "metadata": {
                "shape": data.shape,
                "chunk_grid": grid,
                "data_type": data.dtype.name,
                "codecs": codecs,
            },
        }
    spec["kvstore"] = {"driver": "file", "path": str(folder)}
    opened = tensorstore.open(spec, create=True, delete_existing=True).result()
    opened.write(data).result()


def write_group(folder, version, key=None, content=None, **more):
    """Writes a group's metadata, for a key of OME or none."""
    folder.mkdir(parents=True, exist_ok=True)
    if version == "0.4":
        (folder / ".zgroup").write_text(json.dumps({"zarr_format": 2}))
        if isinstance(content, list):
            content = [one | {"version": version} for one in content]
        elif key:
            content = content | {"version": version}
        if key:
            (folder / ".zattrs").write_text(json.dumps({key: content, **more}))
        return
    described = {"ome": {"version": version, key: content, **more}} if key else {}
    whole = {"zarr_format": 3, "node_type": "group", "attributes": described}
    (folder / "zarr.json").write_text(json.dumps(whole))


def _well(row, column):
    indices = {"rowIndex": "ABC".index(row), "columnIndex": int(column) - 1}
    return {"path": f"{row}/{column}", **indices}


def _dataset(axes, level):
    scale = [2.0**level if axis in "yx" else 1.0 for axis in axes]
    transform = {"type": "scale", "scale": scale}
    return {"path": str(level), "coordinateTransformations": [transform]}


def edit(file, change):
    """Changes a file of JSON in place by a function of its content."""
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def zipped(folder, path, top=""):
    """Packs a plate's folder, `top` before each name; gives the archive's path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(pathlib.Path(folder).rglob("*")):
            if file.is_file():
                archive.write(file, f"{top}{file.relative_to(folder)}")
    return path


def write_tiffs(folder, pictures, plate="P1"):
    """Writes the same images as one file of pages each, "P1/B03_s0.tif"."""
    (folder / plate).mkdir(parents=True)
    for (well, site), pixels in pictures.items():
        name = folder / plate / f"{well}_s{site}.tif"
        tifffile.imwrite(name, pixels, photometric="minisblack", metadata=None)


def write_ome_tiff(path, plate, sites, labels=LABELS, order="XYCZT"):
    """Writes an OME-TIFF of some images of a plate.

    Args:
      path: of the file.
      plate: its name.
      sites: (well, index, [channels, H, W]) of each image.
      labels: of the channels.
      order: of the planes.
    """
    images, wells, pages = [], [], []
    for number, (well, index, pixels) in enumerate(sites):
        row, column = ord(well[0]) - ord("A"), int(well[1:]) - 1
        wells.append(
            f'<Well ID="Well:{number}" Row="{row}" Column="{column}">'
            f'<WellSample ID="WellSample:{number}" Index="{index}">'
            f'<ImageRef ID="Image:{number}"/></WellSample></Well>'
        )
        channels = "".join(
            f'<Channel ID="Channel:{number}:{i}" Name="{label}" SamplesPerPixel="1"/>'
            for i, label in enumerate(labels)
        )
        count, height, width = pixels.shape
        images.append(
            f'<Image ID="Image:{number}"><Pixels ID="Pixels:{number}" '
            f'DimensionOrder="{order}" Type="{pixels.dtype}" SizeX="{width}" '
            f'SizeY="{height}" SizeC="{count}" SizeZ="1" SizeT="1">{channels}'
            f'<TiffData IFD="{len(pages)}" PlaneCount="{count}"/></Pixels></Image>'
        )
        pages += list(pixels)
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><OME '
        'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'<Plate ID="Plate:0" Name="{plate}">{"".join(wells)}</Plate>'
        f"{''.join(images)}</OME>"
    )
    with tifffile.TiffWriter(path) as file:
        for number, page in enumerate(pages):
            description = text if number == 0 else None
            file.write(
                page, description=description, photometric="minisblack", metadata=None
            )
