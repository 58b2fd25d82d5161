"""The job `prepare`: whole and interrupted runs, and every bad input."""

import copy
import dataclasses
import pathlib
import shutil

import numpy as np
import pandas as pd
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from gandl_jax import config
from gandl_jax.errors import InputError
from gandl_jax.jobs import prepare
from gandl_jax.prepared import prepared, shards
from gandl_jax.raw import screen
from gandl_jax.reading import tiles
from gandl_jax.screens import rxrx19a

RECORDS, SIZE = 12, 16


@pytest.fixture
def raw(tmp_path):
    """A raw screen in RxRx19a's form, five channels, two plates."""
    return write_raw(tmp_path / "raw")


def write_raw(folder, channels=5):
    rng = np.random.default_rng(0)
    rows = []
    for i in range(RECORDS):
        plate, well = 1 + i % 2, f"B{i + 1:02}"
        rows.append(
            {
                "site_id": f"HRCE-1_{plate}_{well}_1",
                "well_id": f"HRCE-1_{plate}_{well}",
                "cell_type": "HRCE",
                "experiment": "HRCE-1",
                "plate": plate,
                "well": well,
                "site": 1,
                "disease_condition": "Mock",
                "treatment": "",
                "treatment_conc": "",
                "SMILES": "",
            }
        )
        for c in range(channels):
            path = image(folder, i, c + 1)
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 99, (SIZE, SIZE), np.uint8)
            Image.fromarray(pixels).save(path)
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)
    return folder


def image(folder, record, channel) -> pathlib.Path:
    """Path of an image of the raw screen."""
    plate = folder / f"images/HRCE-1/Plate{1 + record % 2}"
    return plate / f"B{record + 1:02}_s1_w{channel}.png"


def settings(raw, out="out", **data):
    """A config that prepares `raw` in the folder `out` beside it."""
    c = config.default()
    c.data.update(name="rxrx19a", source_dir=str(raw), dir=str(raw.parent / out))
    c.data.update(records_per_shard=5, **data)
    return c


def contents(folder) -> dict[str, bytes]:
    """Every file below a folder."""
    folder = pathlib.Path(folder)
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def refused(c, message: str) -> None:
    """The job is refused with this message and leaves no trace."""
    with pytest.raises(InputError, match=message) as caught:
        prepare.run(c, "")
    assert "\n" not in str(caught.value)
    assert not pathlib.Path(c.data.dir).exists()


def test_again_does_nothing(raw, capsys):
    c = settings(raw)
    prepare.run(c, "")
    before = contents(c.data.dir)
    printed = capsys.readouterr().out
    assert "60/60 images" in printed and "12/12 sites" in printed
    prepare.run(c, "")
    assert "already prepared, 12 records" in capsys.readouterr().out
    assert contents(c.data.dir) == before


def test_another_plan_is_refused(raw):
    c = settings(raw)
    prepare.run(c, "")
    before = contents(c.data.dir)
    for key, value in {"records_per_shard": 4, "low_percentile": 1.0}.items():
        other = settings(raw)
        other.data[key] = value
        with pytest.raises(InputError, match=f"{key} was .*choose another data.dir"):
            prepare.run(other, "")
    table = pd.read_csv(raw / "metadata.csv", dtype=str)
    table.iloc[1:].to_csv(raw / "metadata.csv", index=False)
    with pytest.raises(InputError, match="0 of its records are new, 1 are gone, such"):
        prepare.run(c, "")
    assert contents(c.data.dir) == before


def test_a_moved_raw_screen_is_the_same_screen(raw, capsys):
    c = settings(raw)
    prepare.run(c, "")
    before = contents(c.data.dir)
    c.data.source_dir = str(raw.rename(raw.parent / "moved"))
    prepare.run(c, "")
    assert "already prepared, 12 records" in capsys.readouterr().out
    assert contents(c.data.dir) == before
    (pathlib.Path(c.data.dir) / "rxrx19a-train.tfrecord-00001-of-00003").unlink()
    prepare.run(c, "")
    changed = {k for k, v in contents(c.data.dir).items() if v != before[k]}
    assert changed == {"plan.json", "screen.json"}  # they tell of the new place
    opened = prepared.open_prepared(c.data.dir)
    assert opened.description["plan"]["source_dir"] == c.data.source_dir


