"""Our StyleGAN2 against the numbers of an independent implementation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gandl_jax.methods import losses
from gandl_jax.models.stylegan2 import npz_weights, resample, stylegan2

pytestmark = pytest.mark.real_data
ORDER = [0, 2, 4, 6, 1, 3, 5, 7]  # their deviation groups are strided, ours contiguous


@pytest.fixture(scope="module")
def saved(shared):
    with np.load(shared / "reference" / "stylegan2_16px_5ch.npz") as file:
        return dict(file)


def under(saved, prefix):
    return {k[len(prefix) :]: v for k, v in saved.items() if k.startswith(prefix)}


FORMS = [
    pytest.param(form, marks=[] if form == "strided_sums" else pytest.mark.slow)
    for form in resample.UPSAMPLE_CONVOLVE
]


@pytest.fixture(scope="module", params=FORMS)
def networks(saved, request):
    weights = under(saved, "generator/")
    arch = npz_weights.architecture(weights)
    sizes = {"size": arch.size, "base": arch.base, "widest": arch.widest}
    sizes["resampling"] = request.param
    mapping = stylegan2.Mapping(arch.mapping_layers, arch.dim)
    synthesis = stylegan2.Synthesis(channels=arch.channels, **sizes)
    d = stylegan2.Discriminator(group=4, **sizes)
    noise = npz_weights.stored_noise(weights)

    def styles(g, z):
        w = mapping.apply({"params": g["mapping"]}, z)
        return jnp.repeat(w[:, None], stylegan2.style_layers(arch.size), 1)

    def generate(g, ws, noise=noise):
        return synthesis.apply({"params": g["synthesis"]}, ws, noise)

    def discriminate(p, x):
        return d.apply({"params": p}, x)

    g = npz_weights.generator_params(weights)
    p = npz_weights.discriminator_params(under(saved, "discriminator/"))
    return {
        "g": g,
        "d": p,
        "styles": styles,
        "generate": generate,
        "discriminate": discriminate,
        "module": d,
    }


def nhwc(x):
    return jnp.asarray(x.transpose(0, 2, 3, 1))


def close(ours, theirs, tolerance=2e-5):
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    size = np.linalg.norm(theirs)
    error = np.linalg.norm(ours - theirs)
    assert error < (tolerance * size if size else 1e-7)


def close_trees(ours, theirs):
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for path, value in jax.tree_util.tree_leaves_with_path(theirs):
        actual = ours
        for key in path:
            actual = actual[key.key]
        close(actual, value)


def test_architecture_is_read_from_the_shapes(saved):
    arch = npz_weights.architecture(under(saved, "generator/"))
    expected = [
        int(saved[f"config/{k}"])
        for k in ("res", "channels", "base", "max", "dim", "mapping")
    ]
    assert [
        arch.size,
        arch.channels,
        arch.base,
        arch.widest,
        arch.dim,
        arch.mapping_layers,
    ] == expected


def test_parameters_are_those_of_our_modules(networks):
    shapes = jax.eval_shape(
        networks["module"].init, jax.random.key(0), jnp.zeros((8, 16, 16, 5))
    )["params"]
    assert jax.tree.map(np.shape, networks["d"]) == jax.tree.map(np.shape, shapes)


def test_styles_and_truncation(saved, networks):
    ws = networks["styles"](networks["g"], saved["in/z"])
    close(ws, saved["out/ws"])
    average = saved["generator/mapping.w_avg"]
    close(stylegan2.truncate(ws, average, 0.5), saved["out/ws_psi_0.5"])


def test_generated_images(saved, networks):
    ws = jnp.asarray(saved["out/ws"])
    images = networks["generate"](networks["g"], ws)
    close(images, saved["out/generated"].transpose(0, 2, 3, 1))
    plain = networks["generate"](networks["g"], ws, None)
    close(plain, saved["out/generated_no_noise"].transpose(0, 2, 3, 1))


@pytest.mark.parametrize(
    "images, logits",
    [("in/images", "out/logits_real"), ("out/generated", "out/logits_generated")],
)
def test_logits(saved, networks, images, logits):
    ours = networks["discriminate"](networks["d"], nhwc(saved[images])[np.array(ORDER)])
    close(ours, saved[logits][ORDER, 0])


def test_discriminator_features(saved, networks):
    features = networks["module"].apply(
        {"params": networks["d"]}, nhwc(saved["in/images"]), method="features"
    )
    for name in ("b16", "b8"):
        close(features[name], saved[f"out/features_after_{name}"].transpose(0, 2, 3, 1))


def test_generator_loss_and_gradient(saved, networks):
    def loss(g):
        ws = networks["styles"](g, saved["in/z"][ORDER])
        fake = networks["generate"](g, ws)
        return losses.generator(networks["discriminate"](networks["d"], fake))

    value, gradient = jax.jit(jax.value_and_grad(loss))(networks["g"])
    close(value, saved["out/g_loss"])
    theirs = npz_weights.generator_params(under(saved, "grad/g_loss/"))
    close_trees(gradient, theirs)


def test_discriminator_loss_and_gradient(saved, networks):
    fake = nhwc(saved["out/generated"])[np.array(ORDER)]
    real = nhwc(saved["in/images"])[np.array(ORDER)]

    def loss(d):
        scores = [networks["discriminate"](d, x) for x in (real, fake)]
        return losses.discriminator(*scores)

    value, gradient = jax.jit(jax.value_and_grad(loss))(networks["d"])
    close(value, saved["out/d_loss"])
    theirs = npz_weights.discriminator_params(under(saved, "grad/d_loss/"))
    close_trees(gradient, theirs)


def test_r1_and_its_gradient(saved, networks):
    real = nhwc(saved["in/images"])[np.array(ORDER)]

    def penalty(d):
        return losses.r1(lambda x: networks["discriminate"](d, x), real)

    close(jax.jit(penalty)(networks["d"]), saved["out/r1_penalty"][ORDER])
    image_gradient = jax.grad(
        lambda x: networks["discriminate"](networks["d"], x).sum()
    )(real)
    close(image_gradient, saved["out/r1_image_gradient"].transpose(0, 2, 3, 1)[ORDER])
    gradient = jax.jit(jax.grad(lambda d: penalty(d).mean()))(networks["d"])
    theirs = npz_weights.discriminator_params(under(saved, "grad/r1_penalty_mean/"))
    close_trees(gradient, theirs)


def test_path_length_and_its_gradient(saved, networks):
    noise, mean = nhwc(saved["in/path_noise"]), saved["in/path_mean"]

    def lengths(g):
        ws = networks["styles"](g, saved["in/z"])
        return losses.path_lengths(lambda w: networks["generate"](g, w), ws, noise)

    close(jax.jit(lengths)(networks["g"]), saved["out/path_lengths"])
    penalty = jax.grad(lambda g: jnp.square(lengths(g) - mean).mean())
    gradient = jax.jit(penalty)(networks["g"])
    theirs = npz_weights.generator_params(under(saved, "grad/path_penalty_mean/"))
    close_trees(gradient, theirs)
