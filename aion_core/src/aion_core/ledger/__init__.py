"""What a history amounts to: the fold of a run, and the record of what is open."""
