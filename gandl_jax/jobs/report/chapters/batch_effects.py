"""Chapter of batch effects."""

from gandl_jax.jobs.report import findings, scores

PLACE = 60
KEYS = findings.BATCH_KEYS
REMARKS = True
TEXTS = scores.ChapterTexts(
    "batch_effects",
    "Batch effects",
    "Do the features know plate and position?",
    "Here lower is better: what a classifier can read from the features about "
    "plate or position is not about cells. Bands are quarters of the rows or of "
    "the columns.",
    labelled=True,
    lower_is_better=True,
)


def chapters(screen, numbers):
    """Yields the chapter, as `task_chapters` asks for it."""
    return scores.chapters(screen, TEXTS, numbers)
