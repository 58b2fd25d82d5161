"""The headline scores of a workdir, from the tasks' files."""

from etils import epath

from gandl_jax import config as configs
from gandl_jax import sealed_json
from gandl_jax.judging import headlines

GAIN = {"untrained": {"against": "gan@0/b8", "value": 0.2, "low": 0.1, "high": 0.3}}


def row(name, value=0.8, **more):
    encoder, _, features = name.partition("/")
    one = {"task": "control_classification", "set": name, "encoder": encoder}
    one |= {"features": features or encoder, "metric": "balanced_accuracy", **more}
    return one | {"value": value, "low": 0.7, "high": 0.9, "labels_seen": None}


def test_it_is_the_trained_encoders_headline_set(tmp_path):
    config = configs.default()
    config.data.name, config.evaluate.features = "simulated", "b8"
    rows = [
        row("gan@20/b8", group="HRCE", split="plate", differences=GAIN),
        row("gan@20/b16"),
        row("gan@10/b8"),
        row("gan@0/b8"),
        row("intensity"),
        row("gan@20/b8", value=float("nan")),
    ]
    folder = tmp_path / "tasks/simulated"
    folder.mkdir(parents=True)
    content = {"rows": rows[:-1], "skipped": None, "inputs": {}}
    path = epath.Path(folder / "control_classification.json")
    sealed_json.write(path, content)
    (found,) = headlines.read(config, epath.Path(tmp_path))
    assert found == {
        "task": "control_classification",
        "group": "HRCE",
        "split": "plate",
        "metric": "balanced_accuracy",
        "set": "gan@20/b8",
        "value": 0.8,
        "low": 0.7,
        "high": 0.9,
        "minus_untrained": 0.2,
        "minus_untrained_low": 0.1,
        "minus_untrained_high": 0.3,
        "labels_seen": False,
    }
    assert not headlines.is_score(rows[-1])
    assert not headlines.is_score({"task": "dose_response", "set": "x"})
