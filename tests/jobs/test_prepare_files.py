"""Files that cannot be used, in every layout: one sentence, and nothing is written."""

import itertools
import pathlib

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from gandl_jax import config
from gandl_jax.errors import InputError
from gandl_jax.jobs import prepare

SIZE, WELLS = (18, 24), ("B02", "B03", "C02", "C03")
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 4096, SIZE).astype(np.uint16)
STACK = RNG.integers(0, 4096, (3, *SIZE)).astype(np.uint16)
BLACK = {"photometric": "minisblack"}


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, **(BLACK | options))


def settings(folder, file, **screen):
    c = config.default()
    c.data.update(name="own", source_dir=str(folder), dir=str(folder.parent / "out"))
    c.screen.update(name="tiny", metadata="", channels=("dna", "actin", "tubulin"))
    c.screen.update(file=file, **screen)
    c.screen.columns.well = "well"
    return c


@pytest.fixture
def per_channel(tmp_path):
    for well, channel in itertools.product(WELLS, (1, 2, 3)):
        save(tmp_path / f"raw/{well}_w{channel}.tif", GREY)
    return settings(tmp_path / "raw", "{well}_w{channel}.tif")


@pytest.fixture
def multi_page(tmp_path):
    for well in WELLS:
        save(tmp_path / f"raw/{well}.tif", STACK)
    return settings(tmp_path / "raw", "{well}.tif")


@pytest.fixture
def rgb(tmp_path):
    (tmp_path / "raw").mkdir()
    for well in WELLS:
        Image.new("RGB", SIZE[::-1], 7).save(tmp_path / f"raw/{well}.png")
    return settings(tmp_path / "raw", "{well}.png")


def refused(c, message):
    with pytest.raises(InputError, match=message) as caught:
        prepare.run(c, "")
    assert "\n" not in str(caught.value)
    assert not pathlib.Path(c.data.dir).exists()


def raw(c, name):
    return pathlib.Path(c.data.source_dir) / name


def test_an_alpha_channel(rgb):
    Image.new("RGBA", SIZE[::-1]).save(raw(rgb, "C02.png"))
    refused(
        rgb, r"1 of 4 images.*3 channels, PNG or TIFF\): C02.png \(8-bit RGB with an"
    )


def test_all_files_with_an_alpha_channel(rgb):
    for well in WELLS:
        Image.new("RGBA", SIZE[::-1]).save(raw(rgb, f"{well}.png"))
    refused(rgb, r"4 of 4 images.*\(expected: 8- or 16-bit, 3 channels.*alpha channel")


@pytest.mark.parametrize("pages", [2, 4])
def test_another_number_of_pages(multi_page, pages):
    save(raw(multi_page, "B03.tif"), np.resize(STACK, (pages, *SIZE)))
    refused(multi_page, rf"1 of 4 .*B03.tif \(18x24 px 16-bit, {pages} channels\)")


def test_channels_last_and_unnamed(multi_page):
    for well in WELLS:
        save(raw(multi_page, f"{well}.tif"), np.moveaxis(STACK, 0, -1))
    refused(multi_page, r"24x3 px 16-bit, 18 channels: its last axis seems to be")


def test_another_axis(multi_page):
    for well in WELLS:
        save(raw(multi_page, f"{well}.tif"), STACK, metadata={"axes": "ZYX"})
    refused(multi_page, r"4 of 4 .*B02.tif \(axes ZYX of 3x18x24, which are not")


def test_pages_where_channels_have_files_of_their_own(per_channel):
    save(raw(per_channel, "B02_w2.tif"), STACK)
    refused(per_channel, r"1 of 12 .*B02_w2.tif \(18x24 px 16-bit, 3 channels\)")


@pytest.mark.parametrize("keep", [0, 6, 300, -7])
@pytest.mark.parametrize("kind", ["per_channel", "multi_page"])
def test_a_truncated_tiff(request, kind, keep):
    c = request.getfixturevalue(kind)
    file = sorted(pathlib.Path(c.data.source_dir).iterdir())[2]
    save(file, tifffile.imread(file), compression="zlib")
    file.write_bytes(file.read_bytes()[:keep])
    refused(
        c, rf"1 of \d+ images.*18x24 px.*{file.name} \((truncated|empty|neither|18x)"
    )


def test_a_tiff_whose_pixels_are_garbled(per_channel):
    file = raw(per_channel, "C03_w3.tif")
    save(file, GREY, compression="zlib")
    with tifffile.TiffFile(file) as tiff:
        offset = tiff.pages.first.dataoffsets[0]
    data = bytearray(file.read_bytes())
    data[offset + 40 : offset + 80] = bytes(40)
    file.write_bytes(data)
    refused(per_channel, r"C03_w3.tif \(truncated or corrupt\)")


