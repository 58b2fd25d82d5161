"""The job `compare`: which way of learning features suits a screen?

Takes workdirs of one screen (config.compare.workdirs, patterns too; after a sweep its
runs), and judges their headline sets on the same records and folds, with untrained
networks and floors. Seeds are replicates. Records that one workdir holds out are held
out for all; networks that were trained on all records get a second table.

Each workdir is judged by its headline set; with config.compare.choose_sets also by the
set that each fold chooses on its training records.

Writes compare/<dataset>/<task>.json, its rows as <task>.csv, and index.html, which
shows them all, with scores, pairs of arms and costs as data/*.csv. Scores of a sweep
are kept as config.sweep.results/<sweep>/<screen>_compared.csv, too, and what each part
adds, where arms differ in one, as <screen>_parts.csv.
"""

import ml_collections
from etils import epath

from gandl_jax import free_disk
from gandl_jax.jobs.compare import arm_costs, kept_scores, page, parts, text
from gandl_jax.judging import compared_workdirs, entrants, task_results
from gandl_jax.judging.bench import open_bench
from gandl_jax.raw import screen

JOB = "compare"
FOLDER = "compare"
WORKDIR = "unclaimed"
WRITTEN_BYTES = 64_000_000  # at most: answers, results, the page and its tables (ours)


def run(config: ml_collections.ConfigDict, workdir: epath.PathLike) -> None:
    """Compares by each task whose inputs have changed; prints a table, writes a page.

    Args:
      config: data, screen, evaluate, compare and sweep are read.
      workdir: of the comparison.

    Raises:
      InputError: no free disk, workdirs that cannot be compared, missing, incomplete
        or broken profiles, a screen that allows no task, or no arm is called
        config.compare.against.
    """
    free_disk.require(workdir, WRITTEN_BYTES, "a comparison")
    workdir, dataset = epath.Path(workdir), screen.load(config).name
    target = workdir / FOLDER / dataset
    folders = entrants.find(compared_workdirs.named(config, workdir))
    bench = open_bench(JOB, config, folders, target / "answers")
    arms = {entrant.arm for entrant in bench.compared}
    parts.check_against(arms, config.compare.against)
    contents = task_results.results(
        JOB,
        target,
        bench.inputs(),
        bench.comparisons,
        done="nothing has changed since it was compared",
        cluster=config.evaluate.cluster,
    )
    for content in contents:
        print(text.summary(content), flush=True)
    differences = parts.rows(contents, config.compare.against)
    if differences:
        print(parts.text(differences), flush=True)
    cost = arm_costs.of_rows(arm_costs.mean_costs(bench.compared), contents)
    page.write(target, bench.compared, contents, differences, cost, config)
    if config.sweep.source:
        path_stem = epath.Path(config.sweep.results) / config.name
        written = kept_scores.write(path_stem, contents, differences, cost)
        task_results.say(JOB, f"wrote {', '.join(map(str, written))}")
    task_results.say(JOB, f"wrote {target / 'index.html'}")
