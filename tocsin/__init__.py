"""Tocsin: a self-hosted early-warning watch on world news."""

import os
from importlib.metadata import version

# The models that detection asks are tiny: threads of the linear algebra only wait for each other (measured 2026-11-24
# on two busy cores: 107 ms instead of 1 ms for an item). It must be said before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = version("tocsin")
