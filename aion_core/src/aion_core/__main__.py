"""`python -m aion_core` is the `aion` command."""

from aion_core.cli import main

if __name__ == "__main__":
    main()
