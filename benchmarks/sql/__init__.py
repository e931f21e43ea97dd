"""Figures of stores outside the process: each beside bare commits and a peer on the same database, in the same run."""
