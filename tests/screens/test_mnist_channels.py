"""Digits in channels of known importance: the screen, its truth, and its levels."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gandl_jax import config as configs
from gandl_jax import config_files
from gandl_jax import main as program
from gandl_jax.errors import InputError
from gandl_jax.raw import image_files
from gandl_jax.raw.screen import load, read_metadata, table
from gandl_jax.screens import mnist_channels
from gandl_jax.simulated import digits, drawing

P = (0.4, 0.9, 0.1)


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """Of few records, and of digits that are rectangles, larger with the label."""
    file = tmp_path_factory.mktemp("digits") / "mnist.npz"
    rng, made = np.random.default_rng(0), {}
    for part, count in (("train", 600), ("test", 300)):
        labels = rng.permutation(np.arange(count) % 10)
        images = rng.integers(0, 60, (count, 28, 28)).astype(np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[3 : 6 + 2 * label, 3:25] += 190
        # The corner tells the part, so that mixed parts would show.
        images[:, 0, 0] = 77 if part == "train" else 99
        made |= {f"x_{part}": images, f"y_{part}": labels}
    np.savez(file, **made)
    sizes = {"train_records": 100, "test_records": 50, "workers": 2}
    return {"seed": 3, "probabilities": P, "digits_file": str(file)} | sizes


@pytest.fixture(scope="module")
def drawn(options, tmp_path_factory):
    folder = tmp_path_factory.mktemp("screen")
    mnist_channels.generate(str(folder), options)
    return folder


def files(folder):
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def images_of(folder):
    """{record: [28, 28, 3] uint8}."""
    return {
        path.stem: image_files.decode_tiff(path.read_bytes())[1]
        for path in (folder / "images").iterdir()
    }


def spec_of(probabilities=P):
    config = configs.default()
    config.data.name = "mnist_channels"
    config.simulate.probabilities = probabilities
    return load(config)


def test_the_table_names_label_and_part(drawn):
    records = table(spec_of(), read_metadata(spec_of(), str(drawn)))
    assert records["Metadata_Split"].value_counts().to_dict() == {
        "train": 100,
        "test": 50,
    }
    counts = records.groupby("Metadata_Split")["Metadata_Digit"].value_counts()
    assert set(counts["train"]) == {10} and set(counts["test"]) == {5}
    assert spec_of().channels == ("c1", "c2", "c3")
    assert len(spec_of((0.5,) * 8).channels) == 8


def test_truth_is_what_the_images_show(drawn, options):
    """Each digit's size tells its label, independently of the tables."""
    truth = pd.read_csv(drawn / "truth_records.csv").set_index("record_id")
    for record, pixels in images_of(drawn).items():
        rows = (pixels[:, 3:25].mean(1) > 128).sum(0)
        labels = (rows - 3) // 2
        assert labels.tolist() == truth.loc[record, ["c1", "c2", "c3"]].tolist()
    channels = pd.read_csv(drawn / "truth_channels.csv")
    assert channels["channel"].tolist() == ["c1", "c2", "c3"]
    assert channels["truth"].tolist() == list(P)
    for part, count in (("train", 100), ("test", 50)):
        mine = truth[truth["dataset"] == part]
        shown = np.array([(mine[c] == mine["label"]).mean() for c in truth.columns[2:]])
        np.testing.assert_allclose(channels[f"shown_{part}"], shown)
        low, high = stats.binom.ppf([1e-4, 1 - 1e-4], count, np.array(P)[:, None]).T
        assert ((low <= shown * count) & (shown * count <= high)).all()


def test_parts_share_no_digit(drawn):
    for record, pixels in images_of(drawn).items():
        expected = 77 if record.startswith("train") else 99
        levels = pixels[0, 0] / digits.WHITE * 249  # the brightest are about 249
        assert np.abs(levels - expected).max() < 8, record


def test_channels_have_the_same_contrast_and_levels(drawn):
    stack = np.stack(list(images_of(drawn).values())).astype(float)
    assert (stack.min((1, 2)) == 0).all() and (stack.max((1, 2)) == digits.WHITE).all()
    for percent in (0.1, 50, 99.9):
        levels = np.percentile(stack, percent, axis=(0, 1, 2))
        assert np.ptp(levels) <= 3, "no stretching tells channels apart"
    means = stack.mean((1, 2))
    for channel in (0, 2):
        assert stats.ttest_ind(means[:, channel], means[:, 1]).pvalue > 1e-3


