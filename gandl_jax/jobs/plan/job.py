"""The job `plan`: cost of training on a TPU, by its compiler's estimate alone.

Nothing runs and no TPU is needed: the phases are compiled for a topology, and the
compiler's estimates are written. They are no measurements.
"""

import dataclasses
import time
from importlib import metadata
from typing import Any

import ml_collections
from etils import epath

from gandl_jax import config as configs
from gandl_jax import files, parallel, sealed_json, tpu
from gandl_jax.errors import InputError
from gandl_jax.jobs.plan import table
from gandl_jax.methods.phase import Phase
from gandl_jax.training import for_screen, sources, step_shapes

WORKDIR = "unclaimed"

FILE, TABLE = "plan.json", "plan.txt"
SHOWN = 10  # of the costliest operations
MOST = 256  # images a core: the search goes no further (ours)


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Plans the phases and the largest batch; earlier plans of the same are kept.

    Args:
      config: the whole config; `plan.topology` names the TPU.
      workdir: in which `plan.json` and `plan.txt` are written.

    Raises:
      InputError: no libtpu, no such topology, a batch that its cores do not divide, or
        one that does not fit in their memory.
      RunError: a phase holds a loop.
    """
    config = for_tpu(config)
    cores = tpu.devices(config.plan.topology)
    planner = Planner(config, cores, epath.Path(workdir) / FILE)
    figures = planner.plan()
    files.replace(epath.Path(workdir) / TABLE, table.text(figures))
    print(table.text(figures))
    print(f"plan      written to {epath.Path(workdir) / FILE} and {TABLE}")


def for_tpu(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Returns the config for a TPU: "auto" options are resolved for a TPU."""
    config = config.copy_and_resolve_references()
    if config.model.dtype == "auto":
        config.model.dtype = "bfloat16"
    for key, value in config.model.items():  # like `parallel.platform` on a TPU
        if value == "auto":
            config.model[key] = "tpu"
    return config


