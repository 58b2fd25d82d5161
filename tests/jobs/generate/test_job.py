"""Generated images are a prepared screen that other jobs open, whatever kills a run."""

import contextlib
import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import jax
import numpy as np
import pandas as pd
import pytest
from etils import epath

from gandl_jax import csv_files, files, pictures
from gandl_jax.jobs.generate import real_images
from gandl_jax.prepared import prepared, shards, write_description
from gandl_jax.prepared.description import GENERATED
from gandl_jax.reading import tiles
from gandl_jax.training import trained_on, trained_on_table

ALL = (
    "--config.generate.select=none",
    "--config.generate.images_per_class=10",
    "--config.generate.candidates=1.5",
    "--config.generate.batch=8",
    "--config.data.records_per_shard=8",
)


@pytest.fixture(scope="module")
def generate(run, generator, generator_words):
    """Function that generates into a folder; gives the exit code."""

    def make(folder, *settings):
        words = f"--job=generate,--config.generate.dir={folder}".split(",")
        words += [*generator_words, *ALL, *settings]
        return run(generator, *words, method="small_gan")

    return make


@pytest.fixture(scope="module")
def made(generate, tmp_path_factory):
    """A folder of 10 images of each class."""
    folder = tmp_path_factory.mktemp("made") / "prepared"
    assert generate(folder) == 0
    return folder


def images_of(folder):
    """Record to pixels, of a prepared screen."""
    opened = prepared.open_prepared(str(folder))
    ids = opened.table["Metadata_Record_ID"].tolist()
    return {ids[row]: site for row, site in tiles.sites(opened, None, ())}


def test_each_class_has_as_many_images_as_asked_for(made, smoke_screen, generator):
    opened = prepared.open_prepared(str(made))
    former = prepared.open_prepared(str(smoke_screen.prepared))
    classes = sorted(former.table["Metadata_Condition"].unique())
    counts = opened.table["Metadata_Condition"].value_counts().to_dict()
    assert counts == dict.fromkeys(classes, 10)
    assert opened.channels == former.channels and opened.name == former.name
    assert (opened.height_px, opened.width_px, opened.bit_depth) == (8, 8, 8)
    for name in opened.channels:
        for end in ("low", "high"):
            ours, theirs = (one.statistics[name][end] for one in (opened, former))
            assert ours == theirs, "levels are those of the training"
    assert opened.records == 10 * len(classes) == len(images_of(made))
    assert opened.table["Metadata_Record_ID"].str.startswith("generated-").all()
    plan = opened.description["plan"][GENERATED]
    assert plan["step"] == 1 and plan["images"] == counts
    digest = plan["trained_on_sha256"]
    seen = trained_on_table.read_file(epath.Path(made) / "trained_on.parquet", digest)
    pd.testing.assert_frame_equal(seen, trained_on.read(epath.Path(generator)))
    assert not (made / prepared.WORK).exists()


def test_an_image_is_the_generators_at_its_key_in_grey_levels(
    made, generator, generator_words, run, smoke_screen
):
    from gandl_jax import command_line, config_files
    from gandl_jax import config as configs
    from gandl_jax.jobs.generate import drawn_by

    words = run.words(generator, *generator_words, *ALL, method="small_gan")
    rest, settings = command_line.split(words)
    config = config_files.load(rest[0].partition("=")[2])
    configs.override(config, settings)
    made_by = drawn_by.load(config, epath.Path(generator))
    former = prepared.open_prepared(str(smoke_screen.prepared))
    ends = former.ranges(former.channels, "dataset")[0]
    found = images_of(made)
    for code, number in ((0, 0), (1, 7), (2, 9)):
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(0), code), number)
        labels = {"Condition": np.array([code])}
        image = made_by.method.samples(made_by.state, key[None], labels)[0]
        share = (np.asarray(image, np.float64).clip(-1, 1) + 1) / 2
        expected = ends[0] + share * (ends[1] - ends[0])
        (name,) = (n for n in found if n.endswith(f"-{code}-{number:06d}"))
        assert np.abs(found[name] - expected).max() <= 0.51


