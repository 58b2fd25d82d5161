"""Options, overrides and checks of configs."""

import pathlib
import shutil

import pytest
from etils import epath

from gandl_jax import config as configs
from gandl_jax import config_checks, config_files, config_text, modules, workdir
from gandl_jax.config_defaults import DEFAULTS
from gandl_jax.errors import InputError

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"


def test_options_are_parsed_by_the_type_of_their_default():
    parsed = configs.options(
        "smoke,size=3,rate=0.5,name=x", smoke=False, size=1, rate=1.0, name="", other=7
    )
    assert parsed.pop("method") == "gan" and parsed.pop("recipe") == ""  # always there
    assert parsed == {"smoke": True, "size": 3, "rate": 0.5, "name": "x", "other": 7}


@pytest.mark.parametrize(
    "text, told",
    [
        ("smok", "did you mean 'smoke'"),
        ("size=big", "should be a whole number"),
        ("smoke=3", "true or false"),
    ],
)
def test_wrong_options_are_told(text, told):
    with pytest.raises(InputError, match=told):
        configs.options(text, smoke=False, size=1)


def test_overrides_change_values_of_any_type():
    config = configs.default()
    configs.override(
        config,
        {
            "seed": "7",
            "data.channels": "dna,actin",
            "data.flips": "false",
            "data.dir": "a/b",
            "method.r1_weight": "2",
            "train.total_images": "10_000",
        },
    )
    assert config.seed == 7 and config.data.channels == ("dna", "actin")
    assert config.data.flips is False and config.data.dir == "a/b"
    assert config.method.r1_weight == 2.0 and config.train.total_images == 10_000


def test_overrides_of_lists_of_numbers_are_numbers():
    config = configs.default()
    configs.override(config, {"simulate.probabilities": "(.5, 1)"})
    assert config.simulate.probabilities == (0.5, 1.0)
    with pytest.raises(InputError, match="probabilities='half' should be a number"):
        configs.override(config, {"simulate.probabilities": "half"})


@pytest.mark.parametrize(
    "key, value, told",
    [
        ("train.bach", "8", "did you mean 'train.batch'"),
        ("train.batch", "8.5", "whole number"),
        ("train.batch", "__import__('os')", "whole number"),
    ],
)
def test_wrong_overrides_change_nothing(key, value, told):
    config = configs.default()
    with pytest.raises(InputError, match=told):
        configs.override(config, {"seed": "7", key: value})
    assert key != "train.bach" or config.seed == 0


@pytest.mark.parametrize("images, batch, steps", [(32, 32, 1), (33, 32, 2), (0, 8, 0)])
def test_images_to_steps_rounds_up(images, batch, steps):
    assert configs.steps(images, batch) == steps


def test_a_screen_that_is_drawn_brings_its_options():
    """No two have a key alike, nor one that all share, and smoke shrinks some."""
    drawn, shared = modules.names("screens", "SIMULATE"), set(DEFAULTS["simulate"])
    assert {"simulated", "simulated_rxrx1"} <= set(drawn)
    for screen in drawn:
        own = modules.constant("screens", screen, "SIMULATE")
        assert not shared & set(own)
        shared |= set(own)
        assert set(modules.constant("screens", screen, "SMOKE")) <= shared
    assert shared == set(configs.default().simulate)


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.py")), ids=lambda f: f.stem)
@pytest.mark.parametrize("option", ["", ":smoke"])
def test_every_config_is_valid(file, option):
    config = config_files.load(f"{file}{option}")
    config_checks.validate(config, configs.all_jobs(config))
    assert config.name == file.stem + option.replace(":", "-")


@pytest.mark.parametrize(
    "key, value, told",
    [
        ("data.name", "rxrx19", "did you mean 'rxrx19a'"),
        ("method.name", "gam", "did you mean 'gan'"),
        ("evaluate.tasks", "dose_respons", "did you mean 'dose_response'"),
        ("data.crop_px", 48, "power of two"),
        ("train.batch", 6, "multiple of"),
        ("data.missing", "skp", "did you mean 'skip'"),
        ("train.log_every_images", 0, "1 or more"),
        ("model.mbstd_group", 0, "1 or more"),
        ("model.channel_base", 32, "no channel at 64 px"),
        ("simulate.seed", -1, "0 or more"),
        ("evaluate.bootstrap_draws", 0, "1 or more"),
        ("evaluate.normalize", "standart", "did you mean 'standard'"),
        ("evaluate.splits", ("record", " "), "names ' ', which holds nothing apart"),
        ("evaluate.label_classification.splits", (":0.25",), "holds nothing apart"),
        ("evaluate.bootstrap_unit", "", "bootstrap_unit is empty"),
    ],
)
def test_wrong_values_are_told_before_anything_runs(key, value, told):
    config = configs.default()
    config.data.dir = "somewhere"
    config.update_from_flattened_dict({key: value})
    with pytest.raises(InputError, match=told):
        config_checks.validate(config, ["train"])


