"""TensorFlow for reading and writing data only: quiet, and on the CPU.

It would otherwise take the accelerators' memory from JAX. The other files here that
need tensorflow take it from this one.
"""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    """Drops what C++ code writes, below Python's sys.stderr."""
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # complains of uint8 images
with _silent_stderr():  # it looks for CUDA aloud, whatever the log level
    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")
tf.get_logger().setLevel("ERROR")

CALLS = os.cpu_count() or 1  # of a function at once, over the elements of a dataset


def without_tuning(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The same dataset, whose iterators end at once.

    The thread that tunes a dataset sleeps longer and longer, up to a minute, and who
    drops an iterator waits for it.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


__all__ = ["CALLS", "tf", "without_tuning"]
