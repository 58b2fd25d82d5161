"""Writes what keras.applications computes in float64: run as a program, by tests.

    python keras_reference.py DenseNet121 densenet FOLDER

It makes FOLDER/weights.h5, weights.keras and weights.weights.h5, of random float32
values, and FOLDER/reference.npz: images, features and gradients, with fixed and with
batch statistics.
"""

import importlib
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

SIDE = 64


def main(name, module, folder):
    keras.backend.set_floatx("float64")
    application = importlib.import_module(f"keras.applications.{module}")
    model = getattr(application, name)(
        weights=None, include_top=False, pooling="avg", input_shape=(SIDE, SIDE, 3)
    )
    rng, folder = np.random.default_rng(0), pathlib.Path(folder)
    for variable in model.weights:
        variable.assign(random(rng, variable.path.rpartition("/")[2], variable.shape))
    for ending in ("h5", "keras"):
        model.save(folder / f"weights.{ending}")
    model.save_weights(folder / "weights.weights.h5")
    images = rng.uniform(-1, 1, (4, SIDE, SIDE, 3))
    direction = rng.normal(size=(4, model.output_shape[-1]))
    prepared = tf.constant(application.preprocess_input((images + 1) * 127.5))
    found = {"images": images, "direction": direction}
    for mode, training in (("fixed", False), ("batch", True)):
        with tf.GradientTape() as tape:
            features = model(prepared, training=training)
            value = tf.reduce_sum(features * direction)
        found[mode] = features.numpy()
        gradients = tape.gradient(value, model.trainable_variables)
        for variable, gradient in zip(
            model.trainable_variables, gradients, strict=True
        ):
            found[f"{mode}:{variable.path}"] = gradient.numpy()
    for variable in model.non_trainable_variables:
        found[f"moved:{variable.path}"] = variable.numpy()
    np.savez(folder / "reference.npz", **found)


def random(rng, kind, shape):
    """Values of a usual size, which float32 holds exactly."""
    values = {
        "kernel": lambda: rng.normal(size=shape) * (2 / np.prod(shape[:-1])) ** 0.5,
        "bias": lambda: rng.normal(0, 0.1, shape),
        "gamma": lambda: rng.uniform(0.5, 1.5, shape),
        "beta": lambda: rng.normal(0, 0.2, shape),
        "moving_mean": lambda: rng.normal(0, 0.5, shape),
        "moving_variance": lambda: rng.uniform(0.5, 2, shape),
    }[kind]()
    return values.astype(np.float32)


if __name__ == "__main__":
    main(*sys.argv[1:])