@pytest.mark.parametrize(
    "text, told",
    [
        ("def get_config(text): return oops", "NameError"),
        ("x = (", "SyntaxError"),
        ("y = 1", "get_config"),
        (
            "from gandl_jax import config\n"
            "def get_config(text):\n"
            "    c = config.default()\n"
            "    c.data.nam = 'x'\n"
            "    return c\n",
            "nam",
        ),
    ],
)
def test_a_config_file_that_does_not_run_is_told(tmp_path, text, told):
    file = tmp_path / "mine.py"
    file.write_text(text)
    with pytest.raises(InputError, match=told):
        config_files.load(str(file))


def test_the_normalisations_are_those_there_are():
    from gandl_jax.profiles import normalize

    for name in configs.NORMALIZE:
        normalize.make(name)
    with pytest.raises(InputError) as caught:
        normalize.make("~")
    told = str(caught.value).rpartition("valid: ")[2].split(", ")
    assert sorted(told) == sorted(configs.NORMALIZE)


def test_labels_of_a_screen_make_no_other_experiment():
    config = configs.default()
    config.data.name = "own"
    before = configs.identity(config)
    config.screen.update(response_0="drug=DMSO", more_columns=("donor",))
    config.screen.columns.update(treatment="drug", plate="plate")
    assert configs.identity(config) == before
    for key, value in (("file", "{file}"), ("key", ("a",)), ("channels", ("dna",))):
        other = configs.default()
        other.data.name, other.screen[key] = "own", value
        assert configs.identity(other) != before


def test_plates_make_the_experiment_where_images_are_scaled_by_them():
    config = configs.default()
    config.data.scaling = "plate"
    before = configs.identity(config)
    config.screen.response_0 = "drug=DMSO"
    assert configs.identity(config) == before
    config.screen.columns.plate = "plate"
    assert configs.identity(config) != before


@pytest.mark.parametrize(
    "text, words",
    [
        ("a, b", ("a", "b")),
        ("(a,b)", ("a", "b")),
        ("", ()),
        ("()", ()),
        ("a (1),b (2)", ("a (1)", "b (2)")),
        ("(a),(b)", ("(a)", "(b)")),
        ("(a (1),b)", ("a (1)", "b")),
        ('"a, b",c', ("a, b", "c")),
        ('c,"a,b"', ("c", "a,b")),
        ('a "x",b', ('a "x"', "b")),
    ],
)
def test_a_lists_words_may_hold_parentheses_and_commas(text, words):
    assert config_text.parse("key", text, ()) == words


def test_a_configs_folder_may_have_a_colon_in_its_name(tmp_path):
    folder = tmp_path / "a:b [c]"
    folder.mkdir()
    (folder / "demo.py").write_text((CONFIGS / "demo.py").read_text())
    for options, name in (("", "demo"), (":smoke", "demo-smoke")):
        assert config_files.load(f"{folder}/demo.py{options}").name == name


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.py")), ids=lambda f: f.stem)
def test_every_config_takes_any_method(file):
    for method in modules.names("methods", "Method"):
        config = config_files.load(f"{file}:smoke,method={method}")
        own = configs.method_options(method)
        assert set(config.method) == {"name", "recipe", *own.OPTIONS}
        assert set(config.model) == {"dtype", "input_px", *own.MODEL}
        assert config.name.endswith("-smoke") and config.evaluate.features


def test_crops_that_are_scaled_fit_into_the_images_of_smoke():
    name = "method=byol,recipe=morpho_one,smoke"
    drawn = config_files.load(f"{CONFIGS}/demo.py:{name}")
    assert drawn.data.crop_px == drawn.simulate.size_px < 64
    measured = config_files.load(f"{CONFIGS}/hep2_cells.py:{name}")
    whole = config_files.load(f"{CONFIGS}/hep2_cells.py")
    assert measured.data.crop_px == whole.data.crop_px  # images are as they are
    assert drawn.model.input_px == measured.model.input_px == 16


def test_a_recipe_is_named_with_the_file_and_sets_what_it_says():
    config = config_files.load(f"{CONFIGS}/rxrx19a.py:recipe=few_images")
    assert config.method.path_weight == 0.0 and config.method.recipe == "few_images"
    assert config.name == "rxrx19a-few_images"
    with pytest.raises(InputError, match="recipe of the method gan 'few'.*few_images"):
        config_files.load(f"{CONFIGS}/rxrx19a.py:recipe=few")


def test_a_method_is_chosen_with_the_file_alone():
    config = configs.default()
    configs.override(config, {"method.name": "gan"})
    with pytest.raises(InputError, match="did you mean 'gan'"):
        configs.override(config, {"method.name": "gam"})


def test_a_file_that_takes_no_method_says_what_to_write(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from gandl_jax import config\ndef get_config(text):\n"
        "    config.options(text)\n    return config.default()\n"
    )
    assert config_files.load(f"{file}:smoke").method.name == "gan"
    with pytest.raises(InputError, match="takes no recipe=few_images: in it write"):
        config_files.load(f"{file}:recipe=few_images")


