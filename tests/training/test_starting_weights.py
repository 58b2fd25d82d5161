"""Training and embedding that start from networks of a file or of another training."""

import json
import re
import shutil

import jax
import numpy as np
import pytest

from gandl_jax import config as configs
from gandl_jax import file_hashes
from gandl_jax import workdir as workdirs
from gandl_jax.checkpoint import Checkpoints
from gandl_jax.methods.source import Source
from gandl_jax.models.stylegan2 import npz_weights, stylegan2
from gandl_jax.profiles import store
from gandl_jax.training import encoders, loop, opening, starting_weights

REFERENCE = "reference/stylegan2_16px_5ch.npz"
ORDER = [0, 2, 4, 6, 1, 3, 5, 7]  # their deviation groups are strided, ours contiguous
SIZES = (
    "--config.data.crop_px=16",
    "--config.model.channel_base=512",
    "--config.model.channel_max=64",
    "--config.model.latent_dim=64",
)
ONE_STEP = "--config.train.total_images=32"
LABEL = "--config.data.label=condition"
CONDITIONAL = (LABEL, "--config.model.label_layers=2")


@pytest.fixture(scope="module")
def saved(shared):
    with np.load(shared / REFERENCE) as file:
        return dict(file)


@pytest.fixture
def only_start(monkeypatch):
    """Training saves its first state and takes no step."""
    monkeypatch.setattr(loop, "_loop", lambda *_: (0, ""))


def restored(workdir, step=0):
    import orbax.checkpoint as ocp

    folder = (workdir / "checkpoints" / str(step) / "train").absolute()
    return ocp.StandardCheckpointer().restore(folder)


def close(ours, theirs, tolerance=2e-5):
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    assert np.linalg.norm(ours - theirs) < tolerance * np.linalg.norm(theirs)


def same_trees(ours, theirs):
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


@pytest.mark.slow
@pytest.mark.real_data
def test_a_training_starts_as_the_network_of_another_implementation(
    run, saved, shared, tmp_path, only_start
):
    start = f"--config.train.start_from={shared / REFERENCE}"
    assert run(tmp_path, "--job=prepare,train", *SIZES, start) == 0
    state = restored(tmp_path)
    images = saved["in/images"].transpose(0, 2, 3, 1)[ORDER]
    sizes = {"size": 16, "base": 512, "widest": 64}
    d = stylegan2.Discriminator(group=4, **sizes)
    logits = jax.jit(d.apply)({"params": state["d_average"]}, images)
    close(np.asarray(logits)[:, None], saved["out/logits_real"][ORDER])
    synthesis = stylegan2.Synthesis(channels=5, **sizes)
    g = state["g"]
    mapping = jax.jit(stylegan2.Mapping(3, 64).apply)
    w = np.asarray(mapping({"params": g["mapping"]}, saved["in/z"]))
    ws = stylegan2.truncate(np.repeat(w[:, None], 6, 1), state["w_average"], 0.5)
    close(ws, saved["out/ws_psi_0.5"])
    names = [n for n in saved if n.endswith("noise_const")]
    noise = npz_weights.stored_noise(
        {n.removeprefix("generator/"): saved[n] for n in names}
    )
    drawn = jax.jit(synthesis.apply)({"params": g["synthesis"]}, saved["out/ws"], noise)
    close(np.asarray(drawn).transpose(0, 3, 1, 2), saved["out/generated"])
    same_trees(state["g"], state["g_average"])
    same_trees(state["d"], state["d_average"])
    assert not any(np.any(x) for x in jax.tree.leaves(state["d_optimiser"]))
    note = workdirs.noted(tmp_path, "start")
    assert note["from"] == str(shared / REFERENCE) and note["trained_on"] is None


