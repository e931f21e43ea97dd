"""SQLite: a file that one process writes, others read, and any of them may leave messages beside."""