@pytest.mark.parametrize("source_dir", ["", "nowhere"])
def test_shards_without_the_raw_screen_are_enough(raw, capsys, source_dir):
    c = settings(raw)
    prepare.run(c, "")
    before = contents(c.data.dir)
    shutil.rmtree(raw)
    c.data.source_dir = source_dir
    prepare.run(c, "")
    assert "already prepared, 12 records" in capsys.readouterr().out
    for key, value in {
        "name": "bbbc013",
        "records_per_shard": 4,
        "high_percentile": 99.0,
    }.items():
        other = copy.deepcopy(c)
        other.data[key] = value
        with pytest.raises(InputError, match="was prepared otherwise"):
            prepare.run(other, "")
    assert contents(c.data.dir) == before
    (pathlib.Path(c.data.dir) / "rxrx19a-train.tfrecord-00001-of-00003").unlink()
    with pytest.raises(InputError, match="source_dir"):
        prepare.run(c, "")


def test_killed_half_way_then_again_gives_the_same_bytes(raw, monkeypatch):
    prepare.run(settings(raw, "whole"), "")
    c, original, begun = settings(raw), shards.write, []

    def write(shard, *args, on_record):
        """Dies within the second shard."""

        def die(count):
            on_record(count)
            if shard.number == 1:
                raise KeyboardInterrupt

        begun.append(shard.number)
        original(shard, *args, on_record=die)

    monkeypatch.setattr(shards, "write", write)
    with pytest.raises(KeyboardInterrupt):
        prepare.run(c, "")
    folder = pathlib.Path(c.data.dir)
    finished = sorted(path.name for path in folder.glob("rxrx19a-train*"))
    assert finished == ["rxrx19a-train.tfrecord-00000-of-00003"]
    with pytest.raises(InputError, match="no prepared screen"):
        prepared.open_prepared(c.data.dir)
    stamp = (folder / finished[0]).stat().st_mtime_ns

    def resume(shard, *args, on_record):
        begun.append(shard.number)
        original(shard, *args, on_record=on_record)

    monkeypatch.setattr(shards, "write", resume)
    prepare.run(c, "")
    assert begun == [0, 1, 1, 2]
    assert (folder / finished[0]).stat().st_mtime_ns == stamp
    assert contents(c.data.dir) == contents(folder.parent / "whole")


def test_a_deleted_shard_is_redone(raw):
    c = settings(raw)
    prepare.run(c, "")
    before = contents(c.data.dir)
    (pathlib.Path(c.data.dir) / "rxrx19a-train.tfrecord-00001-of-00003").unlink()
    with pytest.raises(InputError, match="1 of 3 shards are gone"):
        prepared.open_prepared(c.data.dir)
    prepare.run(c, "")
    assert contents(c.data.dir) == before


def test_a_folder_begun_with_other_images_is_left_alone(raw):
    """A deeper or larger copy of the screen comes in place of the first."""
    c = settings(raw)
    prepare.run(c, "")
    (pathlib.Path(c.data.dir) / "rxrx19a-train.tfrecord-00001-of-00003").unlink()
    before = contents(c.data.dir)
    for pixels, told in (
        (np.zeros((SIZE, SIZE), np.uint16), "16x16 px 16-bit"),
        (np.zeros((20, 20), np.uint8), "20x20 px 8-bit"),
    ):
        for file in raw.rglob("*.png"):
            Image.fromarray(pixels).save(file)
        with pytest.raises(InputError, match=f"with images of 16x16 px 8-bit.*{told}"):
            prepare.run(c, "")
        assert contents(c.data.dir) == before


def test_one_image_for_two_records(raw):
    table = pd.read_csv(raw / "metadata.csv", dtype=str)
    pd.concat([table, table[:2].assign(site_id=["x", "y"])]).to_csv(
        raw / "metadata.csv", index=False
    )
    message = (
        "^10 images belong to more than one record, such as "
        "'images/HRCE-1/Plate1/B01_s1_w1.png' to HRCE-1_1_B01_1 and x:"
    )
    refused(settings(raw), message)


