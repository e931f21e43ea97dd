"""Rules about the repository itself."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = [path.parent for path in (*ROOT.glob("aion_*/pyproject.toml"), *ROOT.glob("plugins/*/pyproject.toml"))]


def project(folder):
    return tomllib.loads((folder / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"])
def test_every_distribution_has_its_papers(folder, name):
    assert (folder / name).stat().st_size > 0


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
def test_every_distribution_is_typed_and_has_its_version_in_the_changelog(folder):
    assert list(folder.glob("src/*/py.typed"))
    assert f"## {project(folder)['version']}" in (folder / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
def test_every_distribution_has_tests_and_is_checked_alone(folder):
    assert f'"{folder.relative_to(ROOT)}": ("{project(folder)["name"]}"' in (ROOT / ".ci/distributions.py").read_text()


def test_no_distribution_ships_an_import_package_called_aion():
    assert not [path for folder in DISTRIBUTIONS for path in folder.glob("src/aion")]


def test_the_readme_names_both_commands_on_its_first_screen():
    first_screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:20])
    assert "make demo" in first_screen
    assert "make test" in first_screen


def test_constraints_name_versions_and_nothing_else():
    lines = (ROOT / "requirements/constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"#.*|[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", line) for line in lines)


def test_no_file_is_over_six_hundred_lines():
    folders = ("aion_*/src", "plugins/*/src", "benchmarks", "examples", "docs")
    source = [path for folder in folders for path in ROOT.glob(f"{folder}/**/*.py")]
    assert source
    long = {path.name: n for path in source if (n := len(path.read_text().splitlines())) > 600}
    assert not long


def test_links_between_documents_lead_somewhere():
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")):
        for target in re.findall(r"\]\((?!http|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"
