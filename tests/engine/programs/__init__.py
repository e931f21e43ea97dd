"""Workflows and activities that the tests of behaviour run. Importable: other processes find them by name."""
