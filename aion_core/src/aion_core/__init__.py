"""Durable workflow execution inside a Python program. `import aion_core as aion`."""
