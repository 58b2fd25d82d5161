"""Chapter of label classification."""

from gandl_jax.jobs.report import findings, scores

PLACE = 50
KEYS = findings.SCORE_KEYS
ANSWERS = True
TEXTS = scores.ChapterTexts(
    "label_classification",
    "Labels",
    "Can the classes be read from the images?",
    "A linear classifier names the class of each image. Where compounds are left "
    "out, it has not seen any image of the compounds that it is asked about.",
    title_of_label="Can {} be read from the images?",
    first_column="Cells, label",
    labelled=True,
)


def chapters(screen, numbers):
    """Yields the chapter, as `task_chapters` asks for it."""
    return scores.chapters(screen, TEXTS, numbers)
