"""The visibility query language: grammar, parser, evaluation in memory."""
