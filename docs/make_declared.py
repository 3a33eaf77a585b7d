"""Fill docs/declared.md and docs/providers.md from the shipped declarations, so that pages and files cannot differ.

Run it after a change of storyboard/providers/declared/shipped/: python docs/make_declared.py
"""

import re
from pathlib import Path

from storyboard.costs.prices import amount
from storyboard.model.tariff import Tariff
from storyboard.providers.declared.catalogue import shipped_names, shipped_provider
from storyboard.providers.declared.declaration import Declaration, DeclaredModel
from storyboard.providers.declared.interpreter import Declared

PAGES = [Path(__file__).parent / name for name in ("declared.md", "providers.md")]
_PART = re.compile(r"(<!-- (services|guesses) -->\n).*?(<!-- end -->)", re.DOTALL)
_TITLES = {
    "ark": "Ark (BytePlus, Volcengine): Seedance",
    "dashscope": "DashScope (Alibaba): Wan",
    "fal": "fal.ai",
    "kie": "kie.ai's market",
    "kling": "Kling",
    "luma": "Luma Dream Machine",
    "minimax": "MiniMax",
    "replicate": "Replicate",
    "runway": "Runway",
    "xai": "xAI: Grok Imagine",
}
_KEYS = {
    "ark": "console.byteplus.com/ark",
    "dashscope": "bailian.console.alibabacloud.com",
    "fal": "fal.ai/dashboard/keys",
    "kie": "kie.ai/api-key",
    "kling": "app.klingai.com/global/dev",
    "luma": "lumalabs.ai/dream-machine/api/keys",
    "minimax": "platform.minimax.io",
    "replicate": "replicate.com/account/api-tokens",
    "runway": "dev.runwayml.com",
    "xai": "console.x.ai",
}


def filled(page: str) -> str:
    """The page with each part between its marker and ``<!-- end -->`` as the declarations are now."""
    made = {"services": _services, "guesses": _guesses}
    return _PART.sub(lambda found: found[1] + made[found[2]]() + found[3], page)


def _declarations() -> list[Declaration]:
    found = [shipped_provider(name) for name in shipped_names()]
    whole = [provider.declaration for provider in found if isinstance(provider, Declared)]
    return sorted(whole, key=lambda each: (not each.facts.sure, each.name))


def _services() -> str:
    return "\n".join(map(_section, _declarations()))


def _section(known: Declaration) -> str:
    table = f"[providers.{known.name}]" + ("" if known.facts.sure else "\nunconfirmed = true")
    rows = [
        "| model | shapes | seconds | resolutions | images | sound | price |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *map(_row, known.models.values()),
    ]
    lines = [
        f"### {_TITLES[known.name]}",
        "",
        f"Get a key: <https://{_KEYS[known.name]}>. Put it in `STORYBOARD_KEY_{known.name.upper()}` or "
        f"`{known.key_variable}`.",
        "",
        "```toml",
        f'provider = "{known.name}"',
        table,
        "```",
        "",
        *rows,
        "",
        f"Facts of {known.facts.date}, from: {known.facts.source}.",
        "",
        "Guessed:",
        "",
        *(f"* {guess.partition(': ')[2]}" for guess in known.facts.guessed),
        "",
    ]
    return "\n".join(lines)


def _row(declared: DeclaredModel) -> str:
    model = declared.model
    images = {"first_frame": "first", "last_frame": "first and last", "references": f"{model.references} references"}
    taken = [images[role] for role in declared.roles if role in images]
    cells = (
        f"`{model.name}`",
        ", ".join(model.aspects),
        str(model.lengths).removesuffix(" s") if model.lengths else str(model.seconds),
        ", ".join(quality.name for quality in model.resolutions),
        ", ".join(taken) or "none",
        {"switch": "a choice"}.get(model.sound, model.sound),
        _price(declared.tariff),
    )
    return f"| {' | '.join(cells)} |"


def _price(tariff: Tariff | None) -> str:
    if tariff is None:
        return "yours to set"
    said = []
    for words, amounts in (("a clip", tariff.clip), ("a second", tariff.second), ("an image", tariff.image)):
        if amounts:
            each = [f"{amount(value)}{f' ({name})' if name else ''}" for name, value in amounts.items()]
            said.append(f"{', '.join(each)} {tariff.unit} {words}")
    return "; ".join(said)


def _guesses() -> str:
    return "\n".join(f"* {guess}" for known in _declarations() for guess in known.facts.guessed) + "\n"


if __name__ == "__main__":
    for file in PAGES:
        file.write_text(filled(file.read_text("utf-8")), "utf-8")
