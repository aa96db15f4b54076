"""Tocsin: a self-hosted early-warning watch on world news."""

from importlib.metadata import version

__version__ = version("tocsin")
