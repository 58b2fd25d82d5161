"""README.md and docs/: links lead somewhere, and the program takes the commands.

What a command does is not tried here.
"""

import pathlib
import re
import shlex

import pytest
import yaml

from gandl_jax import (
    command_line,
    config_checks,
    config_files,
    modules,
    packaged_configs,
)
from gandl_jax import config as configs

ROOT = pathlib.Path(__file__).parents[1]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    if path.name != "index.md"  # README.md again, made by `make site`
}
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|^(?:    .*\n)+|`[^`]+`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PROGRAM = re.compile(r"gandl_jax\.main|launch/\w+\.sh")
COPIED = "configs/wound_healing.py"  # of the template, by a reader
ELSEWHERE = ("configs/FILE.py", "turns", "NAME")  # what a reader writes or makes


def anchors(text):
    """Anchors of a page's headings, as GitHub makes them."""
    plain = [re.sub(r"[^\w\- ]", "", h.lower()) for h in HEADING.findall(text)]
    return {heading.replace(" ", "-") for heading in plain}


def commands(text):
    """Options of every command line of a page that has a --config."""
    for code in CODE.findall(text):
        for line in code.strip("`").replace("\\\n", " ").splitlines():
            if "--config=" in line:
                ours = PROGRAM.split(line)[-1]  # not srun's, say
                words = shlex.split(ours, comments=True)
                yield [word for word in words if word.startswith("--")]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for link in LINK.findall(PAGES[page]):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


def test_the_site_and_the_readme_lead_to_every_page():
    chapters = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"][1:]
    named = [
        f"docs/{page}"
        for chapter in chapters
        for pages in chapter.values()
        for entry in pages
        for page in entry.values()
    ]
    assert sorted(named) == sorted(PAGES.keys() - {"README.md"})
    assert {*named} <= {link for link in LINK.findall(PAGES["README.md"])}


@pytest.mark.parametrize("page", PAGES)
def test_the_program_takes_the_commands(page):
    for options in commands(PAGES[page]):
        rest, settings = command_line.split(options)
        flags = command_line.define_flags()
        flags(["gandl_jax", *rest])
        if any(name in flags.config for name in ELSEWHERE):
            continue
        path = flags.config.replace(COPIED, "configs/my_screen.py")
        named = packaged_configs.is_named(path)
        config = config_files.load(path if named else str(ROOT / path))
        configs.override(config, settings)
        jobs = configs.all_jobs(config) if flags.job == ["all"] else flags.job
        assert {*jobs} <= {*modules.names("jobs", "run")}, options
        config_checks.validate(config, jobs)


def test_commands_are_seen():
    text = "```\npython -m x --config=a \\\n  --job=b  # c\n```\n`... --config=d`\n"
    assert [*commands(text)] == [["--config=a", "--job=b"], ["--config=d"]]
    assert sum(len([*commands(text)]) for text in PAGES.values()) > 30
