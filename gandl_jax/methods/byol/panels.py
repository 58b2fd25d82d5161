"""Panels of BYOL's training in the report; imports nothing slow."""

PANELS = {  # caption -> axis, metric -> its name in the legend
    "Predictions of the target": (
        "2 - 2 cos",
        {"byol/loss": "training", "validation/loss": "validation"},
    ),
    "Spread of projections": (
        "0 is one place",
        {"byol/spread": "of the batch", "byol/fixed_spread": "of fixed records"},
    ),
}
FACTS = {"Crops": "method.crops", "Network": "model.backbone"}
