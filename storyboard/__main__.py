"""The program: as light as it can be until Ctrl-C is understood."""

import os


def main() -> None:
    """Run one command and leave with its exit status."""
    try:
        from storyboard.cli import main as run

        run()
    except KeyboardInterrupt:
        os._exit(130)


if __name__ == "__main__":
    main()
