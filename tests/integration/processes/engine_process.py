"""`python -m tests.integration.processes.engine_process CONFIG MODULE`: an engine that works until its input ends."""

import json
import sys

import aion_core as aion


def main() -> None:
    with aion.Engine.open(json.loads(sys.argv[1]), workflows=[sys.argv[2]]):
        print("open", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
