"""Other engines, measured by programs of ours against their public APIs, in an environment of their own."""