class Planner:
    """Compiles phases, and writes each as soon as it is done.

    Args:
      config: as from `for_tpu`.
      cores: devices of the topology.
      path: of plan.json; its phases are kept if the config is the same.

    Raises:
      InputError: the batch does not split over the cores.
    """

    def __init__(self, config, cores: list[Any], path: epath.Path):
        self._config, self._cores, self._path = config, cores, path
        self._microbatches = config.train.accumulate
        self._method = self._method_for(1)
        parallel.check_batch(
            config.train.batch, len(cores), self._method.unit, self._microbatches
        )
        self._per_core = config.train.batch // len(cores) // self._microbatches
        self._figures = self._begin()

    def plan(self) -> dict[str, Any]:
        """Returns all entries of plan.json."""
        for phase in self._method.phases:
            if phase.name not in self._figures["phases"]:
                self._figures["phases"][phase.name] = self._phase(phase)
                self._write()
        self._figures["step"] = step(self._figures)
        if self._config.plan.largest_batch:
            self._figures["largest_batch_per_core"] = self._largest()
        self._write()
        return self._figures

    def _begin(self) -> dict[str, Any]:
        flat = configs.plain(self._config)
        other_keys = ["plan.topology", "train.accumulate", "train.total_images"]
        other_keys += configs.method_options(self._config.method.name).FREE
        made_from = configs.identity(self._config) | {
            **{key: flat[key] for key in other_keys},
            "data.channels": list(for_screen.channels(self._config)),
            "data.classes": sources.all_classes(for_screen.source(self._config)),
            **{name: metadata.version(name) for name in ("gandl_jax", "jax", "libtpu")},
        }
        new = {
            "made_from": made_from,
            "note": "the TPU compiler's estimates: nothing was measured",
            "device": self._cores[0].device_kind,
            "cores": len(self._cores),
            "memory_bytes_per_core": tpu.memory_bytes(self._cores[0]),
            "batch": self._config.train.batch,
            "batch_per_core": self._per_core,
            "microbatches": self._microbatches,
            "total_images": self._config.train.total_images,
            "phases": {},
            "trials": [],
        }
        before = self._read()
        is_same = before.get("made_from") == made_from and before.keys() >= new.keys()
        return before if is_same else new

    def _read(self) -> dict[str, Any]:
        """Reads the earlier plan; {} if it is missing or damaged."""
        if not self._path.exists():
            return {}
        try:
            return sealed_json.read_own(self._path)
        except ValueError:
            print(f"plan      {self._path} is damaged or old: planned anew")
            return {}

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        sealed_json.write(self._path, self._figures)

    def _phase(self, phase: Phase) -> dict[str, Any]:
        try:
            estimate = self._compiled(phase.name, self._per_core)
        except tpu.DoesNotFit as error:
            raise InputError(self._does_not_fit(phase.name, error)) from error
        figures = dataclasses.asdict(estimate)
        operations = figures.pop("operations")
        figures["costliest"] = [list(operation) for operation in operations[:SHOWN]]
        figures["modules"] = [
            list(module) for module in tpu.by_module(operations)[:SHOWN]
        ]
        figures["every_steps"] = phase.every
        return figures

    def _does_not_fit(self, name: str, error: tpu.DoesNotFit) -> str:
        over = (error.used - error.limit) / 2**30
        sentence = (
            f"{name} with {self._per_core} images a core {error}, {over:.2f} GiB too "
            "much"
        )
        best = self._search(name, 0, self._per_core)
        for other_phase in self._method.phases:
            if best and not self._fits(other_phase.name, best):
                best = self._search(other_phase.name, 0, best)
        if not best:
            return f"{sentence}, and no batch fits: choose a smaller network or crop"
        batch = best * len(self._cores) * self._microbatches
        advice = f"the largest that fits is {best}: set --config.train.batch={batch}"
        microbatches = fewest_parts(self._per_core, best, self._method.unit)
        if microbatches and self._takes_parts(microbatches * self._microbatches):
            advice += (
                f", or --config.train.accumulate={microbatches * self._microbatches}"
            )
        return f"{sentence}; {advice}"

    def _takes_parts(self, microbatches: int) -> bool:
        """Tells whether the method allows this number of microbatches."""
        config = self._config.copy_and_resolve_references()
        config.train.accumulate = microbatches
        try:
            configs.method_options(config.method.name).check(config)
        except InputError:
            return False
        return True

    def _largest(self) -> int:
        """Returns the most images per core, for the phase with the most memory."""
        phases = self._figures["phases"]
        name = max(phases, key=lambda phase: phases[phase]["total_bytes"])
        return self._search(name, self._per_core, 0)

    def _search(self, name: str, fits: int, too_many: int) -> int:
        """Finds the most images per core that fit.

        Args:
          name: of a phase.
          fits: images that fit, or 0.
          too_many: images that do not fit, or 0.

        Returns:
          A multiple of the method's unit, or 0.
        """
        unit = step = self._method.unit
        most = MOST // unit * unit
        while too_many - fits > unit if too_many else fits < most:
            if too_many:
                batch = (fits + too_many) // 2 // unit * unit
            else:  # the expected limit, in growing steps
                batch = max(self._expected(name, fits) // unit * unit, fits + step)
                batch = min(batch, 8 * fits, most)
                step *= 2
            if self._fits(name, batch):
                fits = batch
            else:
                too_many = batch
        return fits

    def _expected(self, name: str, fits: int) -> int:
        """Extrapolates the images that fill a core, taking memory as linear in them."""
        fixed = self._figures["phases"][name]["argument_bytes"]
        used = self._tried()[name, fits]["total_bytes"]
        limit = self._figures["memory_bytes_per_core"]
        return int(fits * (limit - fixed) / (used - fixed))

    def _tried(self) -> dict[tuple[str, int], dict[str, Any]]:
        """Returns the known results of a phase at a batch per core."""
        planned = {
            (name, self._per_core): result | {"fits": True}
            for name, result in self._figures["phases"].items()
        }
        trials = self._figures["trials"]
        return planned | {
            (result["phase"], result["batch_per_core"]): result for result in trials
        }

    def _fits(self, name: str, per_core: int) -> bool:
        if known := self._tried().get((name, per_core)):
            return known["fits"]
        trial = {"phase": name, "batch_per_core": per_core, "fits": True}
        try:
            trial["total_bytes"] = self._compiled(name, per_core).total_bytes
        except tpu.DoesNotFit as error:
            trial |= {"fits": False, "total_bytes": int(error.used)}
        verdict = "fits" if trial["fits"] else "does not fit"
        print(f"plan      {verdict}: {trial['total_bytes'] / 2**30:.2f} GiB")
        self._figures["trials"].append(trial)
        self._write()
        return trial["fits"]

    def _compiled(self, name: str, per_core: int) -> tpu.Estimate:
        cores = len(self._cores)
        print(
            f"plan      compiles {name} for {cores} x {self._cores[0].device_kind}, "
            f"{per_core} images a core (minutes at 256 px and more)",
            flush=True,
        )
        began = time.monotonic()
        method = self._method_for(per_core)
        fn = {phase.name: phase.fn for phase in method.phases}[name]
        lowered = parallel.lower(
            fn, self._cores, *shapes(self._config, method, per_core * cores)
        )
        estimate = tpu.compile_for(lowered, self._cores[0])
        print(
            f"plan      {name}: {estimate.milliseconds:.1f} ms by the compiler's "
            f"estimate; compiled in {time.monotonic() - began:.0f} s",
            flush=True,
        )
        return estimate

    def _method_for(self, per_core: int) -> Any:
        """Makes the method at another batch, not accumulating: loops count once."""
        config = self._config.copy_and_resolve_references()
        config.train.batch, config.train.accumulate = per_core * len(self._cores), 1
        return for_screen.make_method(config)


def fewest_parts(images: int, most: int, unit: int) -> int | None:
    """Returns the fewest equal microbatches of `most` images or less, by units."""
    fitting = (
        microbatches
        for microbatches in range(1, images // unit + 1)
        if images % (microbatches * unit) == 0 and images // microbatches <= most
    )
    return next(fitting, None)


def shapes(config, method: Any, batch: int) -> tuple[Any, dict[str, Any], Any]:
    """Returns shapes of a phase's arguments: state, batch of all cores, and key."""
    return step_shapes.shapes(config, method, for_screen.source(config), batch)


def step(figures: dict[str, Any]) -> dict[str, float]:
    """Sums the phases to a whole step, each as often as it is due.

    Args:
      figures: with "phases", "microbatches", "batch" and "total_images".

    Returns:
      Milliseconds of a step; images per second and day, and hours to total_images.
    """
    milliseconds, roofline = (
        sum(
            phase[measure] / phase["every_steps"] * figures["microbatches"]
            for phase in figures["phases"].values()
        )
        for measure in ("milliseconds", "roofline_milliseconds")
    )
    per_second = figures["batch"] / milliseconds * 1e3
    return {
        "milliseconds": milliseconds,
        "roofline_milliseconds": roofline,
        "images_per_second": per_second,
        "images_per_day": per_second * 86_400,
        "hours_in_all": figures["total_images"] / per_second / 3_600,
    }
