"""Raw screens to TFRecord shards to streams; the only place for tensorflow.

A screen is a file here that defines `SCREEN` at top level; its name is the file's.
"""
