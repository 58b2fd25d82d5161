"""What `import gandl_jax as gj` offers: the jobs' own code, on arrays and data frames.

`gandl_jax/__init__.py` imports a module here when one of its functions is asked for.
"""
