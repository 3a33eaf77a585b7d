"""Addresses of uploaded images, kept between runs."""

from datetime import datetime

from storyboard.state.ledger.database import Database


class UploadAddresses:
    """The table ``addresses`` (uploads.Remembered). ``digest`` is the SHA-256 of an image's bytes in hex."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def upload_address(self, destination: str, digest: str, now: datetime) -> str | None:
        """The address of an uploaded image, if it is valid after ``now``; else None."""
        found = self._database.query(
            "SELECT url FROM addresses WHERE destination = ? AND digest = ? AND expires > ?",
            (destination, digest, now.timestamp()),
        )
        return found[0]["url"] if found else None

    def remember_upload(self, destination: str, digest: str, url: str, expires: datetime) -> None:
        """Record the address of an uploaded image, and until when it is valid."""
        self._database.execute(
            "INSERT OR REPLACE INTO addresses VALUES (?, ?, ?, ?)", (destination, digest, url, expires.timestamp())
        )

    def forget_upload(self, destination: str, digest: str) -> None:
        """Delete the address of an uploaded image: the service no longer has it."""
        self._database.execute("DELETE FROM addresses WHERE destination = ? AND digest = ?", (destination, digest))
