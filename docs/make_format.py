"""Fill the tables of docs/format.md from the schema, so that the page and the command cannot differ.

Run it after a change of schemas/storyboard.schema.json: python docs/make_format.py
"""

import json
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "format.md"
SCHEMA = Path(__file__).parents[1] / "schemas" / "storyboard.schema.json"

_TABLE = re.compile(r"(<!-- keys of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true, false",
    "array": "list",
    "object": "mapping",
}


def filled(page: str) -> str:
    """The page with each table between ``<!-- keys of NAME -->`` and ``<!-- end -->`` as the schema has it now."""
    whole = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return _TABLE.sub(lambda found: found[1] + _table(found[2], whole) + found[3], page)


def _table(name: str, whole: dict[str, Any]) -> str:
    rule = whole if name == "storyboard" else whole["$defs"][name]
    rows = ["| key | takes | default | meaning |", "| --- | --- | --- | --- |"]
    for key, inner in rule["properties"].items():
        inner = _named(inner, whole)
        needed = key in rule.get("required", ())
        default = "required" if needed else f"`{_written(inner['default'])}`" if "default" in inner else ""
        cells = (f"`{key}`", _takes(inner, whole), default, inner["description"])
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _named(rule: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    return whole["$defs"][rule["$ref"].rpartition("/")[2]] if "$ref" in rule else rule


def _takes(rule: dict[str, Any], whole: dict[str, Any]) -> str:
    rule = _named(rule, whole)
    if "enum" in rule:
        return ", ".join(f"`{_written(value)}`" for value in rule["enum"])
    if "type" not in rule:
        return " or ".join(f"`{part['const']}`" if "const" in part else _takes(part, whole) for part in rule["anyOf"])
    return _KINDS[rule["type"]]


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
