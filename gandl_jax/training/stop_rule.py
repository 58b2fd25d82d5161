"""Stops a training by a rule of `methods/step_rules`, at its checkpoints.

The rule sees log lines alone, at steps that do not depend on interruptions: a training
that was stopped and resumed ends where one in a single run does.
"""

from etils import epath

from gandl_jax import config as configs
from gandl_jax import hosts, logs
from gandl_jax.methods import step_choice


class StopRule:
    """The rule of `config.train.stop_rule`; "" never stops.

    Args:
      config: of the experiment.
      workdir: of the experiment, with the log.
    """

    def __init__(self, config, workdir: epath.Path):
        train = config.train
        self._rule, self._patience = train.stop_rule, train.stop_patience_checkpoints
        self._every = configs.steps(train.checkpoint_every_images, train.batch)
        self._total = configs.steps(train.total_images, train.batch)
        self._workdir, self._has_warned = workdir, False

    def why_done(self, step: int) -> str:
        """Returns the reason why the training ends at a step, or "".

        Args:
          step: steps completed, with all their lines in the log.
        """
        if not self._rule or step % self._every or not 0 < step < self._total:
            return ""
        return hosts.once(lambda: self._why_done(step))

    def _why_done(self, step: int) -> str:
        steps = range(self._every, step + 1, self._every)
        lines = [line for line in logs.read(self._workdir) if line["step"] <= step]
        if not self._has_warned and not step_choice.curve(lines, steps, self._rule):
            self._has_warned = True
            print(f"train     note: {step_choice.missing(self._rule)}", flush=True)
        return step_choice.why_done(lines, steps, self._rule, self._patience)
