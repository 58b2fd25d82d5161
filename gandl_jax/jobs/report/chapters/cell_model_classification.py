"""Chapter of cell-model classification."""

from gandl_jax.jobs.report import findings, scores

PLACE = 40
KEYS = findings.SCORE_KEYS
ANSWERS = True
TEXTS = scores.ChapterTexts(
    "cell_model_classification",
    "Cell types",
    "Are the cell types told apart?",
    "A linear classifier names the cell type of each image. Recall is the share of "
    "a cell type's images that are named rightly; balanced accuracy its mean over "
    "the types.",
    all_cells="mean of all",
)


def chapters(screen, numbers):
    """Yields the chapter, as `task_chapters` asks for it."""
    return scores.chapters(screen, TEXTS, numbers)
