"""The program: as light as it can be until signals are taken."""

import os


def main() -> None:
    """Run one command and leave with its exit status."""
    try:
        from storyboard.system.signals import take

        take()
        from storyboard.cli.main import main as run

        run()
    except KeyboardInterrupt:  # once at most, wherever it was raised
        os._exit(130)


if __name__ == "__main__":
    main()
