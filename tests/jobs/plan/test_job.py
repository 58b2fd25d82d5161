"""The plan, of a method whose work is known by hand and of a small GAN."""

import functools
import importlib.util
import json
import pathlib

import jax.numpy as jnp
import pytest
from jax import lax

from gandl_jax import config as configs
from gandl_jax import config_files, modules, parallel, tpu
from gandl_jax import main as program
from gandl_jax.errors import InputError
from gandl_jax.jobs.plan import job as plan_job
from gandl_jax.methods import updates
from gandl_jax.methods.phase import Phase, mean_over_parts
from gandl_jax.training import for_screen, opening

pytestmark = [
    pytest.mark.skipif(
        not importlib.util.find_spec("libtpu"), reason="libtpu is not installed"
    ),
    pytest.mark.tpu_compile,
]
WIDTH, PIXELS = 512, 8 * 8 * 5
ROOT = pathlib.Path(__file__).parents[3]


class Dense:
    """Products of the flat images with a matrix: two of them, or six in turn."""

    unit = 2

    def __init__(self, config, screen, classes=()):
        self.parts = config.train.accumulate
        self.phases = (Phase("two", 1, self.two), Phase("six", 4, self.six))

    def init(self, key):
        return jnp.zeros((PIXELS, WIDTH))

    def two(self, state, batch, key):
        matrix = state.astype(jnp.bfloat16)

        def mean(part):
            flat = part["images"].reshape(-1, PIXELS).astype(jnp.bfloat16)
            return (flat @ matrix @ matrix.T).mean()

        found = mean_over_parts(mean, batch, self.parts)
        return state, {"a": lax.pmean(found, parallel.AXIS)}

    def six(self, state, batch, key):
        for _ in range(3):
            state = state * (1 + self.two(state, batch, key)[1]["a"])
        return state, {}


@pytest.fixture
def config():
    c = configs.default()
    c.data.crop_px, c.train.batch, c.plan.largest_batch = 8, 8 * 512, False
    c.train.total_images = 1_000_000
    return c


@pytest.fixture
def compilations(monkeypatch):
    """The method above, and how often something was compiled."""
    counted = []

    def count(lowered, core):
        counted.append(core)
        return compile_for(lowered, core)

    compile_for = tpu.compile_for
    monkeypatch.setattr(tpu, "compile_for", count)
    monkeypatch.setattr(opening, "make_method", Dense)
    return counted


def written(folder):
    return json.loads((folder / "plan.json").read_text())


def test_figures_of_a_known_method(config, compilations, tmp_path):
    plan_job.run(config, tmp_path)
    got = written(tmp_path)
    assert (got["device"], got["cores"], got["batch_per_core"]) == ("TPU v3", 8, 512)
    two, six = got["phases"]["two"], got["phases"]["six"]
    by_hand = 2 * 2 * 512 * PIXELS * WIDTH
    assert two["flops"] == pytest.approx(by_hand, rel=0.1)
    assert six["flops"] == pytest.approx(3 * by_hand, rel=0.1)
    assert two["roofline_milliseconds"] >= by_hand / (123e12 / 2) * 1e3
    assert two["total_bytes"] >= 4 * 512 * PIXELS + 4 * PIXELS * WIDTH
    of_one = two["milliseconds"] + six["milliseconds"] / 4
    step = got["step"]
    assert step["milliseconds"] == pytest.approx(of_one)
    assert step["images_per_second"] == pytest.approx(4096 / of_one * 1e3)
    assert step["images_per_day"] == pytest.approx(4096 / of_one * 1e3 * 86_400)
    assert step["hours_in_all"] == pytest.approx(1e6 / 4096 * of_one / 3.6e6)
    assert "estimates" in got["note"]
    told = (tmp_path / "plan.txt").read_text()
    assert (
        "8 x TPU v3, 4096 images a step, 512 a core" in told and "nothing was" in told
    )


def test_what_was_planned_is_not_compiled_again(config, compilations, tmp_path):
    plan_job.run(config, tmp_path)
    before = (tmp_path / "plan.json").read_bytes()
    plan_job.run(config, tmp_path)
    assert len(compilations) == 2 and (tmp_path / "plan.json").read_bytes() == before
    config.train.batch *= 2
    plan_job.run(config, tmp_path)
    assert len(compilations) == 4 and written(tmp_path)["batch_per_core"] == 1024


def test_parts_of_a_batch_are_multiplied(config, compilations, tmp_path):
    config.train.accumulate = 4
    plan_job.run(config, tmp_path)
    got = written(tmp_path)
    assert (got["batch_per_core"], got["microbatches"]) == (128, 4)
    phases = got["phases"]
    of_one = phases["two"]["milliseconds"] + phases["six"]["milliseconds"] / 4
    assert got["step"]["milliseconds"] == pytest.approx(4 * of_one)


@pytest.fixture
def little_memory(monkeypatch):
    """A core that holds 150 images of a phase, and no more."""

    def compile_for(lowered, core):
        images = lowered.args_info[0][1]["images"].shape[1]
        used = 1000 + images
        if images > 150:
            raise tpu.DoesNotFit(used * 2**30, 1150 * 2**30)
        return tpu.Estimate(1.0, 1.0, 1000, images, used, 1.0, 1.0, ())

    monkeypatch.setattr(tpu, "compile_for", compile_for)
    monkeypatch.setattr(tpu, "memory_bytes", lambda core: 1150)
    monkeypatch.setattr(opening, "make_method", Dense)


