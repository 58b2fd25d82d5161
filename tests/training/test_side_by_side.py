"""A method that wants records of one well side by side gets them wherever it trains."""

import json
import pathlib

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from gandl_jax import config_files, hosts, parallel
from gandl_jax.checkpoint import Checkpoints
from gandl_jax.errors import InputError
from gandl_jax.jobs.benchmark import reading
from gandl_jax.methods.phase import Phase
from gandl_jax.methods.source import Source
from gandl_jax.prepared import prepared
from gandl_jax.reading import stream
from gandl_jax.training import loop, opening, side_by_side, training_records

ROOT = pathlib.Path(__file__).parents[2]
HELD_OUT = "--config.train.hold_out=well:0.3"
PLACE = ["Metadata_Experiment", "Metadata_Plate", "Metadata_Well"]
BATCH = 32


@flax.struct.dataclass
class State:
    step: jax.Array
    slope: jax.Array  # what is learnt
    times: jax.Array  # [N] int32, how often each record was seen
    order: jax.Array  # a digest of which record came where


class Toy:
    """Learns that two sites of a well are equally bright; notes what it sees.

    The stream's labels are told to be the records' numbers.
    """

    unit, side_by_side = 4, ("well", 2)

    def __init__(self, wells):
        self.wells = jnp.asarray(wells)
        self.phases = (Phase("main", 1, self.main),)

    def init(self, key):
        none = jnp.zeros((), jnp.int32)
        return State(none, jnp.ones(()), jnp.zeros(len(self.wells), jnp.int32), none)

    def items(self, state):
        return {"encoder": {"slope": state.slope}, "train": state}

    def embed(self, encoder, images):
        return {"bright": encoder["slope"] * images.mean((1, 2))}

    def main(self, state, batch, key):
        records = batch["labels"]["record"]
        wells = self.wells[records].reshape(-1, 2)

        def loss(slope):
            bright = batch["images"].mean((1, 2, 3)).reshape(-1, 2)
            return jnp.square(slope * (bright[:, 0] - bright[:, 1])).mean()

        value, gradient = jax.value_and_grad(loss)(state.slope)
        placed = ((records + 1) * (batch["index"] + 7919 * (state.step + 1))).sum()
        metrics = {
            "toy/loss": value,
            "toy/one_well": (wells[:, 0] == wells[:, 1]).mean(),
        }
        seen = jnp.zeros_like(state.times).at[records].add(1)
        seen, placed = lax.psum((seen, placed), parallel.AXIS)
        gradient, metrics = lax.pmean((gradient, metrics), parallel.AXIS)
        return State(
            state.step + 1,
            state.slope - gradient,
            state.times + seen,
            state.order + placed,
        ), metrics


@pytest.fixture(scope="module")
def screen(run, tmp_path_factory):
    """Options that name a prepared screen of three sites a well, and its table."""
    folder = tmp_path_factory.mktemp("sites")
    options = (
        f"--config.data.source_dir={folder}/raw",
        f"--config.data.dir={folder}/prepared",
        "--config.simulate.sites_per_well=3",
    )
    words = (*options, "--job=prepare")
    assert run(folder / "w", *words) == 0
    return options, prepared.open_prepared(str(folder / "prepared")).table


@pytest.fixture
def train(run, screen, monkeypatch):
    """Function of a workdir, steps and options that trains the toy; gives its state."""
    options, table = screen
    toy = Toy(table.groupby(PLACE).ngroup().to_numpy())
    train_batches = stream.train_batches

    def numbered(*args, **options):
        numbers = {"record": np.arange(len(table), dtype=np.int32)}
        return train_batches(*args, **options | {"labels": numbers})

    monkeypatch.setattr(opening, "make_method", lambda config, source: toy)
    monkeypatch.setattr(stream, "train_batches", numbered)

    def train(workdir, steps, *more):
        images = f"--config.train.total_images={steps * BATCH}"
        words = ("--job=train", *options, HELD_OUT, images, *more)
        assert run(workdir, *words) == 0
        saved = Checkpoints(workdir)
        like = parallel.on_one_device(jax.eval_shape(toy.init, jax.random.key(0)))
        return jax.device_get(saved.restore(saved.steps()[-1], "train", like))

    return train


@pytest.fixture
def opened(screen):
    """The config of the toy's trainings, and their records."""
    words, _ = screen
    settings = dict(
        w.removeprefix("--config.").split("=", 1) for w in (*words, HELD_OUT)
    )
    config = config_files.load(f"{ROOT}/configs/demo.py:smoke")
    config.data.update(dir=settings["data.dir"], source_dir=settings["data.source_dir"])
    config.simulate.sites_per_well, config.data.crop_px = 3, 8
    config.train.hold_out = settings["train.hold_out"]
    return config, training_records.open_records(config)


