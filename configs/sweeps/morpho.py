"""Sixteen ways to learn a cell's morphology (Dmitrenko et al. 2022), GAN-DL, DINO and
an untrained network: the same records held out for all.

python -m gandl_jax.main --config=configs/sweeps/morpho.py:screen=mitocheck_nuclei \
    --job=sweep,compare

Weakly supervised, self-supervised (BYOL), unsupervised (autoencoder) and regularised
(autoencoder and classifier), each on one crop or on several, augmented or not. On the
simulated screen all train for as many epochs and BYOL stops by its own rule, as in the
study; elsewhere all have the same time. The study's 50 epochs, its batch of 256 and its
learning rate of 1e-4 would take days of two cores.
"""

from gandl_jax.methods.morpho_recipes import SETUPS

SEEDS = {"tcell_activation": (0, 1)}  # the smallest screen has time for two
MINUTES = {"tcell_activation": 1.5}  # of training, each; 2.5 elsewhere
EPOCH = 1_044  # records of the simulated screen that are trained on
EPOCHS = 5
# Ours: so few images would be too few steps of 256.
SMALLER = {"train.batch": 32, "method.learning_rate": 1e-3}
STUDY_RULE = {
    "train.total_images": EPOCHS * EPOCH,
    "train.log_every_images": EPOCH,
    "train.validation": "well:0.1",  # what BYOL stops by, and aside for all
}
# The weak label of each screen: drug against control, or what is nearest to it.
WEAK = {
    "demo": {"data.label": "Role", "data.label_values": ("response_0", "treated")},
    "mitocheck_nuclei": {
        "data.label": "Class",
        "data.label_values": ("Interphase",),
        "data.label_rest": "phenotype",
    },
    "tcell_activation": {"data.label": "Class"},
}
# What each screen can tell, of the study's tasks, on held-out records alone.
CLUSTERS = {"evaluate.clustering.records": 500}  # ours: 1,000 take twice the minutes
TASKS = {
    "demo": {
        "evaluate.tasks": "drug_similarity,drug_control,clustering",
        "evaluate.splits": (),  # but for the one by what was held out
        **CLUSTERS,
    },
    "mitocheck_nuclei": {
        "evaluate.tasks": "drug_control,clustering",
        "evaluate.clustering.label": "Class",
        **CLUSTERS,
        "evaluate.drug_control.label": "Class",
        "evaluate.drug_control.control": "Interphase",
        "evaluate.splits": ("plate",),
    },
    "tcell_activation": {
        "evaluate.tasks": "drug_control",
        "evaluate.drug_control.label": "Class",
        "evaluate.drug_control.control": "quiescent",
        "evaluate.splits": ("donor",),
    },
    "bbbc021_fields": {
        "evaluate.tasks": "drug_similarity",
        "evaluate.drug_similarity.doses": "all",  # those whose mechanism was seen
    },
}
# By itself it holds nothing out; a comparison takes the splits of the others.
UNTRAINED = {"demo": {"evaluate.splits": ("plate",)}}
# Of the smallest simulated screen every mechanism has one drug, and too few records are
# held out to cluster.
TRIED = {"demo": {"evaluate.tasks": "drug_control"}}


def get_configs(screen):
    seeds = SEEDS.get(screen.name, (0,))
    length, stop = {"sweep.minutes": MINUTES.get(screen.name, 2.5)}, {}
    if screen.name == "demo":
        length, stop = STUDY_RULE, {"method.patience": 1}
    tasks = TASKS.get(screen.name, {})
    if screen.smoke:
        tasks = tasks | TRIED.get(screen.name, {})
    weak = WEAK.get(screen.name)
    setups = [("byol", "morpho", stop), ("autoencoder", "morpho", {})]
    if weak:  # else there are no controls to learn from
        setups.append(("classifier", "morpho", weak))
        setups.append(("autoencoder", "morpho_regularised", weak))
    made = {}
    for method, name, own in setups:
        recipes = tuple(f"{name}_{setup}" for setup in SETUPS)
        axes = {"method": (method,), "recipe": recipes, "seed": seeds}
        made |= screen.grid(axes, SMALLER | length | tasks | own)
    made |= screen.grid({"method": ("gan", "dino"), "seed": seeds}, length | tasks)
    nothing = {"method": ("autoencoder",), "recipe": ("morpho_untrained",)}
    tasks = tasks | UNTRAINED.get(screen.name, {})
    made |= screen.grid(nothing | {"seed": seeds[:1]}, tasks)
    return screen.hold_out(made)
