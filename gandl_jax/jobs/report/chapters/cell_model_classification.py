"""The chapter of cell-model classification."""

from gandl_jax.jobs.report import findings, scores

PLACE = 40
KEYS = findings.SCORE_KEYS
ANSWERS = True
ASKED = scores.Asked(
    "cell_model_classification",
    "Cell types",
    "Are the cell types told apart?",
    "A linear classifier names the cell type of each image. Recall is the share of "
    "a cell type's images that are named rightly; balanced accuracy its mean over "
    "the types.",
    whole="mean of all",
)


def chapters(screen, numbers):
    """See `task_chapters`."""
    return scores.chapters(screen, ASKED, numbers)
