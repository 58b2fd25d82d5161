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

__all__ = ["tf"]
