"""OME-TIFFs that say themselves of what plate and well they are."""

import pickle
import shutil

import numpy as np
import ome_writers
import pytest
import tifffile

from gandl_jax.errors import InputError
from gandl_jax.raw import ome_channels, ome_tiff, ome_xml, raw_files
from gandl_jax.raw.image_files import ImageFormat, Unreadable
from gandl_jax.raw.ome_options import OmeOptions

PATTERN = "{plate}.ome/{well}/{site}"


@pytest.fixture
def folder(tmp_path):
    """A file for each well, of two images."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for (well, site), pixels in ome_writers.images().items():
        if site == "0":
            other = ome_writers.images()[well, "1"]
            sites = [(well, 7, other), (well, 3, pixels)]  # not in their order
            ome_writers.write_ome_tiff(folder / f"{well}_x.ome.tif", "P1", sites)
    return folder


def check_all(source_dir):
    opened = raw_files.open_for(PATTERN, str(source_dir))
    for (well, site), pixels in ome_writers.images().items():
        path = f"P1.ome/{well}/{site}"
        assert opened.existing([path]) == {path}
        assert opened.read_format(path) == ImageFormat(32, 32, 16, 2)
        read = np.moveaxis(opened.read_image(path), -1, 0)
        np.testing.assert_array_equal(read, pixels)
    return opened


def test_sites_are_numbered_by_their_index_in_the_well(folder):
    opened = check_all(folder)
    assert opened.plates[0].channels == ("DAPI", "Actin")
    alone = pickle.loads(pickle.dumps(opened.subset(["P1.ome/B03/1"])))
    assert alone.read_image("P1.ome/B03/1").shape == (32, 32, 2)


def test_a_file_for_each_site_gives_the_same(tmp_path):
    for (well, site), pixels in ome_writers.images().items():
        name = tmp_path / f"{well}_{site}.ome.tiff"
        ome_writers.write_ome_tiff(name, "P1", [(well, 0, pixels)])
    check_all(tmp_path)


def test_files_in_an_archive_are_read(folder, tmp_path):
    source = tmp_path / "packed"
    source.mkdir()
    ome_writers.zipped(folder, source / "screen.zip", "screen/")
    shutil.rmtree(folder)
    check_all(source)


def test_without_the_pattern_they_are_plain_files(folder):
    opened = raw_files.open_for("{well}_x.ome.tif", str(folder))
    assert opened.plates == ()


TEXT = """<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">
<Plate ID="Plate:0"><Well ID="Well:0" Row="1" Column="2">
<WellSample ID="WellSample:0" Index="0"><ImageRef ID="Image:0"/></WellSample></Well>
</Plate><Image ID="Image:0"><Pixels DimensionOrder="{order}" SizeC="2" SizeZ="3"
SizeT="2">{data}</Pixels></Image></OME>"""


@pytest.mark.parametrize("order", ("XYCZT", "XYZCT", "XYZTC", "XYTCZ"))
def test_pages_are_those_of_the_dimension_order(order):
    sizes = {"C": 2, "Z": 3, "T": 2}
    strides, stride = {}, 1
    for axis in order[2:]:
        strides[axis], stride = stride, stride * sizes[axis]
    options = OmeOptions(z_plane=2, time_point=1)
    wanted = [c * strides["C"] + 2 * strides["Z"] + 1 * strides["T"] for c in range(2)]
    for data in ("", "<TiffData/>", '<TiffData IFD="0" PlaneCount="12"/>'):
        text = TEXT.format(order=order, data=data)
        (image,) = ome_xml.parse(text, "a.ome.tif", options)
        assert (image.plate, image.well) == ("Plate:0", "B03")
        assert list(image.pages) == wanted


def test_each_plane_may_name_its_page_and_its_file():
    def plane(c, page, name):
        return (
            f'<TiffData FirstC="{c}" IFD="{page}" PlaneCount="1">'
            f'<UUID FileName="{name}">urn:uuid:1</UUID></TiffData>'
        )

    here = plane(0, 5, "a.ome.tif") + plane(1, 2, "a.ome.tif")
    text = TEXT.format(order="XYCZT", data=here)
    (image,) = ome_xml.parse(text, "a.ome.tif", OmeOptions())
    assert image.pages == (5, 2)
    assert ome_xml.parse(text, "b.ome.tif", OmeOptions()) == []
    apart = plane(0, 0, "a.ome.tif") + plane(1, 0, "b.ome.tif")
    with pytest.raises(Unreadable, match="channels of its images lie in several files"):
        text = TEXT.format(order="XYCZT", data=apart)
        ome_xml.parse(text, "a.ome.tif", OmeOptions())


def refused(folder):
    with pytest.raises(InputError) as caught:
        raw_files.open_for(PATTERN, str(folder))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_says_nothing_of_plate_and_well_is_refused(tmp_path):
    assert "there is no .ome.tif or .ome.tiff in" in refused(tmp_path)
    path = tmp_path / "a.ome.tif"
    pixels = ome_writers.images()["B02", "0"]
    tifffile.imwrite(path, pixels, ome=True, metadata={"axes": "CYX"})
    assert "says nothing of its plate and well in its OME-XML" in refused(tmp_path)
    tifffile.imwrite(path, pixels, ome=False, photometric="minisblack")
    assert "cannot be used (a TIFF without OME-XML)" in refused(tmp_path)
    path.write_bytes(b"II*\0" + bytes(50))
    assert "a.ome.tif cannot be used (" in refused(tmp_path)


def test_xml_with_definitions_of_its_own_is_refused():
    bomb = '<!DOCTYPE a [<!ENTITY a "aa">]><OME>&a;</OME>'
    with pytest.raises(Unreadable, match="with definitions of its own"):
        ome_xml.parse(bomb, "a.ome.tif", OmeOptions())
    with pytest.raises(Unreadable, match="no OME-XML in it that can be read"):
        ome_xml.parse("<OME>", "a.ome.tif", OmeOptions())


def test_files_of_other_channels_are_refused(folder):
    sites = [("C02", 0, ome_writers.images()["C02", "0"])]
    ome_writers.write_ome_tiff(
        folder / "C02_x.ome.tif", "P1", sites, labels=("Actin", "DAPI")
    )
    assert "C02_x.ome.tif has the channels Actin, DAPI, and" in refused(folder)


def test_truncated_and_unlike_pages_are_told(folder):
    path = folder / "B02_x.ome.tif"
    opened = raw_files.open_for(PATTERN, str(folder))
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(Unreadable, match="truncated"):
        opened.read_image("P1.ome/B02/0")
    sites = [("B02", 0, np.ones((2, 8, 8), np.float32))]
    ome_writers.write_ome_tiff(path, "P1", sites)
    opened = raw_files.open_for(PATTERN, str(folder))
    with pytest.raises(Unreadable, match="float32 levels, not whole numbers of 8 or"):
        opened.read_format("P1.ome/B02/0")


def test_names_of_channels_are_held_against_the_files(folder):
    plates = raw_files.open_for(PATTERN, str(folder)).plates
    ome_channels.check(("dapi", "actin"), plates)
    ome_channels.check(("nuclei", "cells"), plates)  # other names are free
    with pytest.raises(InputError, match="has them in the order DAPI, Actin"):
        ome_channels.check(("actin", "dapi"), plates)
    with pytest.raises(InputError, match="has 2 channels, DAPI, Actin, and config"):
        ome_channels.check(("dapi",), plates)


def test_a_first_file_tells_whether_there_are_plates(folder, tmp_path):
    opened = raw_files.open_files(str(folder))
    assert ome_tiff.describes_plates(opened, "B02_x.ome.tif")
    tifffile.imwrite(folder / "plain.ome.tif", np.ones((2, 8, 8), np.uint8))
    assert not ome_tiff.describes_plates(opened, "plain.ome.tif")
