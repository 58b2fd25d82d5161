"""Keys of a config that all methods share, their defaults and lowest values.

Jobs may have further groups (`job_needs`).
"""

DEFAULTS = {
    "name": "",  # set by `load`: the file's name, "-smoke" after it
    "seed": 0,
    "data": {
        "name": "simulated",  # gandl_jax/screens/<name>.py
        "source_dir": "",  # the raw screen: loose files, or zip archives of them
        "dir": "",  # the prepared screen, shared by experiments
        "channels": (),  # names; () is all, in the screen's order
        # Columns Metadata_<label> that a method may learn, as in "Treatment" or
        # "Cell_Type,Treatment"; "" is none. Blanks are not learnt.
        "label": "",
        # Values of those columns that are learnt, as in "response_0,response_1";
        # records with others count as blank. () is all.
        "label_values": (),
        # Name of a class of all other values, as in "control" besides the value
        # "treated"; "" leaves them blank.
        "label_rest": "",
        # Prepared screens of the same form, such as --job=generate writes, whose
        # records join the training until each class has this share of the largest
        # class. They are never used for validation or scoring.
        "extra": (),
        "extra_frac": 1.0,
        # Whether records are repeated until each class has as many as the largest,
        # those of data.extra included.
        "oversample": False,
        "dose_unit": "uM",  # of the screen's concentrations, in words: "nM", "ug/mL"
        "crop_px": 64,  # training crop, embedding tile
        # Pixels added on every side of an image before crops and tiles are cut, for
        # images that are smaller than a crop or of an awkward size.
        "pad_px": 0,
        "padding": "reflect",  # or "constant": the channel's darkest level
        "downscale": 1,  # side in pixels of the blocks that prepare averages
        # Level of 16-bit images that prepare maps to 255 of 8 bits, with those above;
        # 0 keeps the depth. 4095 is a 12-bit camera's whole range.
        "white_level": 0,
        "outside": "refuse",  # or "allow" paths and links that leave source_dir
        "missing": "fail",  # or "skip" records whose images are missing
        "bad_records": "fail",  # or "skip" stored records that cannot be read
        "bad_records_max_frac": 0.001,  # of all records, if they are skipped (ours)
        "records_per_shard": 256,
        "workers": 0,  # processes of prepare; 0 is one per core
        "beam": "",  # prepare on Apache Beam: its pipeline options; "" is without it
        "low_percentile": 0.1,  # of a channel's pixels, to -1 (ours)
        "high_percentile": 99.9,  # to +1 (ours)
        "scaling": "dataset",  # percentiles over all images, or per "plate"
        # Levels divided by the shading that all images of a "plate" share, or "none".
        "illumination": "none",
        "flips": True,
        "rotations": True,
        # Crops of each decoded site, for as many batches, as decoding costs most.
        "crops_per_site": 1,
    },
    "screen": {  # a custom screen, used if data.name is "own"
        "name": "",  # of its profiles' folder
        "metadata": "metadata.csv",  # in source_dir; "" finds the records by `file`
        # Path below source_dir over the metadata's columns, as in
        # "{plate}/{well}_s{site}_{channel}.tif"; "{file}" is a column of paths, and
        # "{file_{channel}}" one for each channel. * is any text within a name.
        # Without {channel} one file holds all channels (pages, or RGB).
        "file": "",
        # Globs of files to ignore, if `file` has a * or there is no table: thumbnails
        # of ImageXpress.
        "ignored_files": ("*_thumb*",),
        "channels": (),  # names, in the order of the codes, pages or colours
        "channel_codes": (),  # values of {channel}; () is 1, 2, 3 ...
        "key": (),  # columns that together name a record; () is site_id (and cell)
        "columns": {  # the metadata's column for each; "" is none
            "site_id": "site_id",
            "experiment": "",
            "plate": "",
            "well": "",
            "site": "",
            "cell": "",
            "cell_type": "",
            "condition": "",
            "treatment": "",
            "concentration_um": "",
            "smiles": "",
            "mechanism": "",
            "split": "",  # the publisher's own: train, test
        },
        # For images of OME-Zarr plates and OME-TIFFs (docs/ome.md); numbers start at 0.
        "ome": {
            "pyramid_level": 0,  # of OME-Zarr: 0 is the full size
            "z_plane": 0,
            "time_point": 0,
            "absent_chunks": "fail",  # or "fill", if the writer leaves out zeros
        },
        "wells_per_row": 0,  # if wells are numbered along the rows: 12 of 96, 24
        "more_columns": (),  # kept as Metadata_<Name>, to colour, split and label by
        # Filters "column=value|value; column=value"; an empty value is a blank. In a
        # column of numbers alone they are compared as numbers. One that matches no
        # record is refused.
        "response_0": "",  # the wells in which no compound acts
        "response_1": "",  # the wells in the wanted state
        "treated": "",  # besides having a treatment and being no control
    },
    "simulate": {  # and SIMULATE of each gandl_jax/screens/<name>.py that is drawn
        "seed": 0,
        "experiments_per_cell_model": 1,
        "plates_per_experiment": 4,
        "sites_per_well": 2,
        "size_px": 128,
        "replicates": 2,  # wells of a treatment: per dose and cell model, or experiment
        "sirnas": 24,  # treatments of screens of RxRx1's form
        "negative_wells": 10,  # of theirs, per plate
        "workers": 0,  # 0 is one per core
    },
    "model": {  # and the sizes of the method's networks: MODEL of its options.py
        "dtype": "auto",  # bfloat16 on TPU and GPU, else float32
        # Side to which crops and tiles are scaled on the device; 0 does not scale.
        "input_px": 0,
    },
    "method": {  # and OPTIONS of gandl_jax/methods/<name>/options.py
        "name": "gan",  # chosen by --config=FILE.py:method=NAME
        "recipe": "",  # one of the method's RECIPES, chosen by recipe=NAME
    },
    "train": {
        "batch": 32,  # over all devices of all hosts
        # Gradient accumulation: micro-batches per device. Less memory, the same step.
        "accumulate": 1,
        "total_images": 10_000_000,  # 0 trains nothing: step 0 is the encoder
        "log_every_images": 3_200,
        "grid_every_images": 100_000,
        "checkpoint_every_images": 200_000,
        "keep_checkpoints": 3,  # besides step 0; 2 at least, as one may be damaged
        "milestone_every_images": 0,  # checkpoints that are always kept; 0 is none
        # A rule of gandl_jax/methods/step_rules that ends a training once so many
        # checkpoints, checkpoint_every_images apart, are no better; "" is none.
        "stop_rule": "",
        "stop_patience_checkpoints": 2,  # (ours)
        "check_every_steps": 20,  # of whether all numbers are finite (ours)
        # Most times to go back to a checkpoint and continue with other data.
        "rollbacks": 3,
        "devices": 0,  # devices of one host to use; 0 is all, of many hosts too
        # Records that training never reads, in the language of evaluate.splits:
        # "plate:A/1+A/2" these plates, "plate:0.33" a random third of them,
        # "plate#2/5" the second fold of five, "given" the publisher's own; "" is none.
        "hold_out": "",
        # Remaining records to set aside for validation, in the same language; never
        # trained on, and not held out from evaluation.
        "validation": "",
        # Networks to start from instead of random ones: an .npz file (docs/weights.md)
        # or another experiment's workdir, with its newest checkpoint.
        "start_from": "",
        # One entry for each channel of this screen: the source network's channel (its
        # name; of a file its index, from 0), or "mean" of all. () matches by name (of a
        # file by index, if the numbers of channels agree), else "mean".
        "start_channels": (),
    },
    "embed": {
        "batch": 32,  # tiles, over all devices of a host
        # Another experiment's workdir: its encoder, unseen screen. Or an .npz file with
        # an encoder (docs/weights.md).
        "checkpoint": "",
        # One entry for each channel of this screen: the encoder's channel (its name; of
        # a file its index, from 0) whose place it takes, or "mean" of all. () matches
        # by name, which all must have (of a file by index if the numbers of channels
        # agree, else "mean").
        "checkpoint_channels": (),
        # Checkpoints: these, "all", numbers, or what a rule of
        # gandl_jax/methods/step_rules chooses by the training's log.
        "steps": ("first", "last"),
        "weights": "average",  # moving average of the networks, or "raw"
        # Orientations of each tile to average over: 1, 4 (turned), 8 (mirrored too).
        # Time grows with them; they help if a record is one cell.
        "orientations": 1,
        # Further feature sets of the method, of MORE_SETS in its options.py.
        "more_sets": (),
        "workers": 0,  # processes that measure the set "classical"; 0 is one per core
        # Workdirs of the same screen, from which equal feature sets are copied instead
        # of made again.
        "reuse": (),
    },
    "imported": {  # a table of others, read by --job=import
        "file": "",  # CSV or Parquet, one row per site or well
        "name": "",  # of the feature set; "" is the file's name
        "key": (),  # its key columns; () is site_id, or well_id
        "unmatched": "fail",  # or "skip" rows and records that do not meet
        # Columns that number, name or locate the rows (ImageNumber, Location_Center_X)
        # are recognised by name and content and left out. Columns to keep as features
        # all the same, and further ones to leave out: a name, or the beginning of
        # several.
        "features": (),
        "not_features": (),
    },
    "benchmark": {
        # "conversion", "reading", "training", "augmentation", "checkpoints",
        # "embedding", "generating", "evaluation"; () is all that are possible but
        # "generating": the first needs the raw screen, the second the prepared one.
        "parts": (),
        "evaluation_records": 2202,  # of made-up features, on this many
        "evaluation_plates": 43,  # of which each is left out in turn
        "evaluation_widths": (512, 1024),  # columns
    },
    "kills": {  # --job=try_kills
        "count": 30,  # of the training
        "embedding_count": 10,
        "seed": 0,
    },
    "plan": {
        "topology": "v3:2x2",  # of the TPU to plan for: v3:2x2 is a v3-8
        "largest_batch": True,  # whether to search it; each try compiles for minutes
        # Number of classes of each label, while the screen is not prepared (benchmark
        # too); 0 if not known, unless data.label_values names them.
        "classes": 0,
    },
    "init": {
        "file": "",  # the config that --job=init writes, set by --config
    },
    "export": {
        "sets": (),  # full names such as gan@500/b8; () is all
        # Of a screen of OME-Zarr plates on a disk, tables beside each plate too.
        "beside_plates": False,
        "step": "last",  # of --job=export_encoder: this, "first" or a number
    },
    "evaluate": {
        "tasks": "all",  # or names of gandl_jax/tasks; all,-NAME leaves one out
        "features": "",  # the set shown first; by default FEATURES of the method
        # Units that training and test records do not share: "record" (the paper's,
        # leaky), "site", "well", "row", "plate", "experiment", "treatment",
        # "cell_type", another Metadata_* column in small letters, or "given" (the
        # publisher's own). "plate" leaves each out in turn; "plate:0.25" a random
        # quarter, `repeats` times; "plate:A/1+A/2" these.
        "splits": ("record", "plate"),
        # Records used for evaluation, in training and test, in the language of
        # train.hold_out: "part:choosing" (docs/sets.md); "" is all.
        "within": "",
        "max_folds": 10,  # more groups are dealt to this many folds
        "repeats": 3,  # of random splits
        "normalize": "standard",  # per plate; or "robust", "whiten", "tvn", "coral"
        "svm_c": 1.0,
        "bootstrap_unit": "well",  # unit that intervals resample
        "bootstrap_draws": 1000,
        "seed": 0,
        # The scheduler of a Dask cluster, as in "tcp://10.0.0.5:8786", that folds and
        # draws are computed on, and a sweep's runs; "" is this machine.
        "cluster": "",
        # The floor "classical", CellProfiler's measurements, made by --job=embed: "on",
        # "off", or "auto", which leaves it out if it would take over 10 minutes.
        "classical": "auto",
        "nuclei": "",  # the channel in which it finds nuclei, to measure them too
        # And a group for each task, of OPTIONS in gandl_jax/tasks/<task>.py. Its
        # "normalize" "" takes the one above.
    },
    "sweep": {  # --job=sweep: many configs, each run whole
        # The sweep, configs/sweeps/NAME.py:screen=NAME, and the names of its runs. The
        # file sets both; fewer names run fewer.
        "source": "",
        "runs": (),
        "processes": 1,  # at a time, on this machine
        # Minutes of training for each, on this machine only, converted to steps once. 0
        # takes the length in each config.
        "minutes": 0.0,
        # Folder of finished rows as CSV; runs that are in it count as done.
        "results": "docs/results",
    },
    "choose": {  # --job=choose_features: every set, with each of these
        "normalize": ("standard", "whiten"),
        "svm_c": (),  # () is evaluate.svm_c; of several one is chosen
        "inner_folds": 5,  # within a training part; more groups are dealt to this many
    },
    "compare": {  # --job=compare; and of trainings that differ in their seed only
        "workdirs": (),  # to compare, with profiles; one with a comma in double quotes
        # Encoders: this, "all" that are embedded, or numbers; several make a curve.
        "steps": ("last",),
        # Share of the groups of a split that is set aside to choose recipes by: test
        # records of them count in the part "selection", all others in "reporting".
        # Training is the same.
        "aside_frac": 0.0,
        "part": "reporting",
        "nested": True,  # whether to choose the set in each fold too, which costs most
        "choose_sets": False,  # --job=compare: the same
        # Of a training: the name of its arm; "" is method and recipe, or what differs.
        "arm": "",
        "against": "",  # --job=compare: the arm whose difference to all others is told
        "tables": ("docs/results/*/*_compared.csv",),  # --job=compare_screens
    },
}


LOWEST = {  # of every number in a group, or of one key
    "": 0,
    "data.crop_px": 8,
    "data.records_per_shard": 1,
    "data.downscale": 1,
    "data.crops_per_site": 1,
    "train.": 1,
    "train.devices": 0,
    "train.total_images": 0,
    "train.keep_checkpoints": 2,
    "train.milestone_every_images": 0,
    "train.rollbacks": 0,
    "sweep.processes": 1,
    "embed.batch": 1,
    "evaluate.svm_c": 1e-9,
    "evaluate.repeats": 1,
    "evaluate.max_folds": 2,
    "evaluate.bootstrap_draws": 1,
    "choose.inner_folds": 2,
}
