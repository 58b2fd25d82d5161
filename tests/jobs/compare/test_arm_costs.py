"""What arms have cost: means over seeds, and what one step took."""

import types

import pytest

from gandl_jax import costs
from gandl_jax.jobs.compare import arm_costs, methods


def training(steps, seconds, stopped=None, peak=10):
    return {
        "step": steps,
        "since_step": 0,
        "steps": steps,
        "images": 8 * steps,
        "batch": 8,
        "stopped": stopped,
        "seconds": seconds,
        "compile_seconds": 3.0,
        "redone": {"steps": 0, "seconds": 0.0},
        "peak_host_bytes": peak,
        "peak_device_bytes": None,
        "flops_per_step": 2e9,
        "parameters": {
            "encoder": 7,
            "encoder_by_name": {"a": 7},
            "state": 9,
            "state_by_name": {"a": 9},
        },
        "device": "cpu",
        "devices": 1,
        "hosts": 1,
        "began": "2030-01-01T00:00:00+00:00",
        "written": "2030-01-01T00:00:00+00:00",
    }


def entrants(tmp_path, *trainings):
    made = []
    for number, one in enumerate(trainings):
        folder = tmp_path / str(number)
        folder.mkdir()
        costs.write_training(folder, one)
        encoder = folder / "profiles/screen/gan@9"
        made.append(
            types.SimpleNamespace(
                arm="byol", folder=folder, trained="gan@9/b8", encoders=[encoder]
            )
        )
    return made


def test_steps_to_stop_and_what_a_step_takes_are_means_over_seeds(tmp_path):
    early = {"step": 40, "why": "the loss rises"}
    planned = {"step": 100, "why": costs.PLANNED}
    found = arm_costs.mean_costs(
        entrants(
            tmp_path,
            training(40, {"steps": 20.0, "checks": 2.0}, early, peak=30),
            training(100, {"steps": 25.0, "checks": 1.0}, planned),
        )
    )["byol"]
    assert found["steps"] == 70 and found["images"] == 560
    assert found["seconds"] == pytest.approx(24)
    assert found["step_seconds"] == pytest.approx((20 / 40 + 25 / 100) / 2)
    assert found["peak_host_bytes"] == 30 and found["flops_per_step"] == 2e9
    assert found["stopped"] == "step 40: the loss rises"
    row = {"arm": "byol", "role": "trained", "features": "b8", "seeds": [0, 1]}
    row["lower_is_better"] = False
    row |= {"value": 0.5, "low": 0.4, "high": 0.6, "minus_untrained": None}
    told = methods.section("words", [row], {"byol": found}, {"byol": "degenerate"})
    assert "degenerate; " in told and "stopped early: step 40: the loss rises" in told


def test_a_training_of_no_step_takes_nothing(tmp_path):
    (one,) = entrants(tmp_path, training(0, {"steps": 0.0}))
    assert arm_costs.mean_costs([one])["byol"]["step_seconds"] == 0
