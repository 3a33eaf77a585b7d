"""Ask at a terminal whether the jobs in progress shall be cancelled."""

import select
import sys

import click

_SECONDS = 3  # for the answer; the run is being left


def may_cancel(jobs: int) -> bool:
    """Whether the user wants the jobs cancelled: no by default, after 3 seconds, and where there is no terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    what = "the job" if jobs == 1 else f"the {jobs} jobs"
    click.echo(f"cancel {what} in progress? [y/N] ", nl=False, err=True)
    ready, _, _ = select.select([sys.stdin], [], [], _SECONDS)
    return bool(ready) and sys.stdin.readline().strip().lower() in ("y", "yes")
