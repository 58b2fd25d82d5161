"""The only file that knows Orbax: items of a step, saved together, read singly."""

from typing import Any

import orbax.checkpoint as ocp
from etils import epath

from gandl_jax import files, hosts, parallel
from gandl_jax.errors import InputError


class Checkpoints:
    """The checkpoints of a workdir: `checkpoints/<step>/{encoder,train,config}`.

    Step 0 is kept for ever: it is the untrained floor. A step becomes visible only
    when all of its items are written.

    Args:
      workdir: of the experiment.
      keep: how many of the newest steps to keep besides step 0.
    """

    def __init__(self, workdir: epath.PathLike, keep: int = 3):
        self._directory = epath.Path(workdir) / "checkpoints"
        policies = ocp.checkpoint_managers
        self._options = ocp.CheckpointManagerOptions(
            preservation_policy=policies.AnyPreservationPolicy(
                [policies.LatestN(keep), policies.CustomSteps([0])]
            ),
            create=False,
        )
        self._opened = None

    @property
    def _manager(self) -> ocp.CheckpointManager:
        if self._opened is None:
            directory = files.absolute(self._directory)
            self._opened = ocp.CheckpointManager(directory, options=self._options)
        return self._opened

    def steps(self) -> list[int]:
        """The complete steps, oldest first; none where nothing was saved."""
        if not self._directory.exists():
            return []
        return sorted(self._manager.all_steps())

    def save(self, step: int, items: dict[str, Any], config: dict) -> None:
        """Saves arrays in the background, and what they are as JSON; on all hosts.

        Args:
          step: steps completed.
          items: name to a tree of arrays.
          config: plain data, kept as the item "config".
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        items = parallel.over_hosts(items)
        args = {name: ocp.args.StandardSave(tree) for name, tree in items.items()}
        args["config"] = ocp.args.JsonSave(config)
        hosts.meet()  # Orbax's own waiting for one another has a limit
        self._manager.save(step, args=ocp.args.Composite(**args))

    def restore(self, step: int, item: str, like: Any) -> Any:
        """Reads one item.

        Args:
          step: one of `steps()`.
          item: "encoder" or "train".
          like: a tree of arrays or shapes that says what is expected.
        """
        args = ocp.args.Composite(**{item: ocp.args.StandardRestore(like)})
        return self._manager.restore(step, args=args)[item]

    def config(self, step: int) -> dict:
        """What was saved beside the arrays of a step."""
        args = ocp.args.Composite(config=ocp.args.JsonRestore())
        return self._manager.restore(step, args=args)["config"]

    def check(self, step: int, config: dict) -> None:
        """Refuses a checkpoint of another architecture.

        What a former version did not save was empty then.

        Args:
          step: one of `steps()`.
          config: flat {key: value} that the checkpoint must have been saved with.

        Raises:
          InputError: naming the first key that differs.
        """
        saved = self.config(step)
        for key, value in config.items():
            if saved.get(key) != value and (key in saved or value):
                raise InputError(
                    f"the checkpoint {self._directory / str(step)} has "
                    f"{key}={saved.get(key)!r}, the config {value!r}: use another "
                    "--workdir, or the config that it was trained with"
                )

    def close(self) -> None:
        """Waits until everything is written."""
        if self._opened is not None:
            self._opened.wait_until_finished()
            self._opened.close()
            self._opened = None