def test_blank_cells_of_every_kind_convert(raw, capsys):
    """What is stored is the text of the table; what is made of it is blank."""
    table = pd.read_csv(raw / "metadata.csv", dtype=str)
    conditions = ["", " ", "NA", "nan"] * 2 + ["Active SARS-CoV-2"] * 3 + ["Mock"]
    drugs = [""] * 8 + ["NA", "Ribavirin", " ", "nan"]
    table = table.assign(disease_condition=conditions, treatment=drugs)
    table.to_csv(raw / "metadata.csv", index=False)
    c = settings(raw)
    prepare.run(c, "")
    wanted = [
        "6 cells of the column disease_condition read as blank, such as ' '",
        "3 cells of the column treatment read as blank, such as 'NA'",
        "1 of 1 treated records have no concentration: no dose response can come of "
        "them",
    ]
    opened = prepared.open_prepared(c.data.dir)
    assert opened.description["remarks"]["table"] == wanted
    printed = capsys.readouterr().out
    assert all(f"note: {line}\n" in printed for line in wanted)
    found = opened.table.set_index("Metadata_Site_ID").loc[table["site_id"]]
    roles = ["other"] * 8 + ["response_0", "treated", "response_0", "response_1"]
    assert found["Metadata_Role"].tolist() == roles
    assert opened.description["manifest"]["records_per_condition"][""] == 8
    builder = tfds.builder_from_directory(c.data.dir)
    stored = tfds.as_numpy(builder.as_dataset(split="train"))
    texts = {e["site_id"].decode(): e["disease_condition"].decode() for e in stored}
    assert texts == dict(zip(table["site_id"], conditions, strict=True))


def test_missing_images_fail_or_are_skipped(raw):
    image(raw, 3, 2).unlink()
    image(raw, 3, 4).unlink()
    image(raw, 7, 1).unlink()
    c = settings(raw)
    message = r"3 of 60 images are missing.*2 of 12 records.*B08_s1_w1.png.*w4.png; "
    refused(c, message)
    c.data.missing = "skip"
    prepare.run(c, "")
    opened = prepared.open_prepared(c.data.dir)
    assert opened.records == 10
    assert opened.description["records_skipped_as_missing"] == 2
    wells = set(opened.table["Metadata_Well"])
    assert wells == {f"B{i:02}" for i in range(1, 13)} - {"B04", "B08"}


@pytest.mark.parametrize("missing", ["fail", "skip"])
def test_no_images_at_all(raw, missing):
    (raw / "images").rename(raw / "elsewhere")
    refused(settings(raw, missing=missing), "none of the 60 images.*there is, for")
    shutil.rmtree(raw / "elsewhere")
    (raw / "images").mkdir()
    message = (
        r"none of the 60 images.*first would be images/HRCE-1/Plate1/B01_s1_w1.png"
    )
    refused(settings(raw, missing=missing), message)


@pytest.mark.parametrize("missing", ["fail", "skip"])
def test_no_record_is_complete(raw, missing):
    for i in range(RECORDS):
        image(raw, i, 1 + i % 2).unlink()
    some = r"12 of 60 images are missing.*: ([^,]*png, ){3}\.\.\.; "
    message = {"fail": some, "skip": "no record"}[missing]
    refused(settings(raw, missing=missing), message)


@pytest.mark.parametrize("missing", ["fail", "skip"])
@pytest.mark.parametrize(
    ("channels", "message"),
    [(4, "no image of channel 'golgi'.*5 channels"), (6, "12 images of a channel 6")],
)
def test_another_number_of_channels(tmp_path, channels, message, missing):
    raw = write_raw(tmp_path / "raw", channels)
    refused(settings(raw, missing=missing), message)


