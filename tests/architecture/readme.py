"""The README's tables, made from the code. `python -m tests.architecture.readme` writes them into README.md."""

import re
from pathlib import Path

from config.reference import settings_table
from transfer_service.domain.permissions import GRANTS, Permission
from transfer_service.domain.roles import ROLE_LABELS, Role
from transfer_service.domain.transfer import mermaid

README = Path(__file__).parents[2] / "README.md"


def permissions_table() -> str:
    """Who may do what: a row a permission, a column a role."""
    head = "| permission | " + " | ".join(ROLE_LABELS[role] for role in Role) + " |"
    rows = [head, "| --- |" + " :-: |" * len(Role)]
    for permission in Permission:
        marks = " | ".join("●" if permission in GRANTS[role] else " " for role in Role)
        rows.append(f"| `{permission.value}` | {marks} |")
    return "\n".join(rows) + "\n"


def states_diagram() -> str:
    """The life of a dispatch as a Mermaid diagram."""
    return f"```mermaid\n{mermaid()}```\n"


SECTIONS = {"permissions": permissions_table, "states": states_diagram, "settings": settings_table}


def section(name: str, text: str) -> str:
    """What stands between the README's two markers of this name."""
    found = re.search(rf"<!-- {name}: made from the code -->\n(.*?)<!-- end of {name} -->", text, re.DOTALL)
    assert found is not None, f"README.md has no section {name}"
    return found.group(1)


def write() -> None:
    """Bring the README's tables up to date."""
    text = README.read_text(encoding="utf-8")
    for name, make in SECTIONS.items():
        before, old, after = text.partition(section(name, text) + f"<!-- end of {name} -->")
        assert old
        text = f"{before}\n{make()}\n<!-- end of {name} -->{after}"
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
