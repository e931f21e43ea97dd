"""Rules about the repository itself."""

import re
import tomllib
from pathlib import Path

import pytest
from tests.workers import TOGETHER

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


def test_every_file_whose_tests_stay_in_one_process_is_there():
    assert [name for name in TOGETHER if not any(ROOT.glob(name if "/" in name else f"*{name}"))] == []


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


def test_the_architecture_page_names_the_layers_in_their_order():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    section = (ROOT / "docs/architecture.md").read_text().split("## ")[1]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == layers


def test_the_architecture_page_names_every_room_of_the_engine():
    rooms = {path.stem for path in ROOT.glob("aion_core/src/aion_core/engine/*.py")} - {"__init__"}
    section = (ROOT / "docs/architecture.md").read_text().split("## The turn")[1].split("## ")[0]
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)))
    assert sorted(named) == sorted(rooms)


def prose(page):
    """Without code, in which brackets mean something else."""
    return re.sub(r"^```.*?^```|`[^`\n]+`", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_between_documents_lead_somewhere():
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")):
        for path, anchor in re.findall(r"\]\((?!http)([^)#]*)(?:#([^)]+))?\)", prose(page)):
            target = page.parent / path if path else page
            assert target.exists(), f"{page.relative_to(ROOT)} links to {path}"
            assert not anchor or anchor in anchors(target), f"{page.relative_to(ROOT)} links to {path}#{anchor}"
