"""Care for what a store has: whether it is what it should be, what retention removes, and what is kept of that."""
