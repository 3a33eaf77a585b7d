"""The traceback of an exception that nobody foresaw, in a file that can be sent with a report."""

import tempfile
import traceback
from collections.abc import Callable


def keep_traceback(error: BaseException, mask: Callable[[str], str] = str) -> str:
    """Write the traceback of an exception to a new file; return the hint that names it.

    ``mask`` removes secrets from the text. Where no file can be written, the hint has the last line of the text.
    """
    text = mask("".join(traceback.format_exception(error)))
    try:
        with tempfile.NamedTemporaryFile("w", prefix="storyboard-", suffix=".txt", delete=False) as file:
            file.write(text)
    except (OSError, UnicodeError):
        return text.strip().splitlines()[-1]
    return f"the details are in {file.name}; please report it with that file"