def damage(raw) -> dict[str, tuple]:
    """Ways to spoil an image, `spoil(path)`, each with what the message says."""
    small = Image.new("L", (SIZE, SIZE - 1), 3)
    deep = Image.new("I;16", (SIZE, SIZE), 3)
    colour = Image.new("RGB", (SIZE, SIZE), 3)
    png = image(raw, 4, 3).read_bytes()
    flipped = bytearray(png)
    flipped[len(png) // 2] ^= 255
    return {
        "another size": (small.save, "15x16 px 8-bit"),
        "another depth": (deep.save, "16x16 px 16-bit"),
        "colour": (colour.save, "16x16 px 8-bit, 3 channels"),
        "empty": (lambda path: path.write_bytes(b""), "empty"),
        "no png": (
            lambda path: path.write_bytes(b"GIF89a"),
            "neither a PNG nor a TIFF",
        ),
        "cut": (lambda path: path.write_bytes(png[:-30]), "truncated or corrupt"),
        "cut short": (lambda path: path.write_bytes(png[:20]), "truncated"),
        "garbled": (lambda path: path.write_bytes(flipped), "truncated or corrupt"),
    }


@pytest.mark.parametrize(
    "kind",
    "another size,another depth,colour,empty,no png,cut,cut short,garbled".split(","),
)
def test_bad_images_are_counted_named_and_nothing_is_left(raw, kind):
    spoil, reason = damage(raw)[kind]
    for record in (0, 4, 5, 9, 11):
        spoil(image(raw, record, 3))
    names = r"5 of 60 images.*16x16 px 8-bit.*B\d\d_s1_w3.png \(" + reason
    refused(settings(raw), names)


def test_a_bad_image_leaves_an_empty_folder_as_it_was(raw):
    damage(raw)["cut"][0](image(raw, 2, 1))
    c = settings(raw)
    pathlib.Path(c.data.dir).mkdir()
    with pytest.raises(InputError, match="1 of 60 images"):
        prepare.run(c, "")
    assert list(pathlib.Path(c.data.dir).iterdir()) == []


def test_a_folder_with_other_things_is_left_alone(raw):
    c = settings(raw)
    folder = pathlib.Path(c.data.dir)
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty.*choose another data.dir"):
        prepare.run(c, "")
    assert contents(folder) == {"thesis.txt": b"mine"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": "rxrx19"}, "did you mean 'rxrx19a'"),
        ({"channels": ("nuclei", "acting")}, "no channel 'acting'.*'actin'"),
        ({"channels": ("actin", "actin")}, "twice"),
        ({"records_per_shard": 0}, "records_per_shard is 0"),
        ({"low_percentile": 99.9}, "must ascend"),
        ({"source_dir": ""}, "source_dir is not set"),
    ],
)
def test_bad_options(raw, data, message):
    c = settings(raw)
    c.data.update(data)
    refused(c, message)


def test_bad_folders_and_metadata(raw):
    refused(settings(raw.parent / "nowhere"), "nowhere.*does not exist")
    c = settings(raw)
    c.data.dir = ""
    with pytest.raises(InputError, match="data.dir is not set"):
        prepare.run(c, "")
    c.data.dir = str(raw)
    with pytest.raises(InputError, match="are both"):
        prepare.run(c, "")
    table = pd.read_csv(raw / "metadata.csv", dtype=str)
    table.drop(columns="well").to_csv(raw / "metadata.csv", index=False)
    refused(settings(raw), "lacks the column well")
    pd.concat([table, table[:2]]).to_csv(raw / "metadata.csv", index=False)
    refused(settings(raw), "2 rows whose key")
    table.assign(images="").to_csv(raw / "metadata.csv", index=False)
    refused(settings(raw), "column 'images'")
    table.assign(treatment_conc="much").to_csv(raw / "metadata.csv", index=False)
    refused(settings(raw), "'much'")
    (raw / "metadata.csv").unlink()
    refused(settings(raw), "no metadata.csv")


