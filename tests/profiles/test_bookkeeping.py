"""Columns that measure nothing: by the names of the field, and by what they are."""

import itertools

import numpy as np
import pandas as pd
import pytest

from gandl_jax.profiles import bookkeeping

WELLS = [f"{row}{column:02}" for row in "ABCDEFGH" for column in range(1, 13)]

NOTHING = """
ImageNumber ObjectNumber TableNumber Group_Index Group_Number Group_Length
ProcessingStatus ExecutionTime_01Images ModuleError_04IdentifyPrimaryObjects
FileName_DNA PathName_OrigDNA URL_DNA MD5Digest_DNA Frame_DNA Series_DNA Scaling_DNA
Height_DNA Width_DNA Metadata_Plate Image_Metadata_Well Image_Height_DNA Image_Width_DNA
Image_Group_Index Image_FileName_DNA Image_ExecutionTime_02Crop ImageSet_ImageSet
Number_Object_Number Cells_Number_Object_Number Nuclei_Number_Object_Number
Location_Center_X Cells_Location_Center_Y Nuclei_Location_CenterMassIntensity_X_DNA
Location_MaxIntensity_Z_DNA Mean_Nuclei_Location_Center_X AreaShape_Center_X
Cells_AreaShape_Center_Y Nuclei_AreaShape_BoundingBoxMinimum_X
Cells_AreaShape_BoundingBoxMaximum_Y Parent_Nuclei Cytoplasm_Parent_Cells
Neighbors_FirstClosestObjectNumber_5 Cells_Neighbors_SecondClosestObjectNumber_Adjacent
TrackObjects_Label_50 TrackObjects_ParentObjectNumber_50
TrackObjects_ParentImageNumber_50 centroid-0 bbox-3 label index level_0 image_id cell_id
PlateID row_number plate_index timestamp acquisition_time Time barcode Row Column Field
image_number IMAGENUMBER
""".split()

MEASURED = """
Count_Cells Image_Count_Nuclei Cells_Children_Spots_Count Nuclei_Children_Foci_Count
Cells_AreaShape_Area AreaShape_BoundingBoxArea Nuclei_AreaShape_Extent
Cells_Neighbors_NumberOfNeighbors_5 Neighbors_FirstClosestDistance_5
Neighbors_PercentTouching_Adjacent Intensity_MeanIntensity_DNA
Cells_Intensity_MassDisplacement_ER Texture_Contrast_DNA_3_00_256
Texture_InfoMeas1_RNA_5_02_256 Correlation_Manders_DNA_ER Granularity_1_DNA
RadialDistribution_FracAtD_DNA_1of4 AreaShape_Zernike_2_0 Cells_AreaShape_FormFactor
Threshold_FinalThreshold_Nuclei ImageQuality_FocusScore_DNA AreaOccupied_AreaOccupied_C
efficientnet_0 efficientnet_671 feature_0 b8__12 PC1 UMAP1 x0 dim_3 cell_height_um
mitotic_index number_of_spots cell_number object_count time_to_division Width_um
TrackObjects_Displacement_50 Image_Number_of_cells fieldness Locational_entropy
""".split()


@pytest.mark.parametrize("name", NOTHING)
def test_names_of_cellprofiler_pycytominer_and_deepprofiler(name):
    assert bookkeeping.by_name([name, "ImageNumber"])[0] == name


@pytest.mark.parametrize("name", MEASURED)
def test_what_is_measured_or_counted_stays(name):
    assert bookkeeping.by_name([name]) == []


def test_an_images_height_is_told_from_a_cells():
    assert bookkeeping.by_name(["Height_cell", "Width_cell"]) == []
    theirs = ["Height_DNA", "FileName_DNA", "Count_Cells"]
    assert bookkeeping.by_name(theirs) == ["Height_DNA", "FileName_DNA"]


def screen(plates=2, sites=1, wells=WELLS):
    places = itertools.product(range(plates), wells, range(sites))
    rows = [
        {"Metadata_Plate": f"P{p}", "Metadata_Well": w, "Metadata_Site": str(s)}
        | {"Metadata_Experiment": f"E{p // 2}", "Metadata_Record_ID": f"{p}_{w}_{s}"}
        for p, w, s in places
    ]
    return pd.DataFrame(rows)


def told(values, metadata, order=None, columns=5):
    """What is said of one column; nothing where it could be excluded at once."""
    values = np.asarray(values, np.float64)[:, None]
    order = np.arange(len(values)) if order is None else order
    found = bookkeeping.by_value(values, ["k"], metadata, order, columns)
    may = bookkeeping.may_count(values, metadata)[0]
    assert may or not found
    return found.get("k")


def codes(column):
    return pd.factorize(column)[0]