def test_tables_and_grids_tell_what_was_done(made, generator, smoke_screen):
    counts = csv_files.read(generator / "generated/counts.csv")
    former = prepared.open_prepared(str(smoke_screen.prepared)).table
    before = former["Metadata_Condition"].value_counts()
    for row in counts.to_dict("records"):
        assert int(row["training_records"]) == before[row["class"]]
        drawn = row["candidates"], row["let_through"], row["kept"]
        assert drawn == ("15", "15", "10")
        assert int(row["after"]) == before[row["class"]] + 10
    near = csv_files.read(generator / "generated/copies.csv")
    assert set(near["record"]) == set(images_of(made))
    assert set(near["nearest_training_record"]) <= set(former["Metadata_Record_ID"])
    grids = sorted((generator / "generated/grids").glob("*composite.png"))
    assert len(grids) == len(before)
    words = {pictures.read_words(grid) for grid in grids}
    assert words == {(f"real {name}", f"generated {name}") for name in before.index}


def test_other_jobs_open_it(made, generator, run, tmp_path, generator_words, capsys):
    settings = (
        f"--config.data.dir={made}",
        "--config.data.source_dir=",
        f"--config.embed.checkpoint={generator}",
        "--config.embed.steps=last",
    )
    words = "--job=verify,embed", *generator_words, *settings
    assert run(tmp_path / "w", *words, method="small_gan") == 0
    told = capsys.readouterr().out
    assert "all 30 records are as prepared" in told
    assert list((tmp_path / "w/profiles/simulated").glob("small_gan@1/part-*.parquet"))


def test_again_there_is_nothing_to_do_and_others_are_refused(generate, made, capsys):
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    assert generate(made) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert generate(made, "--config.generate.seed=1") == 2
    assert "holds other images, of another seed: choose" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*")} == before


def test_more_than_pass_is_refused_and_what_was_drawn_is_kept(
    generate, tmp_path, capsys
):
    folder = tmp_path / "few"
    asked = "--config.generate.select=entropy", "--config.generate.candidates=1"
    assert generate(folder, *asked) == 2  # an untrained generator draws nothing real
    told = capsys.readouterr().err
    assert "config.generate.select=entropy lets through" in told and "of 10 of" in told
    assert not prepared.is_complete(str(folder))
    kept = sorted((folder / prepared.WORK).rglob("candidates/*.npy"))
    assert len(kept) == 6
    assert generate(folder, "--config.generate.candidates=1.5") == 0
    assert len(images_of(folder)) == 30


class _Killed(BaseException):
    """What nothing catches."""


def _killing(fn, count):
    """The same, which ends everything at its `count`-th call, after it has worked."""
    left = [count]

    @functools.wraps(fn)
    def called(*args, **options):
        result = fn(*args, **options)
        left[0] -= 1
        if left[0] == 0:
            raise _Killed
        return result

    return called


PLACES = (  # where a run ends, and at which call
    (np, "save", 2),
    (np, "save", 7),
    (shards, "write", 1),
    (shards, "write", 2),
    (write_description, "_write_records", 1),
)


@pytest.mark.parametrize("module, name, count", PLACES)
def test_ended_anywhere_it_goes_on_to_the_same_images(
    module, name, count, generate, made, tmp_path, monkeypatch
):
    folder = tmp_path / "prepared"
    with monkeypatch.context() as patch:
        patch.setattr(module, name, _killing(getattr(module, name), count))
        with contextlib.suppress(_Killed):
            assert generate(folder) != 0
    assert not prepared.is_complete(str(folder))
    assert generate(folder) == 0
    _assert_same(folder, made)


def _assert_same(folder, made):
    found, wanted = images_of(folder), images_of(made)
    assert found.keys() == wanted.keys(), "nothing is lost or doubled"
    for record, image in wanted.items():
        np.testing.assert_array_equal(found[record], image)
    ours, theirs = (
        {p.name: files.sha256(p) for p in one.glob("*.tfrecord-*")}
        for one in (folder, made)
    )
    assert ours == theirs, "byte for byte"


# Runs the program, which kills itself at the n-th file that gets its final name.
KILLED = """
import os, signal, sys
from gandl_jax import files, main
left = int(sys.argv[1])
former = files._to_disk
def to_disk(path):
    global left
    left -= 1
    if left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return former(path)
files._to_disk = to_disk
sys.exit(main.main(sys.argv[2:]))
"""