def test_odd_images_are_told_once_and_kept(raw, capsys):
    shutil.copy(image(raw, 0, 1), image(raw, 2, 1))
    Image.new("L", (SIZE, SIZE), 9).save(image(raw, 4, 3))
    pixels = np.array(Image.open(image(raw, 5, 2)))
    pixels[:3, 0] = 255  # 3 of 256
    Image.fromarray(pixels).save(image(raw, 5, 2))
    c = settings(raw)
    prepare.run(c, "")
    said = capsys.readouterr().out.splitlines()
    kept = prepared.open_prepared(c.data.dir).description["remarks"]
    told = [line[6:] for line in said if line.startswith("note: ")]
    assert told == [*kept["table"], *kept["images"]]
    constant, saturated, identical, *noise = kept["images"]
    assert len(noise) == 5 and all("noise: neighbouring" in line for line in noise)
    assert "1 of 12 images" in constant and "/B05_s1_w3.png" in constant
    assert "1 of 12 images" in saturated and "/B06_s1_w2.png" in saturated
    assert "1 of 60 images" in identical
    assert "/B01_s1_w1.png" in identical and "/B03_s1_w1.png" in identical
    prepare.run(c, "")
    assert "images of" not in capsys.readouterr().out


def test_a_screen_that_draws_itself_is_drawn_first(raw, tmp_path, monkeypatch):
    """Its `generate` gets the folder and `config.simulate`, then all is as usual."""
    calls = []

    def generate(source_dir, options):
        calls.append(options)
        write_raw(pathlib.Path(source_dir))

    spec = dataclasses.replace(
        rxrx19a.SCREEN, generate=generate, options=("seed", "doses")
    )
    monkeypatch.setattr(screen, "load", lambda config: spec)
    c = settings(tmp_path / "drawn")
    prepare.run(c, "")
    assert calls == [c.simulate]
    assert prepared.open_prepared(c.data.dir).records == RECORDS
    shutil.rmtree(tmp_path / "drawn")
    c.simulate.workers = 7
    prepare.run(c, "")
    assert len(calls) == 1
    c.simulate.seed = 9
    with pytest.raises(InputError, match="otherwise: simulate.seed was 0, is 9"):
        prepare.run(c, "")
    assert len(calls) == 1


@pytest.mark.real_data
def test_bbbc013(shared, tmp_path):
    """The real screen: statistics and sites equal Pillow's and NumPy's."""
    source = shared / "data/bbbc013_rows_a_d"
    c = settings(source)
    c.data.update(name="bbbc013", dir=str(tmp_path / "out"))
    prepare.run(c, "")
    opened = prepared.open_prepared(c.data.dir)
    assert opened.channels == ("fkhr_gfp", "dna") and opened.records == 48
    assert (opened.height_px, opened.width_px, opened.bit_depth) == (640, 640, 8)
    for i, name in enumerate(opened.channels):
        files = sorted(source.glob(f"images/*/*/*_w{i + 1}.png"))
        every = np.stack([np.asarray(Image.open(file)) for file in files])
        low, high = np.percentile(every, [0.1, 99.9])
        got = opened.statistics[name]
        wanted = [low, high, every.mean(), every.std(), every.min(), every.max()]
        assert list(got.values()) == pytest.approx(wanted)
    row, site = next(iter(tiles.sites(opened, 2, ("dna",))))
    well = opened.table["Metadata_Well"][row]
    file = source / f"images/U2OS-1/Plate1/{well}_s1_w2.png"
    np.testing.assert_array_equal(site[..., 0], np.asarray(Image.open(file)))


def test_a_crop_that_does_not_fit_is_refused_before_anything_is_written(raw):
    """Where a job comes next that cuts crops; with the largest that networks take."""
    c = settings(raw)
    c.data.crop_px = 64
    told = f"have {SIZE}x{SIZE} px: choose {SIZE}, the largest .*, or set .*pad_px"
    with pytest.raises(InputError, match=told):
        prepare.run(c, "", after=("train", "embed"))
    assert not pathlib.Path(c.data.dir).exists()
    c.data.crop_px, c.data.downscale = SIZE, 3
    with pytest.raises(InputError, match="choose 4, the largest that fits"):
        prepare.run(c, "", after=("embed",))
    prepare.run(c, "", after=("evaluate", "report"))
