"""storyboard doctor: what is installed, reachable, configured, damaged; and what to do about it."""

from typing import TYPE_CHECKING

import click

from storyboard.cli.exit_status import class_status
from storyboard.cli.options import json_option
from storyboard.model.text import safe_text, to_json

if TYPE_CHECKING:
    from storyboard.workflow.doctor import Finding


@click.command
@json_option
@click.option("--offline", is_flag=True, help="Do not connect to the provider.")
def command(as_json: bool, offline: bool) -> int:
    """Check everything that a render needs, and report what is wrong."""
    from storyboard.workflow.doctor import check_installation

    findings = list(check_installation(offline=offline))
    if as_json:
        click.echo(to_json({"findings": [_document(finding) for finding in findings]}))
    else:
        for finding in findings:
            click.echo(safe_text(f"{finding.state:<4} {finding.subject:<10} {finding.said}"))
            if finding.hint:
                click.echo(safe_text(f"{'':<15} {finding.hint}"))
    return max(map(_status, findings), default=0)


def _document(finding: "Finding") -> dict[str, object]:
    """A finding as JSON, with the exit status that it leads to."""
    said = {"subject": finding.subject, "state": finding.state, "said": finding.said, "hint": finding.hint}
    return {**said, "exit": _status(finding)}


def _status(finding: "Finding") -> int:
    return class_status(finding.fault) if finding.fault else 0
