"""Parts on disk: what is written is read, and an incomplete folder is refused."""

import hashlib
import json
import os

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from gandl_jax.errors import InputError
from gandl_jax.profiles import store


def metadata(start, count):
    return pd.DataFrame(
        {
            "Metadata_Site_ID": [f"s{i}" for i in range(start, start + count)],
            "Metadata_Treatment": ["", "x"] * (count // 2),
            "Metadata_Concentration_uM": [np.nan, 0.3] * (count // 2),
        }
    )


def written(directory, parts=3, count=4, width=5):
    rng = np.random.default_rng(0)
    all_sets = []
    for i in range(parts):
        sets = {
            "b8": rng.normal(size=(count, width)).astype(np.float32),
            "first_dense": rng.normal(size=(count, 2)).astype(np.float32),
        }
        part = directory / f"part-{i:05d}.parquet"
        store.write_part(part, metadata(i * count, count), sets)
        all_sets.append(sets)
    store.finish(directory)
    return {k: np.concatenate([s[k] for s in all_sets]) for k in all_sets[0]}


def test_roundtrip(tmp_path):
    expected = written(tmp_path)
    sets = store.read(tmp_path)
    assert store.widths(tmp_path) == {"b8": 5, "first_dense": 2}
    for name, features in expected.items():
        np.testing.assert_array_equal(sets[name].features, features)
        assert sets[name].features.dtype == np.float32
        pd.testing.assert_frame_equal(sets[name].metadata, metadata(0, 12))
    pd.testing.assert_frame_equal(store.read_metadata(tmp_path), metadata(0, 12))
    parts = json.loads((tmp_path / "_SUCCESS").read_text())["parts"]
    assert parts == {
        path.name: {
            "records": 4,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in tmp_path.glob("part-*")
    }
    assert len(pd.read_parquet(tmp_path)) == 12  # for others, too, it is a folder


def test_the_columns_are_those_of_the_design(tmp_path):
    written(tmp_path, parts=1)
    names = pd.read_parquet(tmp_path / "part-00000.parquet").columns.tolist()
    assert names[:3] == metadata(0, 2).columns.tolist()
    assert names[3:] == [f"b8__{i}" for i in range(5)] + [
        "first_dense__0",
        "first_dense__1",
    ]


def test_only_the_columns_of_wanted_sets_are_read(tmp_path, monkeypatch):
    written(tmp_path)
    asked = []
    read = pq.ParquetFile.read

    def spy(self, columns=None, **kwargs):
        asked.extend(columns)
        return read(self, columns=columns, **kwargs)

    monkeypatch.setattr(pq.ParquetFile, "read", spy)
    assert list(store.read(tmp_path, ["first_dense"])) == ["first_dense"]
    assert not any(column.startswith("b8") for column in asked)


def test_wide_sets(tmp_path):
    expected = written(tmp_path, parts=2, count=16, width=8192)
    np.testing.assert_array_equal(
        store.read(tmp_path, ["b8"])["b8"].features, expected["b8"]
    )


def test_features_alone_are_read_and_refused_as_sets_are(tmp_path):
    expected = written(tmp_path)
    for name, features in expected.items():
        np.testing.assert_array_equal(store.read_features(tmp_path, name), features)
    with pytest.raises(InputError, match="has no set 'b9'"):
        store.read_features(tmp_path, "b9")
    former = {f"part-{i:05d}.parquet": 4 for i in range(3)} | {"part-00000.parquet": 5}
    (tmp_path / "_SUCCESS").write_text(json.dumps(former))
    with pytest.raises(InputError, match="has 4 records where _SUCCESS says 5"):
        store.read_features(tmp_path, "b8")
    (tmp_path / "_SUCCESS").unlink()
    with pytest.raises(InputError, match="not complete: run --job=embed"):
        store.read_features(tmp_path, "b8")


@pytest.mark.parametrize("damage", ["no mark", "part gone", "part more", "mark cut"])
def test_an_incomplete_folder_is_refused(tmp_path, damage):
    written(tmp_path)
    assert store.is_complete(tmp_path)
    if damage == "no mark":
        (tmp_path / "_SUCCESS").unlink()
    elif damage == "part gone":
        (tmp_path / "part-00001.parquet").unlink()
    elif damage == "part more":
        store.write_part(tmp_path / "part-00009.parquet", metadata(90, 2), {})
    else:
        (tmp_path / "_SUCCESS").write_text('{"part-0')
    assert not store.is_complete(tmp_path)
    with pytest.raises(InputError, match="not complete: run --job=embed"):
        store.read(tmp_path)


def test_a_count_that_differs_is_refused(tmp_path):
    written(tmp_path)
    store.write_part(
        tmp_path / "part-00000.parquet", metadata(0, 2), {"b8": np.zeros((2, 5))}
    )
    with pytest.raises(InputError, match="part-00000.parquet is damaged, it is not as"):
        store.read(tmp_path, ["b8"])
    former = {f"part-{i:05d}.parquet": 4 for i in range(3)}
    (tmp_path / "_SUCCESS").write_text(json.dumps(former))
    with pytest.raises(InputError, match="has 2 records where _SUCCESS says 4"):
        store.read(tmp_path, ["b8"])


def test_a_killed_part_leaves_no_final_name(tmp_path, monkeypatch):
    written(tmp_path, parts=1)
    before = (tmp_path / "part-00000.parquet").read_bytes()

    def killed(table, file, **kwargs):
        file.write(b"PAR1 half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pq, "write_table", killed)
    for number in (0, 1):
        with pytest.raises(KeyboardInterrupt):
            store.write_part(
                tmp_path / f"part-{number:05d}.parquet", metadata(0, 2), {}
            )
    assert (tmp_path / "part-00000.parquet").read_bytes() == before
    assert not (tmp_path / "part-00001.parquet").exists()
    assert store.is_complete(tmp_path)


def test_unknown_set(tmp_path):
    written(tmp_path)
    with pytest.raises(InputError, match="no set 'b9'"):
        store.read(tmp_path, ["b9"])


def test_the_fingerprint_follows_the_writing(tmp_path):
    written(tmp_path)
    first = store.fingerprint(tmp_path)
    assert store.fingerprint(tmp_path) == first
    part = tmp_path / "part-00001.parquet"
    now = part.stat().st_mtime
    os.utime(part, (now + 1, now + 1))  # written again a second later
    assert store.fingerprint(tmp_path) != first


def test_a_claim_is_kept_until_it_is_made_from_something_else(tmp_path, capsys):
    note = {"prepared": "abc", "weights": "raw", "saw_images": False}
    assert store.claim(tmp_path / "gan@0", note)
    assert store.made_from(tmp_path / "gan@0") == note
    assert store.claim(tmp_path / "gan@0", note)  # parts are left to be made
    with pytest.raises(InputError, match="made from other weights: delete"):
        store.claim(tmp_path / "gan@0", note | {"weights": "average"})
    written(tmp_path / "gan@0", parts=1)
    assert not store.claim(tmp_path / "gan@0", note)
    assert "is complete: nothing to do" in capsys.readouterr().out


def test_a_note_from_before_it_was_asked_who_saw_the_images(tmp_path):
    (tmp_path / "_made_from.json").write_text('{"prepared": "abc"}')
    assert store.claim(tmp_path, {"prepared": "abc", "saw_images": True})
    with pytest.raises(InputError, match="made from other prepared"):
        store.claim(tmp_path, {"prepared": "abd", "saw_images": True})


FORMER = {"data.crop_px": 64, "model.channel_base": 128, "model.channel_max": 8}
OF_NOW = FORMER | {"model.input_px": 0, "model.latent_dim": 16}


@pytest.mark.parametrize(
    "begun, changed, is_same",
    [
        (FORMER, {}, True),  # it named three sizes of an untrained network
        (FORMER, {"model.channel_max": 16}, False),
        (FORMER, {"model.input_px": 32}, False),
        (OF_NOW, {}, True),
        (OF_NOW, {"model.latent_dim": 32}, False),
        (OF_NOW, {"model.input_px": 32}, False),
    ],
)
def test_an_untrained_encoder_of_other_sizes_is_another(
    tmp_path, begun, changed, is_same
):
    note = {"prepared": "abc", "saw_images": False}
    assert store.claim(tmp_path / "gan@0", note | {"random": begun})
    written(tmp_path / "gan@0", parts=1)
    wanted = note | {"random": OF_NOW | changed}
    if is_same:
        assert not store.claim(tmp_path / "gan@0", wanted)
    else:
        with pytest.raises(InputError, match="made from other random: delete"):
            store.claim(tmp_path / "gan@0", wanted)


def test_whether_bad_records_are_skipped_may_change_and_stays_known(tmp_path):
    note = {"prepared": "abc", "saw_images": False}
    skips = note | {"skips_bad_records": True}
    assert store.claim(tmp_path, note)
    assert store.claim(tmp_path, skips)
    assert store.made_from(tmp_path) == skips
    assert store.claim(tmp_path, note)
    assert store.made_from(tmp_path) == skips
    with pytest.raises(InputError, match="made from other prepared"):
        store.claim(tmp_path, skips | {"prepared": "abd"})


def test_parts_are_read_one_at_a_time(tmp_path):
    expected = written(tmp_path)
    parts = list(store.parts(tmp_path))
    assert [len(part["b8"].features) for part in parts] == [4, 4, 4]
    for name, features in expected.items():
        own = np.concatenate([part[name].features for part in parts])
        np.testing.assert_array_equal(own, features)


def test_damaged_files_are_told_in_one_sentence(tmp_path):
    directory = tmp_path / "gan@9"
    assert not store.is_begun(directory)
    directory.mkdir()
    assert not store.is_begun(directory)
    table = pd.DataFrame({"Metadata_Record_ID": [str(i) for i in range(50)]})
    part = directory / "part-00000.parquet"
    store.write_part(part, table, {"b8": np.random.default_rng(0).normal(size=(50, 9))})
    assert store.is_begun(directory)
    store.finish(directory)
    whole = bytearray(part.read_bytes())
    for damaged in (b"", whole[:-40], b"PAR1" + bytes(900) + whole[904:]):
        part.write_bytes(damaged)
        message = "part-00000.parquet is damaged, .*: run --job=embed again"
        with pytest.raises(InputError, match=message):
            store.read(directory)
    (directory / "_made_from.json").write_text("{")
    with pytest.raises(InputError, match="_made_from.json is damaged: .*embed"):
        store.made_from(directory)
