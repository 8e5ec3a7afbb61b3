"""Bindings of the stand-in: none."""
