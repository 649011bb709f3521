#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual as a web site, by mkdocs: `./dev manual`.

docs/index.md is its only table of contents: each `## Heading` is a chapter, each `- [Title](page.md)` below it a page of the
chapter; the decisions follow by number. The pages are copied as they lie in the tree, with what they link to, so that their links lead to the same
places there as on disk. A page that index.md does not list, or lists twice, is an error, as is every warning of mkdocs.
"""

import argparse
import importlib.util
import json
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
LINK = re.compile(r"(\[[^\]]*\])\(([^)\s]+)\)")


def contents() -> list[tuple[str, list[tuple[str, str]]]]:
    """Chapters of index.md: heading, then (title, path from the root of the tree) of each page."""
    chapters = []
    for line in (ROOT / "docs/index.md").read_text().split("\n"):
        if heading := re.match(r"## (.*)", line):
            chapters.append((heading[1], []))
        elif chapters and (entry := re.match(r"- \[([^\]]+)\]\(([^)#]+\.md)\)", line)):
            page = (ROOT / "docs" / entry[2]).resolve()
            chapters[-1][1].append((entry[1], str(page.relative_to(ROOT))))
    for page in sorted((ROOT / "docs/decisions").glob("*.md")):
        title = re.search(r"^# (.*)", page.read_text(), re.MULTILINE)
        chapters[-1][1].append((title[1] if title else page.stem, str(page.relative_to(ROOT))))
    return chapters


def complaints(chapters: list) -> list[str]:
    listed = [page for _, pages in chapters for _, page in pages]
    wrong = [f"docs/index.md lists `{page}` twice" for page in sorted(set(listed)) if listed.count(page) > 1]
    wrong += [f"docs/index.md lists `{page}`, which is not there" for page in listed if not (ROOT / page).is_file()]
    have = {str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")} - {"docs/index.md"}
    return wrong + [f"docs/index.md does not list `{page}`" for page in sorted(have - set(listed))]


def stage(pages: list[str], folder: pathlib.Path) -> None:
    """Pages, and the files that they link to; a link to a folder becomes plain text, as a site has no folders to show."""
    for page in pages:
        (folder / page).parent.mkdir(parents=True, exist_ok=True)

        def led(found: re.Match, source: pathlib.Path = ROOT / page) -> str:
            path = found[2].split("#")[0]
            if re.match(r"[a-z]+:", found[2]) or not path:
                return found[0]
            target = (source.parent / path).resolve()
            if target.is_dir():
                return found[1][1:-1]
            copy = folder / target.relative_to(ROOT)
            if target.is_file() and not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(target, copy)
            return found[0]

        (folder / page).write_text(LINK.sub(led, (ROOT / page).read_text()))


def main() -> int:
    parser = argparse.ArgumentParser(description="builds the manual")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the folder for it; its `site` is the result")
    out = parser.parse_args().out.resolve()
    chapters = contents()
    if wrong := complaints(chapters):
        print("\n".join(wrong))
        return 1
    if shutil.which("mkdocs") is None and importlib.util.find_spec("mkdocs") is None:
        print("skipped: mkdocs is not installed (Debian: `mkdocs`)")
        return 77
    shutil.rmtree(out, ignore_errors=True)
    pages = ["docs/index.md", *(page for _, listed in chapters for _, page in listed)]
    stage(pages, out / "pages")
    settings = {"site_name": "Septum", "docs_dir": "pages", "site_dir": "site", "theme": "mkdocs", "use_directory_urls": False,
                "nav": [{"Contents": "docs/index.md"}, *({title: [{name: page} for name, page in listed]} for title, listed in chapters)]}
    (out / "mkdocs.yml").write_text(json.dumps(settings, indent=2))  # JSON is YAML
    program = ["mkdocs"] if shutil.which("mkdocs") else [sys.executable, "-m", "mkdocs"]
    done = subprocess.run([*program, "build", "--strict", "--quiet", "--config-file", out / "mkdocs.yml"], capture_output=True, text=True)
    if done.returncode != 0 or done.stderr.strip():
        print(done.stdout + done.stderr)
        return 1
    print(f"{len(pages)} pages in {out / 'site'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