def test_bytes_do_not_depend_on_the_number_of_workers(drawn, options, tmp_path):
    mnist_channels.generate(str(tmp_path), options | {"workers": 1})
    assert files(tmp_path) == files(drawn)
    other = tmp_path / "other"
    mnist_channels.generate(str(other), options | {"seed": 4})
    assert (other / "metadata.csv").read_bytes() != files(drawn)["metadata.csv"]


def test_a_killed_drawing_leaves_nothing_finished_and_goes_on(
    drawn, options, tmp_path, monkeypatch
):
    def die(wanted, workers, draw_one, what):
        for record in wanted[:3]:
            draw_one(record)
        raise KeyboardInterrupt

    (tmp_path / "images").mkdir()
    with monkeypatch.context() as patched:
        patched.setattr(drawing, "draw_all", die)
        with pytest.raises(KeyboardInterrupt):
            mnist_channels.generate(str(tmp_path), options)
    assert not (tmp_path / "metadata.csv").exists()
    first = {p: p.stat().st_mtime_ns for p in (tmp_path / "images").iterdir()}
    assert len(first) == 3
    mnist_channels.generate(str(tmp_path), options)
    assert files(tmp_path) == files(drawn)
    assert {p: p.stat().st_mtime_ns for p in first} == first


def test_a_finished_screen_needs_no_digits_and_no_other_is_mixed_in(drawn, options):
    gone = options | {"digits_file": "nowhere.npz"}
    mnist_channels.generate(str(drawn), gone)
    for change in ({"probabilities": (0.1, 0.9, 0.4)}, {"test_records": 60}):
        with pytest.raises(InputError, match=f"other options .*{list(change)[0]}"):
            mnist_channels.generate(str(drawn), gone | change)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"probabilities": ()}, "name one of each channel"),
        ({"probabilities": (0.5, 1.2)}, r"\(0.5, 1.2\).*from 0 to 1"),
        ({"test_records": 5}, "test_records is 5"),
        ({"train_records": 700}, "has 60"),
        ({"digits_file": "nowhere.npz"}, "nowhere.npz does not exist: download"),
    ],
)
def test_what_is_refused_is_refused_before_anything_is_written(
    options, tmp_path, change, message
):
    with pytest.raises(InputError, match=message):
        mnist_channels.generate(str(tmp_path / "new"), options | change)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name, informative", [("channels", 8), ("distractors", 3)])
def test_its_configs_say_which_channels_tell_the_digit(name, informative, request):
    root = request.config.rootpath.parent
    config = config_files.load(f"{root}/configs/mnist_{name}.py:method=classifier")
    p = np.array(config.simulate.probabilities)
    assert len(p) == 8 and (p > 0.1).sum() == informative
    assert config.data.label == "Digit" and config.train.hold_out == "given"
    assert config.data.dir == f"data/mnist_{name}"
    smoke = config_files.load(f"{root}/configs/mnist_{name}.py:smoke")
    assert smoke.data.source_dir == f"data/raw/mnist_{name}-smoke"
    assert smoke.simulate.train_records < config.simulate.train_records


@pytest.mark.slow
def test_its_test_digits_are_never_trained_on(request, options, tmp_path):
    root = request.config.rootpath.parent
    words = [
        f"--config={root}/configs/mnist_distractors.py:smoke,method=classifier",
        f"--workdir={tmp_path}/w",
        f"--config.data.source_dir={tmp_path}/raw",
        f"--config.data.dir={tmp_path}/prepared",
        f"--config.simulate.digits_file={options['digits_file']}",
        "--config.data.workers=1",
        "--config.train.devices=1",
        "--config.train.total_images=64",
    ]
    assert program.main([*words, "--job=prepare,train"]) == 0
    seen = pd.read_parquet(tmp_path / "w/trained_on.parquet")
    records = set(pd.read_csv(tmp_path / "raw/metadata.csv")["record_id"])
    assert set(seen["record_id"]) == {r for r in records if r.startswith("train")}
    assert program.main([*words, "--job=prepare"]) == 0  # again: nothing to do
