"""The conformance kit for authors of Aion plugins."""
