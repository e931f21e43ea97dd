"""The in-memory stores: the reference implementation, and the model that other stores are compared with."""
