"""Records of another screen join a training, up to the largest class, and no test."""

import hashlib
import io

import numpy as np
import pandas as pd
import pytest
from etils import epath
from PIL import Image

from gandl_jax import config as configs
from gandl_jax import sealed_json
from gandl_jax import workdir as workdirs
from gandl_jax.errors import InputError
from gandl_jax.jobs import prepare
from gandl_jax.prepared import prepared
from gandl_jax.prepared.description import GENERATED
from gandl_jax.raw import screen
from gandl_jax.training import (
    extra_share,
    loop,
    side_by_side,
    trained_on,
    training_records,
)

SPEC = screen.Screen(
    name="states",
    channels=("dna", "actin"),
    file="images/{record}_{channel}.png",
    key=("record",),
    columns={"Metadata_State": "state", "Metadata_Plate": "plate"},
)
MAIN = ["a"] * 6 + ["b"] * 3 + ["c"] * 2 + [""]


def write(folder, states, *, prefix, level, side=8, columns=("state",)):
    """Prepares a screen of records of these states, all pixels of one level."""
    rows = []
    for number, state in enumerate(states):
        record = f"{prefix}{number:02}"
        rows.append({"record": record, "plate": str(number % 3)})
        rows[-1] |= dict.fromkeys(columns, state)
        for channel in ("1", "2"):
            path = folder / "raw" / f"images/{record}_{channel}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.full((side, side), level + number, np.uint8)
            pixels[0] = 0, *[255] * (side - 1)
            Image.fromarray(pixels).save(path)
    pd.DataFrame(rows).to_csv(folder / "raw/metadata.csv", index=False)
    config = configs.default()
    config.data.update(source_dir=str(folder / "raw"), dir=str(folder / "out"))
    config.data.records_per_shard = 4
    prepare.run(config, "")
    return str(folder / "out")


@pytest.fixture(scope="module", autouse=True)
def spec():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screen, "load", lambda config: SPEC)
        yield


@pytest.fixture(scope="module")
def screens(tmp_path_factory, spec):
    """Folders of the screen and of another one."""
    folder = tmp_path_factory.mktemp("extra")
    main = write(folder / "main", MAIN, prefix="m", level=10)
    other = write(folder / "other", ["b"] * 5 + ["c"] * 2 + ["a"], prefix="x", level=90)
    return main, other


def config_of(screens, **changed):
    config = configs.default("classifier")
    configs.smoke(config)
    config.data.update(dir=screens[0], label="State", crop_px=8, extra=(screens[1],))
    config.data.update(flips=False, rotations=False)
    config.train.batch = 8
    config.update_from_flattened_dict(changed)
    return config


def states_of(records, rows):
    return records.dataset.table["Metadata_State"].iloc[rows].tolist()


def test_each_class_is_filled_up_to_a_share_of_the_largest(screens):
    records = training_records.open_records(config_of(screens))
    assert sorted(states_of(records, records.extra.rows)) == ["b"] * 3 + ["c"] * 2
    assert (records.extra.rows >= 12).all() and len(records.rows.trained) == 12
    assert records.source.class_counts["State"] == (6, 6, 4)
    assert records.source.blanks["State"] == 1
    half = training_records.open_records(config_of(screens, **{"data.extra_frac": 0.5}))
    assert states_of(half, half.extra.rows) == ["c"]
    notes = training_records.notes(records)
    assert any("5 records of other screens fill classes up" in line for line in notes)


def test_batches_hold_their_images_labels_and_share(screens):
    records = training_records.open_records(config_of(screens))
    config = config_of(screens)
    batches = loop.training_batches(config, records, 0, None)
    levels, extra = {}, []
    for _ in range(17):  # an epoch has 17 records, so each comes 8 times
        batch = next(batches)
        extra += batch["labels"][extra_share.COLUMN].tolist()
        for image, state, is_extra in zip(
            batch["images"], batch["labels"]["State"], extra[-8:], strict=True
        ):
            key = round(float(image[4, 4, 0]), 4)
            levels[key] = int(state), is_extra
    assert np.mean(extra) == pytest.approx(5 / 17)
    low, high = (records.dataset.statistics["dna"][end] for end in ("low", "high"))
    for row in records.trained.tolist():
        name = records.dataset.table["Metadata_Record_ID"].iloc[row]
        level = (10 if name[0] == "m" else 90) + int(name[1:])
        seen = round(float((level - low) / (high - low) * 2 - 1), 4)
        code = records.labels["State"][row]
        assert levels.pop(pytest.approx(seen, abs=1e-3) if 0 else seen) == (
            code,
            int(name[0] == "x"),
        )
    assert not levels, "nothing else is shown"


def test_oversampling_comes_after(screens):
    config = config_of(screens, **{"data.oversample": True})
    records = training_records.open_records(config)
    assert records.source.class_counts["State"] == (6, 6, 6)
    config.data.extra = ()
    alone = training_records.open_records(config)
    assert alone.source.class_counts["State"] == (6, 6, 6)
    assert alone.extra is None and alone.dataset.records == 12
    assert len(alone.trained) == 19, "18, and the blank one"


