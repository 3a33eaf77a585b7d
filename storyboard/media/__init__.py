"""Moving pictures and sound: measured, verified, joined. Only files of this machine; no address ever reaches here."""
