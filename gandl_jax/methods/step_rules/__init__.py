"""Rules that choose a checkpoint by what a training logged: no label of a task is read.

A file each. It defines:

  METRIC    of metrics.jsonl, that the rule looks at
  NEEDS     how a training comes to log it, a clause
  badness   badness(value) -> number, lowest at the checkpoint to choose; value is the
            mean of the metric's last lines up to the checkpoint
"""
