"""Engines for ``SESSION_ENGINE``."""
