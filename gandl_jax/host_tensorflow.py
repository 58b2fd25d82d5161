"""TensorFlow for reading and writing data only: quiet, and on the CPU.

It would otherwise take the accelerators' memory from JAX. All other files import
TensorFlow from this one.
"""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    """Drops output of C++ code, below Python's sys.stderr."""
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
with _silent_stderr():  # it reports on CUDA at any log level
    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")
tf.get_logger().setLevel("ERROR")

CALLS = os.cpu_count() or 1  # parallel calls over the elements of a dataset


def without_tuning(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Returns a dataset without tuning, whose iterators end at once.

    The thread that tunes a dataset sleeps up to a minute, and dropping an iterator
    waits for it.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


__all__ = ["CALLS", "tf", "without_tuning"]
