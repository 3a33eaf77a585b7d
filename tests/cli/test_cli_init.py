"""storyboard init: whichever film a project starts from, it is right; and what a shell completes in it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from studio import Run, Studio

TEMPLATES = ("ad-9x16", "trailer", "explainer")


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_has_nothing_to_mend(run: Run, template: str) -> None:
    """Neither an error nor a warning; and no image that is not there."""
    assert run("init", "--template", template)[0] == 0
    status, said, warned = run("validate", "storyboard.yaml")
    assert (status, said) == (0, ""), said
    assert "no problems" in warned
    assert {file.name for file in Path().rglob("*.schema.json")} == {"storyboard.schema.json", "scenes.schema.json"}


@pytest.mark.ci
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_a_film(run: Run, studio: Studio, template: str) -> None:
    assert run("init", "--template", template)[0] == 0
    assert run("render", "--draft", "--quiet")[0] == 0
    assert (studio.folder / "out" / f"{template}.mp4").exists()


def test_no_template_of_that_name(run: Run) -> None:
    status, _, said = run("init", "--template", "ad")
    assert status == 2
    assert "'ad-9x16', 'trailer', 'explainer'" in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_asks_the_program(run: Run, shell: str) -> None:
    status, script, _ = run("completion", shell)
    assert status == 0
    assert f"_STORYBOARD_COMPLETE={shell}_complete" in script


def test_a_flag_is_completed(studio: Studio) -> None:
    """What the script of bash asks at Tab."""
    asked = {"_STORYBOARD_COMPLETE": "bash_complete", "COMP_WORDS": "storyboard render --dr", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-m", "storyboard"], env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["plain,--draft"]


def test_the_schema_of_include_files(run: Run) -> None:
    assert '"title": "Included scenes"' in run("schema", "--scenes")[1]
