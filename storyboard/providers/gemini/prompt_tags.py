"""The tags by which a prompt gives images their roles: those of the images sent, and no others.

Source: services.md section 3. A tag is written ``<FIRST_FRAME>``, ``<LAST_FRAME>`` or ``<IMAGE_REF_0>``.
"""

import re
from collections.abc import Iterable

from storyboard.providers.base import Role

# Everything that the service might take for a tag, also of roles that storyboard sends nothing for.
_TAG = re.compile(r"<[<\s]*+(FIRST_FRAME|LAST_FRAME|(?:IMAGE|VIDEO|AUDIO)_REF_[0-9]+)\s*>+", re.IGNORECASE)


def tagged_prompt(prompt: str, roles: Iterable[Role]) -> str:
    """Return the prompt with a tag in front for each image, in their order.

    Of tags that the author wrote, ``<IMAGE_REF_n>`` stays if that reference is sent, and is not put in front again. Any
    other one loses its brackets, so that no image gets a role that the storyboard does not give it.
    """
    tags, references = [], 0
    for role in roles:
        tags.append(role.upper() if role != "reference" else f"IMAGE_REF_{references}")
        references += role == "reference"
    written = set()

    def kept_or_bare(found: re.Match[str]) -> str:
        name = found[1].upper()
        if name not in tags or not name.startswith("IMAGE_REF_"):
            return found[1]
        written.add(name)
        return f"<{name}>"

    text = _TAG.sub(kept_or_bare, prompt)
    return " ".join([*(f"<{tag}>" for tag in tags if tag not in written), text])