COUNTERS = {
    "rows": (lambda m: np.arange(len(m)) + 1, "numbers the rows"),
    "rows-down": (lambda m: -np.arange(len(m)), "numbers the rows"),
    "in-tens": (lambda m: 10 * np.arange(len(m)), "numbers the rows"),
    "divided": (lambda m: np.arange(len(m)) / (len(m) - 1), "numbers the rows"),
    "in-six-digits": (
        lambda m: np.round(np.arange(len(m)) / 767, 6),
        "numbers the row",
    ),
    "standardised": (
        lambda m: np.float32(np.arange(len(m)) / 221.7 - 1.73),
        "numbers the rows",
    ),
    "minutes": (lambda m: 0.1 + 0.35 * (np.arange(len(m)) % 192), "rows of each plate"),
    "seconds": (lambda m: 1.7e9 + 31 * np.arange(len(m)), "numbers the rows"),
    "in-plates": (lambda m: np.arange(len(m)) % 192, "numbers the rows of each plate"),
    "plates": (lambda m: 17 - codes(m["Metadata_Plate"]), "names the plate"),
    "experiments": (
        lambda m: codes(m["Metadata_Experiment"]) / 3,
        "names the experiment",
    ),
    "wells": (lambda m: codes(m["Metadata_Well"]) ** 2, "names the well"),
    "lines": (lambda m: codes(m["Metadata_Well"].str[0]), "names the row"),
    "columns": (lambda m: m["Metadata_Well"].str[1:].astype(int), "names the column"),
    "sites": (lambda m: codes(m["Metadata_Site"]), "names the site"),
}


@pytest.mark.parametrize("name", COUNTERS)
@pytest.mark.parametrize("shuffled", [False, True])
def test_counters_and_names_of_places(name, shuffled):
    make, expected = COUNTERS[name]
    metadata = screen(plates=4, sites=2)
    values = np.asarray(make(metadata), float)
    order = np.arange(len(values))
    if shuffled:
        order = np.random.default_rng(0).permutation(order)
    assert expected in told(values[order], metadata.iloc[order], order)


@pytest.mark.parametrize("seed", range(5))
def test_a_counter_in_another_order_and_with_gaps(seed):
    metadata, rng = screen(), np.random.default_rng(seed)
    names = rng.choice(240, len(metadata), replace=False)  # a fifth is missing
    assert told(names, metadata) == "numbers the rows"


def measured(metadata, rng):
    """Whole numbers that are measured: counts, areas, sums, classes, flags."""
    n = len(metadata)
    effect = codes(metadata["Metadata_Plate"])
    yield rng.poisson(20, n)
    yield rng.poisson(3000, n)
    yield rng.integers(0, 10**6, n)
    yield rng.integers(0, 2**40, n)
    yield rng.poisson(50 + 40 * effect)  # plates that differ
    yield rng.integers(0, 2, n)
    yield (rng.random(n) < 0.02).astype(int)
    yield np.zeros(n)
    yield rng.normal(size=n)
    yield np.sort(rng.normal(size=n))  # a table that is sorted by it
    yield np.sort(rng.poisson(300, n))
    yield np.round(rng.normal(size=n), 1)
    yield np.round(rng.normal(size=n), 3)
    yield rng.integers(0, 100, n) / 100
    yield np.float32(np.log1p(rng.poisson(30, n)))


@pytest.mark.parametrize("plates, wells", [(1, 8), (1, 12), (2, 4), (2, 96), (40, 2)])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_measured_is_not_taken_for_a_counter(plates, wells, seed):
    metadata = screen(plates=plates, wells=WELLS[:wells])
    for i, values in enumerate(measured(metadata, np.random.default_rng(seed))):
        assert told(values, metadata, columns=100) is None, i


def test_how_often_chance_makes_a_counter():
    """Tables of eight wells whose counts lie close: at most one in a thousand."""
    draws = np.random.default_rng(0).integers(0, 9, (8, 1000)).astype(float)
    metadata, names = screen(plates=1, wells=WELLS[:8]), [f"f{i}" for i in range(1000)]
    found = bookkeeping.by_value(draws, names, metadata, np.arange(8), 1)
    assert len(found) <= 1


def test_the_chance_that_all_are_different_is_the_birthday_problems():
    """23 of 365: 0.4927; and in two groups, the product of both."""
    values = np.r_[0, 364, np.arange(1, 22)].astype(float)
    one = np.exp(bookkeeping._log_chance(values, np.zeros(23, int)))
    assert one == pytest.approx(0.4927, abs=5e-5)
    twice, groups = np.r_[values, values], np.repeat([0, 1], 23)
    assert np.exp(bookkeeping._log_chance(twice, groups)) == pytest.approx(one**2)


def test_ranks_are_no_counters():
    metadata = screen()
    ranks = pd.DataFrame(np.random.default_rng(0).normal(size=(192, 6))).rank()
    names = [f"f{i}" for i in range(6)]
    order = np.arange(192)
    assert not bookkeeping.by_value(ranks.to_numpy(), names, metadata, order, 6)
    ranks[5] = order
    found = bookkeeping.by_value(ranks.to_numpy(), names, metadata, order, 6)
    assert found == {"f5": "numbers the rows"}


def test_values_that_are_missing_say_nothing():
    values = np.where(np.arange(192) == 7, np.nan, np.arange(192))
    assert told(values, screen()) is None
    assert told(np.where(np.arange(192) == 7, np.inf, np.arange(192)), screen()) is None
