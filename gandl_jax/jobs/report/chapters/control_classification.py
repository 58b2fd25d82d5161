"""Chapter of control classification."""

from gandl_jax.jobs.report import findings, scores

PLACE = 30
KEYS = findings.SCORE_KEYS
ANSWERS = True
MISSED = "How surely the controls are told apart"
TEXTS = scores.ChapterTexts(
    "control_classification",
    "Controls",
    "Are the two controls told apart?",
    "A linear classifier learns to tell the two controls apart on some wells and "
    "is asked about others. Balanced accuracy: 0.5 is guessing, 1 is without "
    "error. By images each image is one question; by whole wells its images vote.",
)


def chapters(screen, numbers):
    """Yields the chapter, as `task_chapters` asks for it."""
    return scores.chapters(screen, TEXTS, numbers)
