"""The ledger: every submission, take, charge and pin. A submission is recorded before it is sent."""

from pathlib import Path

from storyboard.state.ledger.charges import Charges
from storyboard.state.ledger.database import Database, accept, is_unused, restore
from storyboard.state.ledger.found_jobs import FoundJobs
from storyboard.state.ledger.inbox import CallbackInbox
from storyboard.state.ledger.pins import DAY, Pins
from storyboard.state.ledger.submissions import AlreadyAsked, KnownJob, Submissions
from storyboard.state.ledger.taken_frames import TakenFrames
from storyboard.state.ledger.takes import Takes
from storyboard.state.ledger.upload_addresses import UploadAddresses

__all__ = ["DAY", "AlreadyAsked", "KnownJob", "Ledger", "accept", "is_unused", "restore"]


class Ledger:
    """The ledger in one file: one database. Each method of a table raises LocalFault if the file fails."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = Database(path)
        self.charges = Charges(self.database)
        self.submissions = Submissions(self.database, self.charges)
        self.found_jobs = FoundJobs(self.database, self.submissions)
        self.takes = Takes(self.database)
        self.frames = TakenFrames(self.database)
        self.pins = Pins(self.database)
        self.inbox = CallbackInbox(self.database, self.submissions)
        self.upload_addresses = UploadAddresses(self.database)

    def close(self) -> None:
        """Close the file."""
        self.database.close()