def test_nothing_of_it_is_validated_or_held_out_and_all_is_seen(screens, tmp_path):
    settings = {"train.hold_out": "plate:2", "train.validation": "plate:0"}
    records = training_records.open_records(config_of(screens, **settings))
    aside = np.concatenate([records.rows.validated, records.rows.held_out])
    assert (aside < 12).all() and not np.isin(aside, records.trained).any()
    folder = epath.Path(tmp_path)
    workdirs.record(folder, configs.default(), "")
    trained_on.write(folder, records, None, records.extra.seen)
    table = trained_on.read(folder)
    ids = set(table["record_id"])
    wanted = records.dataset.table["Metadata_Record_ID"]
    rows = [*records.rows.trained, *records.rows.validated, *records.extra.rows]
    assert ids == set(wanted.iloc[rows])
    assert set(table["labels"]) == {"State"}


def generated(screens, tmp_path, seen, **made_from):
    """The other screen, as if a generator that saw these records had drawn it."""
    folder = epath.Path(tmp_path) / "generated"
    epath.Path(screens[1]).copytree(folder) if hasattr(
        epath.Path, "copytree"
    ) else _copied(screens[1], folder)
    main = prepared.open_prepared(screens[0])
    table = pd.DataFrame({"record_id": seen, "seen": "trained", "labels": "State"})
    table = table.assign(screen=main.name, metadata_sha256=main.metadata_sha256)
    content = io.BytesIO()
    table[trained_on.COLUMNS].to_parquet(content)
    (folder / trained_on.FILE).write_bytes(content.getvalue())
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    path = folder / prepared.DESCRIPTION
    made = {"scaling": "dataset", "trained_on_sha256": digest} | made_from
    description = sealed_json.read(path)
    description["plan"][GENERATED] = made
    for name in main.channels:
        for end in ("low", "high"):
            description["statistics"][name][end] = main.statistics[name][end]
    sealed_json.write(path, description)
    return str(folder)


def _copied(source, target):
    import shutil

    shutil.copytree(source, target)


def test_what_a_generator_saw_counts_as_seen(screens, tmp_path):
    place = generated(screens, tmp_path, ["m00", "m05"])
    records = training_records.open_records(
        config_of((screens[0], place), **{"train.hold_out": "plate:1"})
    )
    own = records.extra.seen["record_id"].tolist()
    assert own[:2] == ["m00", "m05"] and own[2].startswith("x")


def test_a_generator_that_saw_held_out_records_is_refused(screens, tmp_path):
    place = generated(screens, tmp_path, ["m00", "m01"])
    for key in ("hold_out", "validation"):
        config = config_of((screens[0], place), **{f"train.{key}": "plate:1"})
        with pytest.raises(InputError, match=f"has seen 1 .* config.train.{key}=plate"):
            training_records.open_records(config)


def test_other_grey_levels_are_refused(screens, tmp_path):
    place = generated(screens, tmp_path, ["m00"], scaling="plate")
    with pytest.raises(InputError, match="generated with config.data.scaling=plate"):
        training_records.open_records(config_of((screens[0], place)))
    path = epath.Path(place) / prepared.DESCRIPTION
    description = sealed_json.read(path)
    description["plan"][GENERATED]["scaling"] = "dataset"
    description["statistics"]["actin"]["high"] = 99.0
    sealed_json.write(path, description)
    with pytest.raises(InputError, match="high level of actin is 99, and here it is"):
        training_records.open_records(config_of((screens[0], place)))


def test_other_images_classes_and_records_are_refused(screens, tmp_path):
    def opened(states, **options):
        options = {"prefix": "y", "level": 30} | options
        place = write(tmp_path / str(len(list(tmp_path.iterdir()))), states, **options)
        return training_records.open_records(config_of((screens[0], place)))

    with pytest.raises(InputError, match="16x16 px of 8 bits, and .* of 8x8 px"):
        opened(["b"], side=16)
    with pytest.raises(InputError, match="records of the State 'd'.*did you mean|'d'"):
        opened(["b", "d"])
    with pytest.raises(InputError, match="no record to fill a class of State"):
        opened(["a"])
    with pytest.raises(InputError, match="lacks the column state"):
        opened(["b"], columns=("class",))
    with pytest.raises(InputError, match="holds 12 records that are in"):
        training_records.open_records(config_of((screens[0], screens[0])))
    with pytest.raises(InputError, match="holds no prepared screen"):
        training_records.open_records(config_of((screens[0], str(tmp_path / "none"))))
    config = config_of(screens, **{"data.illumination": "plate"})
    with pytest.raises(InputError, match="illumination"):
        training_records.open_records(config)


def test_methods_that_group_records_or_learn_no_label_do_without(screens):
    records = training_records.open_records(config_of(screens))

    class Grouping:
        unit, side_by_side = 4, ("plate", 2)

    with pytest.raises(InputError, match="leave config.data.extra and"):
        side_by_side.group_records(Grouping(), records)
    config = configs.default("autoencoder")
    config.data.update(dir=screens[0], crop_px=8, extra=(screens[1],))
    with pytest.raises(InputError, match="the method autoencoder learns 0"):
        training_records.open_records(config)
