"""What layers of fixed weights are held against: numbers in float64."""

import numpy as np
import pytest

RNG = np.random.default_rng(5)


@pytest.fixture
def in_float64():
    """Has JAX compute in double precision."""
    import jax

    with jax.enable_x64(True):
        yield


@pytest.fixture
def images():
    return RNG.uniform(-1, 1, (3, 6, 5, 4))


@pytest.fixture
def assert_layer_and_gradients():
    """Function that holds a layer and its gradients to a function of NumPy.

    Gradients are of the mean of the images' squares, and the expected ones central
    differences of the NumPy function, for parameters and images.
    """

    def check(layer, params, images, expected):
        import jax

        found = layer.apply({"params": params}, images)
        np.testing.assert_allclose(found, expected(params, images), rtol=0, atol=1e-6)

        def loss(params, images):
            return (layer.apply({"params": params}, images) ** 2).mean()

        def plain(params, images):
            return (expected(params, images) ** 2).mean()

        of_params = jax.grad(loss)(params, images)
        for name, values in params.items():

            def with_values(x, name=name):
                return plain(params | {name: x}, images)

            numbers = differences(with_values, values)
            np.testing.assert_allclose(of_params[name], numbers, rtol=0, atol=1e-6)
        few = images[:1]
        numbers = differences(lambda x: plain(params, x), few)
        of_few = jax.grad(loss, 1)(params, few)
        np.testing.assert_allclose(of_few, numbers, rtol=0, atol=1e-6)

    return check


def differences(fn, x, h=1e-5):
    """Central differences of a scalar function in every number of x."""
    made = np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        step = np.zeros(x.shape)
        step[place] = h
        made[place] = (fn(x + step) - fn(x - step)) / (2 * h)
    return made


@pytest.fixture
def flops():
    """Function of a layer to the operations that XLA counts, 8 images of 64 px."""

    def count(layer):
        import jax

        images = np.zeros((8, 64, 64, 6), np.float32)
        params = layer.init(jax.random.key(0), images)
        compiled = jax.jit(layer.apply).lower(params, images).compile()
        return compiled.cost_analysis()["flops"]

    return count
