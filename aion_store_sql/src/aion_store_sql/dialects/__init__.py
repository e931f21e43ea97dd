"""The databases, each in a file of its own."""