@pytest.mark.slow
def test_killed_20_times_nothing_is_lost_or_doubled(
    run, generate, generator, generator_words, made, tmp_path
):
    folder, own = tmp_path / "prepared", tmp_path / "workdir"
    shutil.copytree(generator, own)
    words = run.words(
        own,
        "--job=generate",
        f"--config.generate.dir={folder}",
        *generator_words,
        *ALL,
        method="small_gan",
    )
    root = str(pathlib.Path(__file__).resolve().parents[3])
    for count in range(1, 21):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(count % 5 + 1), *words],
            env=dict(os.environ, PYTHONPATH=root),
            capture_output=True,
            text=True,
        )
        assert done.returncode in (-signal.SIGKILL, 0), done.stderr
    assert run(own, *words[2:], method="small_gan") == 0
    _assert_same(folder, made)


BAD = [
    (
        "--config.generate.classes=Sick",
        "names 'Sick', of which the generator never",
    ),
    ("--config.generate.select=entropie", "did you mean 'entropy'"),
    ("--config.generate.step=7", "there is no checkpoint '7'"),
    ("--config.generate.candidates=0.5", "should be 1 or more"),
    ("--config.data.illumination=plate", "is another experiment's"),
]


@pytest.mark.parametrize("setting, words", BAD)
def test_bad_input_is_told_and_nothing_is_written(
    setting, words, generate, tmp_path, capsys
):
    assert generate(tmp_path / "none", setting) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_training_without_classes_or_samples_draws_nothing(
    run, trained, tmp_path, capsys
):
    steps = "--config.train.total_images=32"
    assert run(trained, "--job=generate", steps) == 2
    assert "config.data.label names none" in capsys.readouterr().err
    labelled = "--config.data.label=Condition"
    folder = tmp_path / "c"
    assert run(folder, "--job=train", labelled, steps, method="classifier") == 0
    assert run(folder, "--job=generate", labelled, steps, method="classifier") == 2
    assert "the method classifier draws no images" in capsys.readouterr().err


def test_held_out_records_leave_no_trace(
    run, generator, smoke_screen, generator_words, tmp_path, monkeypatch
):
    """White images and other classes in held-out records change nothing at all."""
    found = {}
    measure = real_images.measure
    for marked in (False, True):
        own = tmp_path / str(marked)
        raw = own / "raw"
        shutil.copytree(smoke_screen.source, raw)
        if marked:
            _mark(raw)
        seen = {}

        def kept(*args, seen=seen, **options):
            seen["real"] = measure(*args, **options)
            return seen["real"]

        monkeypatch.setattr("gandl_jax.jobs.generate.running.real_images.measure", kept)
        code = run(
            own / "w",
            "--job=prepare,train,generate",
            f"--config.data.source_dir={raw}",
            f"--config.data.dir={own / 'prepared'}",
            "--config.train.hold_out=plate:HRCE-1/2",
            "--config.generate.images_per_class=5",
            "--config.generate.candidates=4",
            "--config.generate.select=none",
            *generator_words,
            method="small_gan",
        )
        assert code == 0
        images = images_of(own / "w/generated/prepared")
        of_place = {name.split("-", 2)[2]: image for name, image in images.items()}
        note = json.loads((own / "w/checkpoints/1/config/metadata").read_text())
        found[marked] = of_place, seen["real"], note["source"]
    (clean, real, source), (with_marks, real_too, source_too) = found.values()
    assert source["class_counts"] == source_too["class_counts"], "and so its weights"
    assert clean.keys() == with_marks.keys()
    for name, image in clean.items():
        np.testing.assert_array_equal(image, with_marks[name])
    np.testing.assert_array_equal(real.measured, real_too.measured)
    np.testing.assert_array_equal(real.thumbnails, real_too.thumbnails)
    np.testing.assert_array_equal(real.code, real_too.code)


def _mark(raw):
    """Makes all images of a plate white, and its records of one class."""
    table = pd.read_csv(raw / "metadata.csv", dtype=str, keep_default_na=False)
    marked = (table["experiment"] == "HRCE-1") & (table["plate"] == "2")
    assert 0 < marked.sum() < len(table)
    table.loc[marked, "disease_condition"] = "Mock"
    table.to_csv(raw / "metadata.csv", index=False)
    from gandl_jax.screens import simulated

    for row in table[marked].to_dict("records"):
        for path in simulated.SCREEN.image_paths(row):
            white = np.full_like(np.asarray(pictures.Image.open(raw / path)), 255)
            pictures.Image.fromarray(white).save(raw / path)
