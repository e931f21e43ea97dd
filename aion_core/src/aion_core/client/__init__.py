"""Talking to workflows: the verbs, the handles they return, and the ways to an engine."""
