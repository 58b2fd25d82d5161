"""The chapter of control classification."""

from gandl_jax.jobs.report import findings, scores

PLACE = 30
KEYS = findings.SCORE_KEYS
ANSWERS = True
MISSED = "How surely the controls are told apart"
ASKED = scores.Asked(
    "control_classification",
    "Controls",
    "Are the two controls told apart?",
    "A linear classifier learns to tell the two controls apart on some wells and "
    "is asked about others. Balanced accuracy: 0.5 is guessing, 1 is without "
    "error. By images each image is one question; by whole wells its images vote.",
)


def chapters(screen, numbers):
    """See `task_chapters`."""
    return scores.chapters(screen, ASKED, numbers)
