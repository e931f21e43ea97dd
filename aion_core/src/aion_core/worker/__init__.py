"""What a runtime runs in its threads or processes. Public for the authors of runtimes."""
