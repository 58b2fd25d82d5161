"""What a workdir says of itself."""

import pytest

from gandl_jax import config as configs
from gandl_jax import workdir
from gandl_jax.errors import InputError


def test_a_damaged_note_is_told_in_one_sentence(tmp_path):
    (tmp_path / "config.json").write_bytes(b'{"config": {\xff')
    with pytest.raises(InputError, match=r"config\.json is damaged: .*--workdir"):
        workdir.refuse_another(tmp_path, configs.default())


def test_a_workdir_in_which_nothing_was_made_is_nobodys(tmp_path):
    config, other = configs.default(), configs.default()
    other.seed = config.seed + 1
    workdir.record(tmp_path, config, "--job=train")
    workdir.note(tmp_path, "prepared", "of a killed run")
    (tmp_path / "lock").touch()
    (tmp_path / "profiles" / "empty").mkdir(parents=True)
    workdir.refuse_another(tmp_path, other)
    workdir.record(tmp_path, other, "--job=train")
    assert workdir.read_config(tmp_path).seed == other.seed
    workdir.claim(tmp_path, "prepared", "another")  # what it was bound to is gone
    (tmp_path / "metrics.jsonl").touch()
    with pytest.raises(InputError, match="is another experiment's: its seed is 1"):
        workdir.refuse_another(tmp_path, config)
