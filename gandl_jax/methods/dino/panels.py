"""Panels of DINO's training in the report; imports nothing slow."""

PANELS = {  # caption -> axis, metric -> its name in the legend
    "Naming as the teacher": (
        "cross-entropy",
        {
            "dino/loss": "training",
            "validation/loss": "validation",
            "dino/teacher_entropy": "the teacher's own entropy",
        },
    ),
    "Spread of images": (
        "0 is one place",
        {"dino/spread": "of the batch", "dino/fixed_spread": "of fixed records"},
    ),
}
FACTS = {"Crops": "method.crops", "Network": "model.backbone"}
