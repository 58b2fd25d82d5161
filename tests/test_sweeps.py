"""Lists of configs: names, settings, and the runs that a command line asks for."""

import pytest
from etils import epath

from gandl_jax import config as configs
from gandl_jax import config_checks, config_files, modules, sweeps
from gandl_jax.errors import InputError
from gandl_jax.jobs.sweep import runs

METHODS = "configs/sweeps/methods.py:screen=demo,smoke"


def screen(smoke=False):
    def load(options):
        return config_files.load(f"configs/demo.py:{options}")

    return sweeps.Screen("demo", load, smoke)


def test_a_grid_is_every_combination():
    made = screen(smoke=True).grid(
        {"method": ("gan", "classifier"), "seed": (0, 1), "train.batch": (4, 8)},
        {"train.hold_out": "plate:0.33"},
    )
    assert list(made) == [
        f"{method}-seed{seed}-batch{batch}"
        for method in ("gan", "classifier")
        for seed in (0, 1)
        for batch in (4, 8)
    ]
    one = made["classifier-seed1-batch8"]
    assert (one.method.name, one.seed, one.train.batch) == ("classifier", 1, 8)
    assert one.train.hold_out == "plate:0.33" and one.data.dir.endswith("-smoke")


@pytest.mark.parametrize(
    "axes, told",
    [
        ({"seed": ()}, "has no values"),
        ({"train.bach": (1,)}, "no key 'train.bach'"),
        ({"method": ("gam",)}, "gan"),
        ({"seed": (0, 0)}, "two configs"),
        ({"train.batch": ("many",)}, "train.batch"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(axes, told):
    with pytest.raises(InputError, match=told):
        screen().grid(axes)


def test_a_sweep_file_is_its_first_config_with_the_names_of_all():
    config = config_files.load(METHODS)
    assert config.name == "methods-smoke/demo" and len(config.sweep.runs) == 6
    one = config_files.load(f"{METHODS},run=classifier-seed1")
    assert one.name == "methods-smoke/demo/classifier-seed1"
    assert (one.method.name, one.seed) == ("classifier", 1)
    with pytest.raises(InputError, match="no run of .* 'classifer-seed1'.*classifier"):
        config_files.load(f"{METHODS},run=classifer-seed1")
    with pytest.raises(InputError, match="no screen of .* 'dmeo'"):
        config_files.load("configs/sweeps/methods.py:screen=dmeo")


def test_what_the_command_line_sets_holds_for_every_run(tmp_path):
    config = config_files.load(METHODS)
    settings = {"embed.steps": "first,last", "train.total_images": "64", "name": "x"}
    settings |= {"sweep.runs": "gan-seed1,classifier-seed0"}
    del settings["name"]
    configs.override(config, settings)
    found = runs.read(config, epath.Path(tmp_path))
    assert [run.name for run in found] == ["gan-seed1", "classifier-seed0"]
    assert all(run.config.train.total_images == 64 for run in found)
    command = found[1].command(["train", "embed"])
    assert "run=classifier-seed0" in command and "--job=train,embed" in command
    assert "--config.train.total_images=64" in command
    assert f"--workdir={tmp_path}/classifier-seed0" in command
    assert "sweep." not in command and "embed.steps" not in command


def test_keys_that_one_method_lacks_are_refused_before_anything_runs(tmp_path):
    config = config_files.load(METHODS)
    configs.override(config, {"method.r1_weight": "3"})
    with pytest.raises(InputError, match="r1_weight is an option of the method gan"):
        runs.read(config, epath.Path(tmp_path))


def test_a_config_of_no_sweep_is_refused(tmp_path):
    with pytest.raises(InputError, match="takes a list of configs"):
        runs.read(config_files.load("configs/demo.py"), epath.Path(tmp_path))


def test_a_runs_digest_is_of_what_its_results_depend_on(tmp_path):
    (run, *_) = runs.read(config_files.load(METHODS), epath.Path(tmp_path))
    same = run.with_settings({"embed.reuse": "/elsewhere", "sweep.processes": "2"})
    assert same.digest == run.digest
    assert run.with_settings({"seed": "7"}).digest != run.digest


@pytest.mark.parametrize(
    "name, within", [("demo", ""), ("mitocheck_nuclei", "part:choosing")]
)
def test_lengths_score_every_checkpoint_by_the_part_for_choosing(name, within):
    made = config_files.load_sweep(f"configs/sweeps/lengths.py:screen={name}")
    assert list(made) == ["gan-seed0", "gan-seed1"]
    for config in made.values():
        config_checks.validate(config, ["train", "embed", "evaluate"])
        assert config.evaluate.within == within and config.train.hold_out
        assert (config.compare.part, config.embed.steps) == ("selection", ("all",))
        assert config.train.total_images % config.train.milestone_every_images == 0
    sweep = config_files.load(f"configs/sweeps/lengths.py:screen={name}")
    config_checks.validate(sweep, ["sweep", "compare_seeds", "report"])


def test_what_is_tried_in_seconds_is_not_prolonged_by_a_sweep_s_length():
    settings = {"train.total_images": 9_600, "train.log_every_images": 1_240}
    settings |= {"sweep.minutes": 3.0, "train.batch": 8}
    (long,) = screen().grid({"method": ("byol",)}, settings).values()
    assert (long.train.total_images, long.sweep.minutes) == (9_600, 3.0)
    (tried,) = screen(smoke=True).grid({"method": ("byol",)}, settings).values()
    alone = screen(smoke=True).load("method=byol,smoke")
    for key in ("total_images", "log_every_images"):
        assert tried.train[key] == alone.train[key] < settings[f"train.{key}"]
    assert (tried.sweep.minutes, tried.train.batch) == (0, 8)
    (none,) = (
        screen(smoke=True)
        .grid({"method": ("byol",)}, settings | {"train.total_images": 0})
        .values()
    )
    assert none.train.total_images == 0


@pytest.mark.parametrize("sweep", ["methods", "rivals", "morpho", "lengths"])
@pytest.mark.parametrize(
    "name, held_out", [("demo", "plate:0.33"), ("hep2_cells", "part:reporting")]
)
def test_all_methods_hold_out_what_the_screen_says(sweep, name, held_out):
    made = config_files.load_sweep(f"configs/sweeps/{sweep}.py:screen={name}")
    assert {config.train.hold_out for config in made.values()} == {held_out}
    assert all(
        config.data.label
        for config in made.values()
        if configs.labels_use(config) == "needed" and config.train.total_images
    )
    for config in made.values():
        config_checks.validate(config, configs.all_jobs(config))


def test_deemd_stands_beside_the_rivals_where_there_are_controls():
    for name, there in (("demo", True), ("mitocheck_nuclei", False)):
        made = config_files.load_sweep(f"configs/sweeps/rivals.py:screen={name}")
        assert ("deemd-seed0" in made) == there


def test_a_config_is_repeated_without_each_of_its_channels():
    grid = screen().grid(
        {"method": ("classifier",), "seed": (0, 1)}, {"data.channels": ("ER", "DNA/1")}
    )
    made = screen().without_each_channel(grid)
    assert {name: config.data.channels for name, config in made.items()} == {
        f"classifier-seed{seed}{lacking}": left
        for seed in (0, 1)
        for lacking, left in (
            ("", ("ER", "DNA/1")),
            ("-without-ER", ("DNA/1",)),
            ("-without-DNA_1", ("ER",)),
        )
    }
    assert made["classifier-seed1-without-ER"].seed == 1


def test_the_channels_are_the_screen_s_where_no_config_names_any():
    made = config_files.load_sweep("configs/sweeps/channels.py:screen=demo")
    spec = modules.load("screens", "simulated").SCREEN
    assert len(made) == 3 * (1 + len(spec.channels))
    for config in made.values():
        config_checks.validate(config, configs.all_jobs(config))
    one = config_files.load("configs/my_screen.py:method=classifier")
    one.screen.channels = ("a", "b", "c")
    (_, _, last, _) = screen().without_each_channel({"mine": one}).values()
    assert last.data.channels == ("a", "c")


def test_one_channel_cannot_be_left_out():
    grid = screen().grid({"method": ("classifier",)}, {"data.channels": ("ER",)})
    with pytest.raises(InputError, match="one channel, ER, and nothing is left"):
        screen().without_each_channel(grid)


def test_names_are_words_of_a_command_line():
    values = (("EMPTY", "siRNA 1/2"), ("a, b",))
    made = screen().grid({"method": ("classifier",), "data.label_values": values})
    assert list(made) == [
        "classifier-label_valuesEMPTY+siRNA_1_2",
        "classifier-label_valuesa_b",
    ]
    assert [config.data.label_values for config in made.values()] == list(values)


def test_a_screen_that_is_made_from_its_config_has_its_channels():
    made = config_files.load_sweep("configs/sweeps/channels.py:screen=mnist_channels")
    assert len(made) == 3 * (1 + 8)
    last = list(made.values())[-1]
    assert last.data.channels == tuple(f"c{i}" for i in range(1, 8))


@pytest.mark.parametrize(
    "name, seeds, questions",
    [
        ("mnist_distractors", 5, 0),
        ("simulated_channels", 2, 12),
        ("bbbc021_fields", 2, 4),
        ("hpa_cells", 2, 0),
    ],
)
def test_dcmix_stands_beside_all_ways_in(name, seeds, questions):
    made = config_files.load_sweep(f"configs/sweeps/dcmix.py:screen={name}")
    assert len(made) == seeds * (7 + questions)
    ways = {(c.model.channels_in, c.model.blend.normalised) for c in made.values()}
    assert len(ways) == 7 and ("blend", True) in ways and ("blend", False) in ways
    asked = {c.data.label_values for c in made.values()} - {()}
    assert len(asked) == questions
    assert len({c.train.hold_out for c in made.values()}) == 1
    for config in list(made.values())[:: 5 * seeds]:
        config_checks.validate(config, configs.all_jobs(config))
        assert config.train.hold_out and config.data.label


@pytest.mark.parametrize(
    "name, ways",
    [
        ("demo", 19),
        ("bbbc021_fields", 11),
        ("mitocheck_nuclei", 19),
        ("tcell_activation", 19),
    ],
)
def test_sixteen_ways_stand_beside_three_others_where_there_are_controls(name, ways):
    made = config_files.load_sweep(f"configs/sweeps/morpho.py:screen={name}")
    arms = {(c.method.name, c.method.recipe): c for c in made.values()}
    assert len(arms) == ways
    several = arms["byol", "morpho_several_augmented"]
    assert several.method.crops == ("morpho_learner",) and several.method.blur_prob
    one = arms["byol", "morpho_one"]
    assert not (one.data.flips or one.data.rotations or one.method.flip_prob)
    studied = [c for c in made.values() if c.method.recipe.startswith("morpho_")]
    assert {c.model.input_px for c in studied} == {64}
    assert {c.evaluate.features for c in studied} == {"code"}
    rest = {c.data.label_rest for c in made.values()}
    assert rest == ({"", "phenotype"} if name == "mitocheck_nuclei" else {""})
    for config in made.values():
        config_checks.validate(config, configs.all_jobs(config))
    tasks = {
        "demo": "drug_similarity,drug_control,clustering",
        "mitocheck_nuclei": "drug_control,clustering",
        "tcell_activation": "drug_control",
        "bbbc021_fields": "drug_similarity",
    }
    assert {c.evaluate.tasks for c in made.values()} == {tasks[name]}
    if name == "demo":
        # Besides what was held out nothing is judged, as other splits would.
        trained = [c for c in made.values() if c.train.total_images]
        assert {c.evaluate.splits for c in trained} == {()}
        assert arms["autoencoder", "morpho_untrained"].evaluate.splits == ("plate",)
        # One length for all, and BYOL stops by its own rule
        assert len({c.train.total_images for c in made.values()} - {0}) == 1
        assert {c.method.patience for c in made.values() if "patience" in c.method} == {
            0,
            1,
        }


STAGES = {  # screen to seeds, and to what it holds out
    "simulated_colonies": (5, "given"),
    "mitosis_stages": (3, "part:reporting"),
    "granulopoiesis_stages": (3, "part:reporting"),
    "jurkat_stages": (3, "part:reporting"),
    "hpa_cells": (3, "collage:0.33"),
}


@pytest.mark.parametrize("name", STAGES)
def test_the_arms_of_stages_differ_in_what_they_are_called_for(name):
    source = f"configs/sweeps/stages.py:screen={name}"
    made = config_files.load_sweep(source)
    seeds, held_out = STAGES[name]
    plain = configs.plain(made["plain-seed0"])
    order = plain["evaluate.staged_classification.order"]
    has_order = ">" in order
    assert len(made) == seeds * (8 if has_order else 5)
    assert {one.train.hold_out for one in made.values()} == {held_out}
    expected = {
        "weights": {"method.class_weights"},
        "oversampling": {"data.oversample"},
        "gan_balancing": {"data.extra"},
    }
    if has_order:
        expected |= {
            "hierarchy": {"method.hierarchy"},
            "hierarchy_weights": {"method.hierarchy", "method.class_weights"},
            "hierarchy_gan": {"method.hierarchy", "data.extra"},
        }
    for arm, keys in expected.items():
        own = configs.plain(made[f"{arm}-seed0"])
        differ = {key for key in own if own[key] != plain[key]}
        assert differ == keys | {"name", "compare.arm"}
    for seed in range(seeds):
        (place,) = made[f"gan_balancing-seed{seed}"].data.extra
        assert place == f"runs/stages/{name}/generator-seed{seed}/generated/prepared"
        generator = made[f"generator-seed{seed}"]
        assert generator.name == f"stages/{name}/generator-seed{seed}"
        assert generator.data.crop_px == made["plain-seed0"].data.crop_px
        config_checks.validate(generator, configs.all_jobs(generator))
    config = config_files.load(source)
    assert config.compare.against == "plain (frame-wise)"


def test_runs_find_one_another_in_another_workdir(tmp_path):
    source = "configs/sweeps/stages.py:screen=simulated_colonies"
    config = config_files.load(source)
    config.sweep.runs = ("plain-seed0", "hierarchy_gan-seed2")
    for workdir in (epath.Path(tmp_path), epath.Path("runs/stages/simulated_colonies")):
        plain, filled = runs.read(config, workdir)
        assert not any("data.extra" in option for option in plain.options)
        expected = str(workdir / "generator-seed2/generated/prepared")
        assert filled.config.data.extra == (expected,)
        named = [option for option in filled.options if "data.extra" in option]
        assert bool(named) == (workdir == epath.Path(tmp_path))