def test_former_flags_set_the_keys_of_now():
    config = configs.default()
    configs.override(config, {"train.least_diversity": "0.3"})
    assert config.method.least_diversity == 0.3


def test_only_what_the_method_says_depends_on_the_networks():
    config = configs.default()
    before = configs.architecture(config, ("dna",))
    config.model.remat, config.data.flips = "blocks", False
    assert configs.architecture(config, ("dna",)) == before
    config.model.latent_dim = 8
    assert configs.architecture(config, ("dna",)) != before


def test_tasks_bring_their_options():
    config = configs.default()
    assert config.evaluate.retrieval.normalize == "", "what all share"
    configs.override(
        config,
        {"evaluate.normalize": "whiten", "evaluate.retrieval.normalize": "standard"},
    )
    assert configs.task_options(config, "retrieval")["normalize"] == "standard"
    others = configs.task_options(config, "label_classification")
    assert others["normalize"] == "whiten" and others["label"] == "Mechanism"
    assert others["splits"] == ("treatment",), "its own in place of the shared ones"
    assert configs.task_options(config, "control_classification")["splits"] == (
        "record",
        "plate",
    )
    assert not {"tasks", "retrieval", "label"} & set(
        configs.task_options(config, "control_classification")
    )


FORMER = {
    "evaluate.label": "Digit",
    "evaluate.label_controls": False,
    "evaluate.label_splits": ("record", "plate:0.25"),
    "evaluate.cell_type_splits": ("given",),
    "evaluate.map_points": 7,
}


@pytest.mark.parametrize("way", ["flags", "workdir"])
def test_former_keys_of_evaluate_are_those_of_tasks(way, tmp_path):
    config = configs.default()
    if way == "flags":
        texts = {"evaluate.label_splits": "record,plate:0.25"}
        texts |= {"evaluate.cell_type_splits": "given"}
        configs.override(config, {k: str(v) for k, v in FORMER.items()} | texts)
    else:
        stored = {k: v for k, v in configs.plain(config).items() if k.count(".") < 2}
        workdir.sealed_json.write(
            tmp_path / workdir.FILE,
            {"config": stored | FORMER, "history": [], "versions": {}},
        )
        config = workdir.read_config(epath.Path(tmp_path))
    labels = config.evaluate.label_classification
    assert (labels.label, labels.controls) == ("Digit", False)
    assert labels.splits == ("record", "plate:0.25")
    assert config.evaluate.cell_model_classification.splits == ("given",)
    assert config.evaluate.well_map.points == 7


@pytest.mark.parametrize(
    "key, value, told",
    [
        ("evaluate.retrieval.normalise", "none", "did you mean 'evaluate.retrieval.no"),
        ("evaluate.map_points", "2", "well_map.points=2 should be 3 or more"),
        ("evaluate.retrieval.normalize", "whitn", "did you mean 'whiten'"),
    ],
)
def test_wrong_options_of_tasks_are_told(key, value, told):
    config = configs.default()
    config.data.dir = "somewhere"
    with pytest.raises(InputError, match=told):
        configs.override(config, {key: value})
        config_checks.validate(config, ["evaluate"])


def test_a_former_key_in_a_file_is_told(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from gandl_jax import config as configs\n"
        "def get_config(text=''):\n"
        "    config = configs.default()\n"
        "    config.evaluate.label = 'Digit'\n"
    )
    words = "config.evaluate.label is config.evaluate.label_classification.label now"
    with pytest.raises(InputError, match=words):
        config_files.load(str(file))


def test_options_that_are_computed_are_refused(tmp_path, monkeypatch):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks/mine.py").write_text("WIDTH = 3\nOPTIONS = {'width': WIDTH}")
    monkeypatch.setattr(modules, "PACKAGE", tmp_path)
    assert modules.constant("tasks", "mine", "WIDTH") == 3
    assert modules.constant("tasks", "mine", "TITLE") is None
    assert modules.constant("tasks", "another", "TITLE") is None
    with pytest.raises(ValueError, match="mine.py: write OPTIONS out"):
        modules.constant("tasks", "mine", "OPTIONS")


def test_a_job_brings_its_options(tmp_path, monkeypatch):
    """They are a group of every config, with the lowest values that it says."""
    job = 'OPTIONS = {"draws": 5, "of": ("a",)}\nLOWEST = {"draws": 2}\n'
    package = tmp_path / "gandl_jax"
    shutil.copytree(modules.PACKAGE, package, ignore=lambda *_: ["__pycache__"])
    (package / "jobs" / "count_cells.py").write_text(job + "def run(c, w): pass\n")
    monkeypatch.setattr(modules, "PACKAGE", package)
    config = configs.default("classifier")
    configs.override(config, {"count_cells.draws": "3", "count_cells.of": "b,c"})
    assert config.count_cells.to_dict() == {"draws": 3, "of": ("b", "c")}
    config_checks.check_ranges(config)
    config.count_cells.draws = 1
    with pytest.raises(InputError, match="count_cells.draws=1 should be 2 or more"):
        config_checks.check_ranges(config)