def test_pairs_are_of_one_well_and_nothing_held_out_is_seen(
    train, opened, screen, tmp_path
):
    """Three sites of a well make two pairs: in every epoch one of them comes twice."""
    records = opened[1]
    kept = records.rows.trained
    wells = screen[1].iloc[kept].groupby(PLACE).ngroups
    assert 0 < wells < len(screen[1]) / 3 and len(kept) == 3 * wells
    epochs, rest = divmod(26 * BATCH, 4 * wells)
    state = train(tmp_path / "w", 26)
    lines = [json.loads(x) for x in (tmp_path / "w/metrics.jsonl").open()]
    assert {line["toy/one_well"] for line in lines} == {1.0}
    assert state.slope != 1 and state.times.sum() == 26 * BATCH
    assert not state.times[records.rows.held_out].any() and epochs >= 2
    assert state.times[kept].min() >= epochs
    assert state.times[kept].max() <= 2 * (epochs + bool(rest))


def test_devices_and_a_restart_change_nothing(train, tmp_path):
    whole = train(tmp_path / "one", 6)
    others = [train(tmp_path / "8", 6, "--config.train.devices=8")]
    train(tmp_path / "mixed", 2, "--config.train.devices=2")
    train(tmp_path / "mixed", 3)
    others += [train(tmp_path / "mixed", 6, "--config.train.devices=8")]
    assert whole.times.sum() == 6 * BATCH
    for other in others:
        np.testing.assert_array_equal(other.times, whole.times)
        assert other.order == whole.order
        assert other.slope == pytest.approx(whole.slope, rel=1e-5)


def test_two_hosts_have_the_two_halves_of_the_batches_of_one(opened, monkeypatch):
    config, records = opened
    together = side_by_side.group_records(Toy([0]), records)

    def batches():
        made = loop.training_batches(config, records, 3, None, side_by_side=together)
        return [next(made)["images"] for _ in range(2)]

    whole, halves = batches(), []
    monkeypatch.setattr(hosts, "count", lambda: 2)
    for host in (0, 1):
        monkeypatch.setattr(hosts, "index", lambda host=host: host)
        halves.append(batches())
    np.testing.assert_array_equal(np.concatenate(halves, 1), whole)


def test_the_benchmark_reads_in_the_order_of_the_training(opened, monkeypatch):
    """Both sites of a pair are of one well, and none is held out."""
    config, records = opened
    toy, wells = Toy([0]), records.dataset.table.groupby(PLACE).ngroup().to_numpy()
    train_batches, found = stream.train_batches, []

    def noted(*args, **options):
        numbers = {"record": np.arange(len(wells), dtype=np.int32)}
        for batch in train_batches(*args, **options | {"labels": numbers}):
            found.append(wells[batch["labels"]["record"]])
            yield batch

    monkeypatch.setattr(opening, "make_method", lambda config, source: toy)
    monkeypatch.setattr(stream, "train_batches", noted)
    monkeypatch.setattr(reading, "BATCHES", 10)
    config.train.batch = BATCH
    got = reading.measure(config, seconds=0.1, repeats=1)
    assert got["side_by_side"] == 2 and got["crops_per_site"] == 1
    pairs = np.concatenate(found).reshape(-1, 2)
    assert (pairs[:, 0] == pairs[:, 1]).all() and len(np.unique(pairs)) > 2
    assert set(np.unique(pairs)) <= set(wells[records.rows.trained])


class Asks:
    """Has no other hook."""

    def __init__(self, unit, side_by_side):
        self.unit, self.side_by_side = unit, side_by_side


@pytest.mark.parametrize(
    "unit, told",
    [
        ("treatment", "of one treatment side by side: .* have a blank Metadata_Treat"),
        ("wel", "config.method names 'wel', which is nothing .* mean 'well'"),
        ("row_of_cells", "config.method names 'row_of_cells'"),
    ],
)
def test_a_unit_that_records_lack_is_told(opened, unit, told):
    with pytest.raises(InputError, match=told):
        side_by_side.group_records(Asks(2, (unit, 2)), opened[1])


def test_no_hook_or_one_record_is_any_order(opened):
    config, records = opened
    assert side_by_side.group_records(object(), records) is None
    assert side_by_side.group_records(Asks(1, None), records) is None
    assert side_by_side.group_records(Asks(1, ("well", 1)), records) is None


def test_a_unit_of_samples_that_cuts_groups_is_the_methods_mistake(opened):
    with pytest.raises(AssertionError, match="make unit a multiple"):
        side_by_side.group_records(Asks(4, ("well", 3)), opened[1])


def test_several_crops_of_a_site_are_refused_before_anything_is_written(
    run, screen, train, tmp_path, capsys
):
    words = ("--job=train", *screen[0], "--config.data.crops_per_site=2")
    code = run(tmp_path / "w", *words)
    told = capsys.readouterr().err.strip()
    assert code == 2 and told.endswith("set --config.data.crops_per_site=1")
    assert "\n" not in told and not (tmp_path / "w").exists()


def test_a_scaled_method_still_asks(opened):
    config, records = opened
    config.model.input_px = 16
    scaled = opening.make_method(config, Source(records.channels))
    assert side_by_side.group_records(scaled, records) is None
    scaled._method.unit, scaled._method.side_by_side = 2, ("well", 2)
    assert side_by_side.group_records(scaled, records).count == 2
