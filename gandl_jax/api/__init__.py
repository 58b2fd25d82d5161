"""Functions of `import gandl_jax as gj`: the jobs' code on arrays and data frames.

`gandl_jax/__init__.py` imports a module here when one of its functions is asked for.
"""
