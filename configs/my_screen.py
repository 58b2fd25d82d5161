"""Your own screen: copy this file, change what differs, and run it.

  cp configs/my_screen.py configs/wound_healing.py
  python -m gandl_jax.main --config=configs/wound_healing.py:smoke --job=all   # a trial
  python -m gandl_jax.main --config=configs/wound_healing.py --job=all

Images may be PNG or TIFF, grey or RGB, 8 or 16 bits (12-bit data in 16-bit files too),
all of one size. `prepare` reads them, writes nothing where something is wrong, and says
in one sentence what.
"""

from gandl_jax import config as configs


def get_config(text: str = ""):
    options = configs.options(text)
    # A network that a laptop trains; `gan` with its recipe for few images.
    config = configs.augmented(configs.small(configs.default(options["method"])))

    # 1. Where it is. `dir` is made, and may be deleted and made again.
    config.data.update(
        name="own", source_dir="data/raw/my_screen", dir="data/my_screen"
    )
    # The network sees crops of this size: for `gan` a power of two; at most the shorter
    # side, or set data.pad_px (docs/training.md, Sizes).
    config.data.crop_px = 64

    # 2. The files. A name in braces is a column of the table; {channel} is a channel's
    # code. Other forms (those of instruments: docs/layouts.md):
    #   file="{plate}/{well}_s{site}.tif"   all channels in one file: pages, or RGB
    #   file="{file}"                       a column of paths (data.outside="allow" for
    #                                       files that are not in source_dir)
    #   file="{path_{channel}}"             one such column for each channel
    #   file="{well}_w{channel}*.tif"       * is text that varies freely
    #   file="{plate}.zarr/{well}/{site}"   OME-Zarr plates (docs/ome.md)
    #   metadata=""                         no table: the names in braces are found in
    #                                       the files' names and become the columns
    config.screen.update(
        name="my_screen",
        metadata="metadata.csv",  # in source_dir: one row per site (or per cell)
        file="images/{plate}/{well}_s{site}_{channel}.tif",
        channels=("dna", "actin", "tubulin"),
        channel_codes=("DAPI", "FITC", "TRITC"),  # leave out for 1, 2, 3
    )

    # 3. The table's columns: on the left our name, on the right yours. Leave out what
    # you do not have. Wells may be written A1, A-01, R01C01, 001001.
    config.screen.columns.update(
        site_id="site_id",  # a name of each row; or set screen.key, see below
        plate="plate",
        well="well",
        site="site",
        cell_type="cell_line",
        treatment="compound",
        concentration_um="dose_uM",  # micromolar; of others set config.data.dose_unit
    )
    # Columns that together name a row, where no single one does:
    #   config.screen.key = ("plate", "well", "site")
    #   config.screen.columns.site_id = ""
    # More columns to split, label or colour by ("donor" becomes Metadata_Donor):
    #   config.screen.more_columns = ("donor",)

    # 4. The controls: "column=value|value; column=value", an empty value is a blank.
    # Without them there is no dose response, but training and embedding work.
    config.screen.response_0 = "compound=DMSO"  # nothing acts: the untreated state
    config.screen.response_1 = "compound=Taxol; dose_uM=1"  # the state that is wanted

    # 5. What is held apart when scores are made. On a single plate: ("record", "row").
    config.evaluate.splits = ("record", "plate")
    # The channel of nuclei, to measure them for the floor "classical" (docs/floors.md):
    #   config.evaluate.nuclei = "dna"
    return configs.finish(config, options)