@pytest.mark.real_data
def test_a_file_embeds_as_another_implementation_sees(saved, shared, tmp_path):
    config = configs.default()
    config.data.crop_px = 16
    config.embed.checkpoint = str(shared / REFERENCE)
    theirs = opening.encoder_config(config)
    assert (theirs.model.channel_base, theirs.model.channel_max) == (512, 64)
    method = opening.make_method(theirs, Source(tuple("abcde")))
    floor, encoder = encoders.choose(config, theirs, method, None, None, None)
    assert floor.name == "gan@0" and encoder.name == "gan@stylegan2_16px_5ch"
    images = saved["in/images"].transpose(0, 2, 3, 1)
    embed = jax.jit(method.embed)
    sets = embed(encoder.weights(), images)
    for block, r in (("b16", 16), ("b8", 8)):
        maps = saved[f"out/features_after_b{r}"].astype(np.float64)
        expected = np.concatenate([maps.mean((2, 3)), maps.std((2, 3))], 1)
        close(sets[block], expected)
    untrained = np.asarray(embed(floor.weights(), images)["b8"])
    assert np.abs(untrained - np.asarray(sets["b8"])).max() > 0.01
    assert encoder.note["saw_images"] is None and floor.note["saw_images"] is False


def small_file(path, channels, *, size=8, classes=0, discriminator_only=False):
    """A file of networks as `run` has them, but for the channels; gives its arrays."""
    sizes = npz_weights.Architecture(size, channels, 64, 8, 8, 3, classes, 2)
    shapes = {"D": npz_weights.discriminator_shapes(sizes)}
    if not discriminator_only:
        shapes["G"] = npz_weights.generator_shapes(sizes)
    rng = np.random.default_rng(0)
    arrays = {
        f"{part}/{name}": rng.normal(size=shape).astype("f4")
        for part, named in shapes.items()
        for name, shape in named.items()
    }
    np.savez(path, **arrays)
    return arrays


def test_profiles_of_a_file_with_other_channels(run, tmp_path, capsys):
    other = tmp_path / "other 7.npz"
    arrays = small_file(other, 3, classes=4, discriminator_only=True)
    arguments = (
        f"--config.embed.checkpoint={tmp_path}/other 7.npz",
        "--config.embed.checkpoint_channels=2,0,mean,1,1",
        "--config.embed.steps=last",
    )
    work = tmp_path / "w"
    assert run(work, "--job=prepare,embed", *arguments) == 0
    folder = work / "profiles" / "simulated"
    names = {path.name for path in folder.iterdir()}
    assert names == {"gan@other-7", "intensity"}
    note = store.made_from(folder / "gan@other-7")
    assert note["encoder"]["file"] == "other 7.npz"
    assert note["encoder"]["channels"] == [2, 0, None, 1, 1]
    assert note["encoder"]["classes"] == 4
    assert "learnt with labels of 4 classes" in capsys.readouterr().out
    # The same weights, for five channels and without labels, give the same profiles.
    old = arrays["D/b8.fromrgb.weight"] / np.sqrt(3)
    five = np.stack([old[:, 2], old[:, 0], old.mean(1), old[:, 1], old[:, 1]], 1)
    arrays["D/b8.fromrgb.weight"] = five * 3 / 5 * np.sqrt(5)
    arrays |= {f"D/b4.out.{k}": arrays[f"D/b4.out.{k}"][:1] for k in ("weight", "bias")}
    arrays = {k: v for k, v in arrays.items() if not k.startswith("D/mapping")}
    np.savez(tmp_path / "five.npz", **arrays)
    five = f"--config.embed.checkpoint={tmp_path}/five.npz"
    assert run(work, "--job=embed", five, arguments[2]) == 0
    mine, theirs = (store.read(folder / f"gan@{n}")["b8"] for n in ("other-7", "five"))
    assert np.ptp(mine.features, axis=0).max() > 0.01
    np.testing.assert_allclose(mine.features, theirs.features, rtol=1e-4, atol=1e-5)
    assert run(work, "--job=embed", arguments[0], arguments[2]) == 2
    assert "was made from other encoder" in capsys.readouterr().err


