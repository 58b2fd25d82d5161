"""Do blends of channels tell which matter, and do they cost accuracy? DCMIX and rivals.

python -m gandl_jax.main --config=configs/sweeps/dcmix.py:screen=mnist_channels \
    --job=sweep,compare,channel_truth

All ways in before the same small network, as long on every screen as its config says.
Screens on which several questions are asked have a blend for each besides: one
treatment against controls, one mechanism against the rest. docs/channels.md has what
came out.
"""

SEEDS = {"mnist_channels": range(5), "mnist_distractors": range(5)}
FEWER_SEEDS = range(2)  # elsewhere
WAYS = (
    "all",
    "collapsed",
    "blend",
    "over",
    "squeeze_excitation",
    "spatial_attention",
)
NORMALISED = {"model.channels_in": "blend", "model.blend.normalised": True}
HELD_OUT = {  # where the screen's config says nothing and it has no plates to deal
    "hpa_cells": "collage#1/3",
    # A compound of each mechanism, as the config's splits leave compounds out.
    "bbbc021_fields": "treatment:AZ138+AZ258+etoposide+floxuridine+simvastatin+emetine",
}
MECHANISMS = "Eg5 inhibitors", "Aurora kinase inhibitors", "DNA damage"
MECHANISMS += ("DNA replication",)


def get_configs(screen):
    settings = {"evaluate.tasks": "label_classification"}
    if screen.name in HELD_OUT:
        settings["train.hold_out"] = HELD_OUT[screen.name]
    seeds = SEEDS.get(screen.name, FEWER_SEEDS)
    axes = {"method": ("classifier",), "seed": seeds}
    made = screen.grid({**axes, "model.channels_in": WAYS}, settings)
    blend = settings | NORMALISED
    made |= screen.grid({**axes, "model.blend.normalised": (True,)}, blend)
    if questions := _questions(screen):
        rest = {"data.label_rest": "rest"} if screen.name == "bbbc021_fields" else {}
        made |= screen.grid({**axes, "data.label_values": questions}, blend | rest)
    return screen.hold_out(made)


def _questions(screen):
    """Values of the label that are asked for alone."""
    if screen.name == "bbbc021_fields":
        return [(mechanism,) for mechanism in MECHANISMS]
    if screen.name == "simulated_channels":
        count = screen.load("method=classifier").simulate.sirnas
        return [("EMPTY", f"siRNA-{i + 1:04d}") for i in range(count)]
    return []
