"""Figures, each beside a raw limit or a peer of the same run: `python -m benchmarks [NAME …]`."""