@pytest.mark.parametrize("kind", ["per_channel", "multi_page"])
def test_mixed_sizes_and_depths(request, kind):
    c = request.getfixturevalue(kind)
    files = sorted(pathlib.Path(c.data.source_dir).iterdir())
    pixels = tifffile.imread(files[0])
    save(files[0], pixels[..., :20])
    save(files[1], (pixels >> 4).astype(np.uint8))
    refused(c, r"2 of .*expected: 18x24 px 16-bit.*18x20 px 16-bit.*18x24 px 8-bit")


def test_a_missing_image_and_a_missing_channel(per_channel):
    raw(per_channel, "B03_w2.tif").unlink()
    refused(per_channel, r"1 of 12 images are missing.*\(1 of 4 records\): B03_w2.tif")
    for file in pathlib.Path(per_channel.data.source_dir).glob("*_w2.tif"):
        file.unlink()
    refused(per_channel, "no image of channel 'actin'")


def test_a_channel_too_many(per_channel):
    save(raw(per_channel, "B03_w4.tif"), GREY)
    refused(per_channel, r"1 images of a channel 4 \(such as B03_w4.tif\)")
    per_channel.screen.channel_codes = ("1", "2", "3")  # says that no more are wanted
    prepare.run(per_channel, "")


def test_empty_and_wrong_folders_and_patterns(per_channel):
    per_channel.screen.file = "Plate{plate}/{well}_w{channel}.tif"
    refused(per_channel, r"matches the pattern 'Plate\{plate\}.*example, B02_w1.tif")
    empty = raw(per_channel, "empty")
    empty.mkdir()
    per_channel.data.source_dir = str(empty)
    refused(per_channel, "there are no files in")
    per_channel.data.source_dir = str(empty / "nowhere")
    refused(per_channel, "does not exist.*folder that holds the images")


def test_a_table_whose_paths_lead_nowhere(multi_page):
    table = pd.DataFrame({"site_id": WELLS, "well": WELLS, "path": WELLS})
    table.to_csv(raw(multi_page, "metadata.csv"), index=False)
    multi_page.screen.update(metadata="metadata.csv", file="tiffs/{path}.tif")
    refused(multi_page, r"none of the 4 images named by metadata.csv.*example, B02.tif")


def test_a_pattern_that_does_not_tell_records_apart(multi_page):
    table = pd.DataFrame(
        {"site_id": list("abcd"), "well": ["B02", "B02", "C02", "C03"]}
    )
    table.to_csv(raw(multi_page, "metadata.csv"), index=False)
    multi_page.screen.metadata = "metadata.csv"
    refused(multi_page, "1 images belong to more than one record, such as 'B02.tif'")


def test_a_well_that_cannot_be_read(multi_page):
    raw(multi_page, "B02.tif").rename(raw(multi_page, "12.tif"))
    refused(multi_page, "1 well names.*'12'")


def test_remarks_are_printed(multi_page, capsys):
    table = pd.DataFrame({"site_id": WELLS, "well": WELLS})
    table["drug"], table["dose"] = ["Taxol", "taxol", "TAX-OL ", "other"], 1
    table.to_csv(raw(multi_page, "metadata.csv"), index=False)
    multi_page.screen.update(metadata="metadata.csv", response_0="drug=other|DMSO")
    multi_page.screen.columns.update(treatment="drug", concentration_um="dose")
    prepare.run(multi_page, "")
    told = [t for t in capsys.readouterr().out.splitlines() if t.startswith("note: ")]
    parts = (
        "read as 'TAX-OL'",
        "no record by drug=DMSO",
        "spelled in several ways",
        "one concentration, 1 uM",
        "12 bits",
        "identical",
        *["are noise"] * 3,  # of each channel
    )
    assert len(told) == len(parts)
    assert all(part in line for part, line in zip(parts, told, strict=True))


def test_another_description_of_the_screen_is_refused(multi_page):
    prepare.run(multi_page, "")
    multi_page.screen.channels = ("dna", "tubulin", "actin")
    with pytest.raises(InputError, match="screen.channels was "):
        prepare.run(multi_page, "")


def test_grey_files_where_each_should_hold_all_channels(multi_page):
    for well in WELLS:
        save(raw(multi_page, f"{well}.tif"), GREY)
    refused(multi_page, r"expected: 8- or 16-bit, 3 channels.*16-bit, 1 channel\)")