@pytest.mark.slow
def test_a_training_goes_on_from_another_ones_networks(
    run, trained, tmp_path, capsys, monkeypatch
):
    source, work = tmp_path / "source", tmp_path / "w"
    shutil.copytree(trained, source)
    start = f"--config.train.start_from={source}"
    first = "--config.embed.steps=first"
    assert run(work, "--job=train,embed", start, ONE_STEP, first) == 0
    before, after = restored(source, 1), restored(work)
    for name in ("g", "d", "g_average", "d_average", "w_average"):
        same_trees(after[name], before[name])
    assert any(np.any(x) for x in jax.tree.leaves(before["d_optimiser"]))
    assert not any(np.any(x) for x in jax.tree.leaves(after["d_optimiser"]))
    assert int(after["step"]) == 0
    # What it was given is called so, and untrained is what has not been trained.
    own, theirs = (f / "profiles" / "simulated" for f in (work, source))
    for mine, other in (("gan@start", "gan@1"), ("gan@0", "gan@0")):
        features = (
            store.read(folder / name)["b8"].features
            for folder, name in ((own, mine), (theirs, other))
        )
        np.testing.assert_allclose(*features, rtol=1e-5, atol=1e-6)
    saw = [store.made_from(own / name)["saw_images"] for name in ("gan@0", "gan@start")]
    assert saw == [False, True]

    monkeypatch.setattr(loop, "_loop", lambda *_: (0, ""))
    # It has begun: the other may be gone, or lie elsewhere, but be no other.
    arguments = ("--job=train", "--config.train.total_images=64")
    source.rename(tmp_path / "moved")
    assert run(work, *arguments, start) == 0
    assert Checkpoints(work).steps() == [0, 1]
    moved = f"--config.train.start_from={tmp_path}/moved"
    assert run(work, *arguments, moved) == 0
    small_file(tmp_path / "file.npz", 5)
    other = f"--config.train.start_from={tmp_path}/file.npz"
    for wrong, told in (
        (other, f"started from {source}, and .*file.npz holds something else"),
        (
            start.rpartition("=")[0] + "=",
            "its train.start_from is .*, this config's ''",
        ),
    ):
        recorded = (work / "config.json").read_bytes()
        assert run(work, *arguments, wrong) == 2
        assert re.search(told, capsys.readouterr().err)
        assert (work / "config.json").read_bytes() == recorded


VIRUS = "SARS-CoV-2"
CLASSES = [f"Active {VIRUS}", "Mock", f"UV Inactivated {VIRUS}"]
MORE_CLASSES = (
    r"more.npz has generator/mapping.embed.weight of shape \[8, 4\], the config of "
    r"shape \[8, 3\]: set --config.data.label=COLUMN \(one of 4 values\)$"
)


@pytest.fixture(scope="module")
def conditional(run, trained, tmp_path_factory):
    """A training of 2 steps with labels, in parts, from a file; the file's arrays."""
    del trained  # which has prepared the screen
    folder = tmp_path_factory.mktemp("conditional")
    arrays = small_file(folder / "labels.npz", 5, classes=3)
    arguments = (
        *CONDITIONAL,
        f"--config.train.start_from={folder}/labels.npz",
        "--config.train.accumulate=2",
        "--config.train.total_images=64",
        "--config.method.augment=none",  # which compiles sooner
        "--config.method.path_weight=0",
    )
    assert run(folder / "w", "--job=train,embed", *arguments) == 0
    return folder / "w", arrays


@pytest.mark.slow
def test_a_training_with_labels_starts_from_a_file_with_labels(conditional):
    workdir, arrays = conditional
    g, d = (restored(workdir)[name] for name in "gd")
    for ours, theirs in (
        (g["mapping"]["dense0"]["weight"], arrays["G/mapping.fc0.weight"]),
        (g["mapping"]["embed"]["weight"], arrays["G/mapping.embed.weight"]),
        (d["mapping"]["dense1"]["weight"], arrays["D/mapping.fc1.weight"]),
        (d["mapping"]["embed"]["bias"], arrays["D/mapping.embed.bias"]),
        (d["logit"]["weight"], arrays["D/b4.out.weight"]),
    ):
        np.testing.assert_array_equal(np.asarray(ours).T, theirs)
    last = (workdir / "metrics.jsonl").read_text().splitlines()[-1]
    assert np.isfinite(json.loads(last)["d/loss"])
    assert Checkpoints(workdir).notes(2)["data.classes"] == CLASSES
    moved = restored(workdir, 2)["d"]["mapping"]["embed"]["weight"]
    assert np.any(np.asarray(moved).T != arrays["D/mapping.embed.weight"])


