"""The chapter of label classification."""

from gandl_jax.jobs.report import findings, scores

PLACE = 50
KEYS = findings.SCORE_KEYS
ANSWERS = True
ASKED = scores.Asked(
    "label_classification",
    "Labels",
    "Can the classes be read from the images?",
    "A linear classifier names the class of each image. Where compounds are left "
    "out, it has not seen any image of the compounds that it is asked about.",
    about="Can {} be read from the images?",
    cells="Cells, label",
    labelled=True,
)


def chapters(screen, numbers):
    """See `task_chapters`."""
    return scores.chapters(screen, ASKED, numbers)