def test_the_largest_batch_is_found(
    config, little_memory, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(plan_job, "MOST", 4096)
    config.train.batch, config.plan.largest_batch = 8 * 20, True
    plan_job.run(config, tmp_path)
    got = written(tmp_path)
    assert got["largest_batch_per_core"] == 150
    tried = {one["batch_per_core"]: one["fits"] for one in got["trials"]}
    assert tried[150] and not tried[152] and len(tried) < 8
    printed = capsys.readouterr().out
    assert all(
        f"two for 8 x TPU v3, {count} images a core" in printed for count in tried
    )


def test_a_batch_that_does_not_fit_is_told(config, little_memory, tmp_path):
    config.train.batch = 8 * 250
    told = (
        r"two with 250 images a core needs 1250.00 GiB of 1150.00 GiB, 100.00 GiB too "
        r"much; the largest that fits is 150: set --config.train.batch=1200, or "
        r"--config.train.accumulate=5"
    )
    with pytest.raises(InputError, match=f"^{told}$"):
        plan_job.run(config, tmp_path)
    parallel.check_batch(config.train.batch, 8, Dense.unit, 5)  # may be set


def test_parts_that_the_method_refuses_are_not_advised(config, little_memory, tmp_path):
    config.train.batch = 8 * 250
    config.method.views_weight = 1.0  # whose views must stay together
    with pytest.raises(InputError, match="set --config.train.batch=1200$"):
        plan_job.run(config, tmp_path)


def test_what_goes_by_the_platform_goes_by_a_tpu():
    for method in modules.names("methods", "Method"):
        model = plan_job.for_tpu(configs.default(method)).model
        assert model.dtype == "bfloat16"
        assert "auto" not in dict(model).values()
    assert plan_job.for_tpu(configs.default("gan")).model.resampling == "tpu"


def test_what_does_not_fit_can_be_set_as_told(little_memory, tmp_path, capsys):
    words = [f"--config={ROOT}/configs/rxrx19a.py", f"--workdir={tmp_path}"]
    words += [
        "--job=plan",
        "--config.data.crop_px=8",
        "--config.plan.largest_batch=False",
    ]
    assert program.main([*words, "--config.train.batch=2000"]) == 2
    assert "set --config.train.batch=1200" in capsys.readouterr().err
    assert program.main([*words, "--config.train.batch=1200"]) == 0
    assert not (tmp_path / "config.json").exists()  # a training may be of any batch


def test_a_damaged_plan_is_made_anew(config, little_memory, tmp_path, capsys):
    config.train.batch = 8 * 20
    for damaged in ("{", "[]", '{"made_from": {}}'):
        (tmp_path / "plan.json").write_text(damaged)
        plan_job.run(config, tmp_path)
        assert written(tmp_path)["batch_per_core"] == 20
    assert "plan.json is damaged or old: planned anew" in capsys.readouterr().out


def test_no_more_is_tried_than_anybody_takes(
    config, little_memory, tmp_path, monkeypatch
):
    monkeypatch.setattr(plan_job, "MOST", 101)  # no multiple of the unit
    config.train.batch, config.plan.largest_batch = 8 * 20, True
    plan_job.run(config, tmp_path)
    assert "fits: 100 images a core or more" in (tmp_path / "plan.txt").read_text()


def unrolled(config, monkeypatch):
    """Milliseconds of each phase whose loop over two parts is written out."""
    written_out = functools.partial(mean_over_parts, unroll=True)
    monkeypatch.setattr(updates, "mean_over_parts", written_out)
    monkeypatch.setitem(globals(), "mean_over_parts", written_out)
    config = plan_job.for_tpu(config)
    cores = tpu.devices(config.plan.topology)
    method = for_screen.make_method(config)
    arguments = plan_job.shapes(config, method, config.train.batch)
    return {
        phase.name: tpu.compile_for(
            parallel.lower(phase.fn, cores, *arguments), cores[0]
        ).milliseconds
        for phase in method.phases
    }


def in_parts(folder):
    phases = written(folder)["phases"]
    return {name: 2 * one["milliseconds"] for name, one in phases.items()}


def test_parts_take_the_time_of_the_whole(
    config, compilations, tmp_path, monkeypatch, capsys
):
    config.train.accumulate = 2
    plan_job.run(config, tmp_path)
    expected = unrolled(config, monkeypatch)
    assert in_parts(tmp_path) == pytest.approx(expected, rel=0.15)


@pytest.mark.slow
def test_parts_of_a_gan_take_the_time_of_the_whole(monkeypatch, tmp_path):
    config = config_files.load(f"{ROOT}/configs/rxrx19a.py")
    config.data.crop_px, config.train.batch, config.train.accumulate = 32, 512, 2
    config.model.update(channel_base=4096, channel_max=128, latent_dim=128)
    config.plan.largest_batch = False
    plan_job.run(config, tmp_path)
    expected = unrolled(config, monkeypatch)
    assert in_parts(tmp_path) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize(
    "setting, told",
    [
        ("--config.plan.topology=", "should be a generation and a shape"),
        ("--config.plan.topology=v3:3x3", "'v3:3x3' is no topology that libtpu knows"),
        ("--config.train.batch=12", "multiple of 32"),
        ("--config.data.crop_px=48", "4 times a power of two"),
    ],
)
def test_bad_input_is_told_and_leaves_no_plan(setting, told, tmp_path, capsys):
    words = [f"--config={ROOT}/configs/rxrx19a.py", f"--workdir={tmp_path / 'run'}"]
    assert program.main([*words, "--job=plan", setting]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