@pytest.mark.slow
def test_profiles_say_which_label_their_encoder_learnt(conditional):
    profiles = conditional[0] / "profiles" / "simulated"
    for name, label in (("@0", None), ("@start", "condition"), ("@2", "condition")):
        assert store.made_from(profiles / f"gan{name}").get("learnt_label") == label
        assert (profiles / f"gan{name}" / "_SUCCESS").exists()


@pytest.mark.slow
def test_other_classes_are_refused(run, conditional, tmp_path, capsys):
    shutil.copytree(conditional[0], tmp_path / "w")
    small_file(tmp_path / "more.npz", 5, classes=4)
    start = "--config.train.start_from={}/{}"
    metadata = tmp_path / "w" / "checkpoints" / "2" / "config" / "metadata"
    renamed = metadata.read_text().replace("Mock", "Dead")
    metadata.write_text(renamed)
    file_hashes.write(tmp_path / "w" / "checkpoints" / "2")
    assert "Dead" in renamed
    for arguments, told in (
        ((*CONDITIONAL, start.format(tmp_path, "more.npz")), MORE_CLASSES),
        (
            (start.format(tmp_path, "w"),),
            "'condition', .* is '': name a column in both",
        ),
        (
            (*CONDITIONAL, start.format(tmp_path, "w")),
            "class 2 is 'Dead' there and 'Mock' here",
        ),
    ):
        assert run(tmp_path / "refused", "--job=train", *arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert re.search(told, line), line
        assert not (tmp_path / "refused").exists()


def test_channels_are_found_by_name(run, trained, tmp_path, only_start, capsys):
    arguments = (
        "--job=train",
        f"--config.train.start_from={trained}",
        "--config.data.channels=golgi,nuclei",
    )
    assert run(tmp_path / "named", *arguments) == 0
    assert "as ours: golgi from golgi, nuclei from nuclei" in capsys.readouterr().out
    mixed = "--config.train.start_channels=mean,actin"
    assert run(tmp_path / "mixed", *arguments, mixed) == 0
    assert "golgi from the mean, nuclei from actin" in capsys.readouterr().out
    before = restored(trained, 1)
    names = json.loads((trained / "checkpoints/1/config/metadata").read_text())
    names = names["data.channels"]
    old = before["d"]["from_image"]["weight"] / np.sqrt(5)
    drawn = before["g"]["synthesis"]["b8_image"]["weight"]
    named, mixed = restored(tmp_path / "named"), restored(tmp_path / "mixed")
    golgi, nuclei, actin = (names.index(n) for n in ("golgi", "nuclei", "actin"))
    for state, sources in (
        (named, [old[:, :, golgi], old[:, :, nuclei]]),
        (mixed, [old.mean(2), old[:, :, actin]]),
    ):
        new = state["d"]["from_image"]["weight"] / np.sqrt(2)
        np.testing.assert_allclose(new, np.stack(sources, 2) * 5 / 2, rtol=1e-5)
    weights = named["g"]["synthesis"]["b8_image"]["weight"]
    np.testing.assert_array_equal(weights, drawn[..., [golgi, nuclei]])


START = {"from": "other", "sha256": "0"}
SEEN = {"dataset": "rxrx1", "prepared": "plan", "metadata_sha256": "0"}


@pytest.mark.parametrize(
    "before, seen",
    [
        (None, ["simulated"]),
        (START | {"trained_on": [SEEN]}, ["simulated", "rxrx1"]),
        (START | {"trained_on": None}, None),
    ],
)
def test_a_training_remembers_what_the_one_before_it_saw(tmp_path, before, seen):
    config = configs.default()
    workdirs.record(tmp_path / "source", config, "")
    workdirs.note(tmp_path / "source", "prepared", "plan")
    if before:
        workdirs.note(tmp_path / "source", "start", before)
    for step in ("0", "20", "100", "3.orbax-checkpoint-tmp"):
        (tmp_path / "source/checkpoints" / step).mkdir(parents=True)
        (tmp_path / "source/checkpoints" / step / file_hashes.MANIFEST).touch()
    config.train.start_from = str(tmp_path / "source")
    note = starting_weights.describe(config)
    assert note["step"] == 100
    found = note["trained_on"] and [images["dataset"] for images in note["trained_on"]]
    assert found == seen
    # However far it goes on, it is the same training; with another seed it is not.
    (tmp_path / "source/checkpoints/200").mkdir()
    (tmp_path / "source/checkpoints/200" / file_hashes.MANIFEST).touch()
    assert starting_weights.describe(config)["sha256"] == note["sha256"]
    config.seed = 1
    workdirs.record(tmp_path / "source", config, "")
    assert starting_weights.describe(config)["sha256"] != note["sha256"]


FILE = "--config.train.start_from={}/small.npz"


@pytest.mark.parametrize(
    "arguments, told",
    [
        (
            [FILE, "--config.model.channel_base=32", "--config.model.latent_dim=16"],
            r"small.npz has generator/mapping.fc0.weight of shape \[8, 8\], the config "
            r"of shape \[16, 16\]: set --config.model.channel_base=64 "
            r"--config.model.latent_dim=8$",
        ),
        (
            [FILE, "--config.model.mapping_layers=4"],
            "mapping.fc3.weight not at all, .*: set --config.model.mapping_layers=3$",
        ),
        (
            [FILE, "--config.data.crop_px=16"],
            r"synthesis.b16.conv0.weight not at all|b16.* set --config.data.crop_px=8$",
        ),
        (
            [FILE, LABEL],
            r"fc0.weight of shape \[8, 8\], .* \[8, 16\]: set --config.data.label=$",
        ),
        (
            ["--config.train.start_from={}/labels.npz", "--config.data.dir={}/later"],
            r"fc0.weight of shape \[8, 16\], .*: set --config.model.label_layers=2 "
            r"--config.data.label=COLUMN \(one of 2 values\)$",
        ),
        ([FILE, "--config.train.start_channels=0,1"], "one word for each of the chan"),
        (
            [FILE, "--config.train.start_channels=0,1,2,3,mean"],
            "names '3', which the other networks have not: valid: 0, 1, 2, mean",
        ),
        (["--config.train.start_channels=0"], "and there are none: set config.train.s"),
        (["--config.train.start_from={}/none.npz"], "there is no file .*none.npz"),
        (["--config.train.start_from={}/none"], "none is neither a folder nor an .npz"),
        (["--config.train.start_from={}"], "holds no config.json"),
        (["--config.train.start_from={}/d.npz"], "d.npz holds no generator under styl"),
        (["--config.train.start_from={}/cut.npz"], "cut.npz is damaged, or no .npz"),
        (
            ["--job=embed", "--config.embed.checkpoint={}/cut.npz"],
            "cut.npz is damaged, or no .npz file: export the networks again",
        ),
        (
            ["--job=embed", "--config.embed.checkpoint={}/d16.npz"],
            "d16.npz takes tiles of 16 px, .* set --config.data.crop_px=16",
        ),
        (
            [
                "--job=embed",
                "--config.embed.checkpoint={}/d16.npz",
                "--config.data.crop_px=16",
                "--config.model.input_px=8",
            ],
            "d16.npz takes tiles of 16 px, .* set --config.model.input_px=16",
        ),
        (
            ["--job=embed", "--config.embed.checkpoint={}/d.npz", "--config.embed.st"
             "eps=last,5"],
            "names '5', and a network in a file has no steps",
        ),
        (
            ["--job=embed", "--config.embed.checkpoint_channels=1"],
            "is of an encoder from elsewhere, and there is none: set",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_started_from_is_one_line_and_no_workdir(
    run, trained, tmp_path, capsys, arguments, told
):
    del trained  # which has prepared the screen
    small_file(tmp_path / "small.npz", 3)
    small_file(tmp_path / "labels.npz", 3, classes=2)
    small_file(tmp_path / "d.npz", 3, discriminator_only=True)
    small_file(tmp_path / "d16.npz", 3, size=16, discriminator_only=True)
    whole = (tmp_path / "small.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    arguments = [word.format(tmp_path) for word in arguments]
    capsys.readouterr()
    assert run(tmp_path / "w", "--job=train", *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(told, line), line
    assert not (tmp_path / "w").exists()
