"""What a workdir says of itself."""

import pytest

from gandl_jax import config as configs
from gandl_jax import workdir
from gandl_jax.errors import InputError


def test_a_damaged_note_is_told_in_one_sentence(tmp_path):
    (tmp_path / "config.json").write_bytes(b'{"config": {\xff')
    with pytest.raises(InputError, match=r"config\.json is damaged: .*--workdir"):
        workdir.refuse_another(tmp_path, configs.default())
