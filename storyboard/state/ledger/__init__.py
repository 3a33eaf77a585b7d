"""The ledger: every intent, job, refusal and charge."""

from storyboard.state.ledger.submissions import DAY, AlreadyAsked, KnownJob, Ledger, unused

__all__ = ["DAY", "AlreadyAsked", "KnownJob", "Ledger", "unused"]
