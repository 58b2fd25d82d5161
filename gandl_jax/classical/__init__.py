"""Classical features: CellProfiler's measurements of whole images and nuclei."""
