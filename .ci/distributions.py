"""Build every distribution's wheel, install it alone in a clean environment, and run its own tests there."""

from __future__ import annotations

import argparse
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DISTRIBUTIONS = {
    # folder: (distribution, import package, folder of its tests)
    "aion_core": ("aion-durable-core", "aion_core", "tests/core"),
    "aion_runtime_thread": ("aion-runtime-thread", "aion_runtime_thread", "tests/runtime_thread"),
    "aion_store_sql": ("aion-store-sql", "aion_store_sql", "tests/store_sql"),
    "plugins/aion_testkit": ("aion-testkit", "aion_testkit", "tests/testkit"),
}
WORKERS = ("-n", "auto", "--maxprocesses", "4")  # as `make test` has them
IMPORT_ALL = """
import importlib, pkgutil, {package}
names = [m.name for m in pkgutil.walk_packages({package}.__path__, "{package}.") if not m.name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
print(f"  {{len(names)}} modules of {package} import with nothing but the declared requirements")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="an empty directory for wheels and environments")
    work: Path = parser.parse_args().work
    wheels = work / "wheels"
    for folder in (*DISTRIBUTIONS, "."):
        build(ROOT / folder, wheels)
    for distribution, package, tests in DISTRIBUTIONS.values():
        print(f"-- {distribution}", flush=True)
        check_alone(distribution, package, ROOT / tests, wheels, work / package)
    print("-- aion-durable", flush=True)
    check_meta(wheels, work / "meta")


def build(folder: Path, wheels: Path) -> None:
    # hatchling is a requirement of the workspace: without isolation nothing is downloaded to build.
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", wheels, folder)


def check_alone(distribution: str, package: str, tests: Path, wheels: Path, environment: Path) -> None:
    python = clean(environment)
    install(python, wheels, distribution)
    run(python, "-m", "pip", "check", quiet=True)
    run(python, "-c", IMPORT_ALL.format(package=package))
    install(python, wheels, "--requirement", tests / "requirements.txt")
    run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *WORKERS, tests)


def check_meta(wheels: Path, environment: Path) -> None:
    python = clean(environment)
    install(python, wheels, "aion-durable")
    run(python, "-m", "pip", "check", quiet=True)
    run(environment / "bin" / "aion", "version")


def clean(environment: Path) -> Path:
    venv.create(environment, with_pip=True)
    return environment / "bin" / "python"


def install(python: Path, wheels: Path, *what: object) -> None:
    constraints = ROOT / "requirements" / "constraints.txt"
    quiet = ("--quiet", "--disable-pip-version-check")
    run(python, "-m", "pip", "install", *quiet, "--find-links", wheels, "--constraint", constraints, *what)


def run(*command: object, quiet: bool = False) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=ROOT, check=False, capture_output=quiet, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(words)} failed with {done.returncode}\n{(done.stdout or '') + (done.stderr or '')}")


if __name__ == "__main__":
    main()
