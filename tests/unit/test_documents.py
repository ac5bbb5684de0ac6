"""What the documents name is there: files, headings, settings; and what can be set is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.paths import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_READ = re.compile(
    r'(?:env|environment)\.get\("([A-Z_]+)"'
    r'|_(?:port|range|seconds|url)\(env, "([A-Z_]+)"'
    r'|_allowed\(settings, "([A-Z_]+)"'
)


def slug(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", "")).replace(" ", "-")


def headings(path: Path) -> set[str]:
    return {slug(found) for found in re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for link in _LINK.findall(path.read_text()):
        if link.startswith(("http:", "https:", "mailto:")):
            continue
        name, _, heading = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        assert not heading or heading in headings(target), link


@pytest.mark.parametrize("language", ["", "zh/"])
def test_every_setting_of_make_run_is_described(language: str) -> None:
    sources = "".join((ROOT / "infra/local" / name).read_text() for name in ("settings.py", "plan.py"))
    known = {name for found in _READ.findall(sources) for name in found if name}
    assert {"SLUICE_HOME", "SLUICE_PRIVATE_TARGETS", "HTTP_PORT", "SLUICE_PUBLIC_URL"} <= known, "the pattern is old"
    described = (ROOT / f"docs/{language}operations.md").read_text()
    # Those of certificates are in a document of their own.
    assert {name for name in known if name not in described and not name.startswith("SLUICE_ACME_")} == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_document_speaks_of_what_is_gone(path: Path) -> None:
    if path.parent.name == "decisions" or path.name == "CHANGELOG.md":
        return
    gone = re.compile(r"embedded (cloud|default)|functions\.log|内嵌云")
    assert not gone.search(path.read_text())
