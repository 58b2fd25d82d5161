"""Headers and TIFF pixels, against the arrays that tifffile and Pillow wrote."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from gandl_jax.raw import image_files
from gandl_jax.raw.image_files import ImageFormat

H, W = 21, 34
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 4096, (H, W)).astype(np.uint16)
STACK = RNG.integers(0, 65536, (4, H, W)).astype(np.uint16)  # channels first
BYTES = RNG.integers(0, 256, (3, H, W)).astype(np.uint8)
LAST = np.moveaxis(STACK, 0, -1)
RGB = np.moveaxis(BYTES, 0, -1)
BLACK = {"photometric": "minisblack"}


def tiff(pixels, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def pages_one_by_one():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for page in STACK:
            writer.write(page, contiguous=False, **BLACK)
    return file.getvalue()


def pages_of_pillow():
    file = io.BytesIO()
    first, *others = map(Image.fromarray, STACK)
    first.save(file, "TIFF", save_all=True, append_images=others)
    return file.getvalue()


READABLE = {  # what was written, and as [H, W, planes]
    "grey 8": (lambda: tiff(BYTES[0]), BYTES[0][..., None]),
    "grey 16": (lambda: tiff(GREY), GREY[..., None]),
    "one page": (lambda: tiff(GREY[None], **BLACK), GREY[..., None]),
    "big-endian": (lambda: tiff(GREY, byteorder=">"), GREY[..., None]),
    "BigTIFF": (lambda: tiff(GREY, bigtiff=True), GREY[..., None]),
    "zlib": (lambda: tiff(GREY, compression="zlib"), GREY[..., None]),
    "LZW": (lambda: tiff(GREY, compression="lzw", predictor=True), GREY[..., None]),
    "zstd": (lambda: tiff(GREY, compression="zstd"), GREY[..., None]),
    "tiles": (lambda: tiff(GREY, tile=(16, 16)), GREY[..., None]),
    "pages": (lambda: tiff(STACK, **BLACK), LAST),
    "pages, unsaid": (lambda: tiff(STACK, metadata=None, **BLACK), LAST),
    "pages, LZW": (lambda: tiff(STACK, compression="lzw", **BLACK), LAST),
    "pages, one by one": (pages_one_by_one, LAST),
    "pages of Pillow": (pages_of_pillow, LAST),
    "ImageJ": (lambda: tiff(STACK, imagej=True, metadata={"axes": "CYX"}), LAST),
    "OME": (lambda: tiff(STACK, ome=True, metadata={"axes": "CYX"}, **BLACK), LAST),
    "channels last": (lambda: tiff(LAST, metadata={"axes": "YXC"}, **BLACK), LAST),
    "channels between": (
        lambda: tiff(LAST.swapaxes(1, 2), metadata={"axes": "YCX"}, **BLACK),
        LAST,
    ),
    "samples": (lambda: tiff(LAST, planarconfig="contig", **BLACK), LAST),
    "RGB": (lambda: tiff(RGB, photometric="rgb"), RGB),
    "RGB, planar": (
        lambda: tiff(BYTES, photometric="rgb", planarconfig="separate"),
        RGB,
    ),
}


@pytest.mark.parametrize("kind", READABLE)
def test_pixels_are_those_that_were_written(kind):
    write, pixels = READABLE[kind]
    found, read = image_files.decode_tiff(write())
    depth = 8 * pixels.dtype.itemsize
    assert found == ImageFormat(H, W, depth, pixels.shape[-1])
    assert read.dtype == pixels.dtype and read.dtype.isnative
    np.testing.assert_array_equal(read, pixels)
    assert image_files.read_format(io.BytesIO(write())) == found


@pytest.mark.parametrize("pixels", [GREY[..., None], LAST, RGB, LAST[..., :2]])
def test_what_is_written_is_read(pixels):
    data = image_files.encode_tiff(pixels)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert len(file.pages) == 1
    found, read = image_files.decode_tiff(data)
    assert found == ImageFormat(H, W, 8 * pixels.dtype.itemsize, pixels.shape[-1])
    np.testing.assert_array_equal(read, pixels)


def test_a_file_of_an_ome_set_is_read_alone(tmp_path):
    """Its metadata tell of the whole set: one file for each of two channels."""
    place = (
        '<TiffData FirstC="{0}" IFD="0" PlaneCount="1"><UUID FileName="{0}.ome.tif">'
    )
    place += "urn:uuid:{0}</UUID></TiffData>"
    about = (
        '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/'
        'Schemas/OME/2016-06" UUID="urn:uuid:{}"><Image ID="Image:0"><Pixels ID="P:0" '
        f'DimensionOrder="XYCZT" Type="uint16" SizeX="{W}" SizeY="{H}" SizeC="2" '
        'SizeZ="1" SizeT="1"><Channel ID="C:0" SamplesPerPixel="1"/><Channel ID="C:1" '
        f'SamplesPerPixel="1"/>{place.format(0)}{place.format(1)}</Pixels></Image></OME>'
    )
    for i in range(2):
        path = tmp_path / f"{i}.ome.tif"
        tifffile.imwrite(path, STACK[i], description=about.format(i), metadata=None)
    for i in range(2):
        with open(tmp_path / f"{i}.ome.tif", "rb") as file:
            assert image_files.read_format(file) == ImageFormat(H, W, 16)
        _, pixels = image_files.decode_tiff((tmp_path / f"{i}.ome.tif").read_bytes())
        np.testing.assert_array_equal(pixels[..., 0], STACK[i])


def with_alpha():
    return tiff(np.dstack([RGB, RGB[..., :1]]), photometric="rgb")


def unlike_pages():
    file = io.BytesIO()
    Image.fromarray(GREY).save(
        file, "TIFF", save_all=True, append_images=[Image.fromarray(GREY[:9])]
    )
    return file.getvalue()


def rgb_pages():
    return tiff(np.stack([RGB, RGB]), photometric="rgb")


REFUSED = {
    "alpha": (with_alpha, "8-bit with an alpha channel"),
    "float": (lambda: tiff(GREY.astype(np.float32)), "float32 levels, not whole"),
    "signed": (lambda: tiff(GREY.astype(np.int8)), "int8 levels, not whole"),
    "32-bit": (lambda: tiff(GREY.astype(np.uint32)), "uint32 levels, not whole"),
    "inverted": (lambda: tiff(GREY, photometric="miniswhite"), "MINISWHITE"),
    "unlike pages": (unlike_pages, "2 images of unlike size"),
    "depth": (lambda: tiff(STACK, imagej=True, metadata={"axes": "ZYX"}), "axes ZYX"),
    "time": (lambda: tiff(STACK, metadata={"axes": "TYX"}, **BLACK), "TYX of 4x21x34"),
    "two axes": (rgb_pages, "axes QYXS of 2x21x34x3"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_one_images_channels_is_told(kind):
    write, told = REFUSED[kind]
    assert told in image_files.read_format(io.BytesIO(write()))
    with pytest.raises(image_files.Unreadable, match=told):
        image_files.decode_tiff(write())


@pytest.mark.parametrize("kind", ["grey 16", "zlib", "LZW", "tiles", "RGB", "pages"])
def test_a_truncated_tiff_never_passes_for_whole(kind):
    """Cut anywhere before the last pixel it is refused, in the header or later."""
    write, pixels = READABLE[kind]
    data, wanted = write(), image_files.read_format(io.BytesIO(write()))
    with tifffile.TiffFile(io.BytesIO(data)) as whole:
        end = max(
            offset + count
            for page in whole.pages
            for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)
        )
    for cut in [4, 9, *range(20, end, 97), end - 1]:
        if image_files.read_format(io.BytesIO(data[:cut])) == wanted:
            with pytest.raises(image_files.Unreadable):
                image_files.decode_tiff(data[:cut])


@pytest.mark.parametrize(
    ("mode", "found"),
    [
        ("L", ImageFormat(5, 7, 8)),
        ("I;16", ImageFormat(5, 7, 16)),
        ("RGB", ImageFormat(5, 7, 8, planes=3)),
        ("RGBA", "8-bit RGB with an alpha channel"),
        ("LA", "8-bit grey with an alpha channel"),
        ("P", "1-bit palette"),  # Pillow writes one colour in one bit
        ("1", "1-bit grey"),
    ],
)
def test_png_header_agrees_with_pillow(mode, found):
    file = io.BytesIO()
    Image.new(mode, (7, 5)).save(file, "PNG")
    file.seek(0)
    assert image_files.read_format(file) == found


def test_header_of_something_else():
    assert image_files.read_format(io.BytesIO()) == "empty"
    other = "neither a PNG nor a TIFF"
    assert image_files.read_format(io.BytesIO(b"GIF89a" + bytes(20))) == other


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits", "lzma"])
def test_noise_which_packs_worst_is_within_the_limit(monkeypatch, compression):
    monkeypatch.setattr(image_files.limits, "MOST_BESIDE_PIXELS", 2**12)
    pixels = np.random.default_rng(0).integers(0, 2**16, (3, 200, 300), np.uint16)
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, compression=compression, photometric="minisblack")
    one, found = image_files.decode_tiff(file.getvalue())
    np.testing.assert_array_equal(found, np.moveaxis(pixels, 0, -1))
    assert pixels.nbytes <= file.tell() or compression
    assert len(file.getvalue()) < one.most_bytes < 2.1 * pixels.nbytes


@pytest.mark.parametrize("compression", ["jpeg", "jpeg2000", "png"])
def test_a_strip_with_a_size_of_its_own_is_as_large_as_its_place(tmp_path, compression):
    """The same file with a smaller height in the TIFF's own directory."""
    pixels = np.random.default_rng(0).integers(0, 256, (512, 512), np.uint8)
    path, options = tmp_path / "a.tif", {"rowsperstrip": 512, "metadata": None}
    tifffile.imwrite(path, pixels, compression=compression, **options)
    assert image_files.decode_tiff(path.read_bytes())[1].shape == (512, 512, 1)
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        for tag in ("ImageLength", "RowsPerStrip"):
            tiff.pages.first.tags[tag].overwrite(64)
    told = "^262,144 px packed in place of 32,768$"
    with pytest.raises(image_files.Unreadable, match=told):
        image_files.decode_tiff(path.read_bytes())


def test_tiles_larger_than_any_image(monkeypatch):
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((64, 64), np.uint16), tile=(128, 128))
    assert image_files.decode_tiff(file.getvalue())[1].shape == (64, 64, 1)
    monkeypatch.setattr(image_files.limits, "MOST_PX", 64 * 64)
    with pytest.raises(image_files.Unreadable, match="^tiles of 16,384 values$"):
        image_files.decode_tiff(file.getvalue())


def test_signed_levels_from_0_up_are_those_levels_without_a_sign():
    levels = (GREY >> 1).astype(np.int16)
    found, pixels = image_files.decode_tiff(tiff(levels, compression="lzw"))
    assert found.bit_depth == 16 and pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels[..., 0], levels)
    levels[3, 4] = -7
    with pytest.raises(
        image_files.Unreadable, match="below 0, the lowest -7; save .* unsigned"
    ):
        image_files.decode_tiff(tiff(levels))
