"""tidy.py TREE JOBS: clang-tidy over every file of our own in TREE's compilation database.

Most of what clang-tidy costs is looking through the headers of libraries, the same ones for each file. So files of one
folder with the same flags are looked at together, as one unit that includes them; where names of theirs collide, the unit is
cut in two until it compiles.

A file that was clean is not looked at again before something that it is made of changes: itself, our headers that it
includes, its flags, the rules, or clang-tidy. What is known to be clean is remembered in TREE/clean.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

RULES = ".clang-tidy"
TOGETHER_MAX = 8
INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
NOISE = re.compile(r"^(\d+ warnings? (generated|treated)|Suppressed |Use -header-filter|Error while processing)")


class Unit:
    """One file of the compilation database: where it is, and the flags that matter to a parser."""

    def __init__(self, entry):
        self.source = pathlib.Path(entry["file"])
        words = shlex.split(entry["command"])
        words = words[next(i for i, word in enumerate(words) if "clang" in os.path.basename(word)) + 1:]
        at = words.index("-o")
        self.flags = tuple(word for word in words[:at] + words[at + 2:] if word not in ("-c", entry["file"]))
        self.folder = entry["directory"]


def sources_of(source, root, seen):
    """The file and every file of ours that it includes."""
    if source in seen or not source.is_file():
        return
    seen.add(source)
    for name in INCLUDE.findall(source.read_bytes()):
        for folder in (root, source.parent):
            sources_of(folder / name.decode(), root, seen)


def rules_of(source, root):
    """The rule files that clang-tidy reads for a source: from its folder up to the root."""
    folder = source.parent
    while True:
        if (folder / RULES).exists():
            yield folder / RULES
        if folder == root:
            return
        folder = folder.parent


def digest_of(unit, root, version):
    """Changes whenever the findings could."""
    parts = set()
    sources_of(unit.source, root, parts)
    state = hashlib.sha256(version + " ".join(unit.flags).encode())
    for part in sorted(parts) + list(rules_of(unit.source, root)):
        state.update(str(part).encode() + b"\0" + hashlib.sha256(part.read_bytes()).digest())
    return state.hexdigest()


def batches(units):
    """Lists of at most TOGETHER_MAX units that may share a translation unit."""
    groups = {}
    for unit in units:
        groups.setdefault((unit.source.parent, unit.flags, unit.folder), []).append(unit)
    for group in groups.values():
        for start in range(0, len(group), TOGETHER_MAX):
            yield group[start:start + TOGETHER_MAX]


def run(words, folder):
    return subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def examine(units, tree, root):
    """The findings for some files, as a list of (units, text); the text is empty where all is clean."""
    first, checks, flags = units[0], [], []
    source = first.source
    if len(units) > 1:
        # It stands in a copy of the folders that have rules, because clang-tidy takes those above the file; it has the name
        # by which the analyzer knows that what it includes are sources.
        mirror = tree / "together"
        for rules in rules_of(first.source, root):
            copy = mirror / rules.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(rules.read_bytes())
        name = hashlib.sha256("\n".join(str(unit.source) for unit in units).encode()).hexdigest()[:16]
        source = mirror / first.source.parent.relative_to(root) / f"UnifiedSource{name}.cpp"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text("".join(f'#include "{unit.source}"\n' for unit in units))
        if run(["clang++", *first.flags, "-w", "-fsyntax-only", str(source)], first.folder).returncode != 0:
            half = len(units) // 2
            return examine(units[:half], tree, root) + examine(units[half:], tree, root)
        # What one file says may hide or repeat what is said in another one that it never meets.
        checks = ["-checks=-bugprone-suspicious-include,-readability-redundant-declaration"]
        flags = ["-Wno-shadow"]
    outcome = run(["clang-tidy", "-quiet", *checks, f"-header-filter=^{re.escape(str(root))}/", str(source), "--",
                   *first.flags, *flags], first.folder)
    if outcome.returncode == 0:
        return [(units, "")]
    text = "\n".join(line for line in outcome.stdout.splitlines() if not NOISE.match(line))
    return [(units, text or f"{source.name}: clang-tidy failed")]


def main():
    tree, jobs = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2])
    root = pathlib.Path(__file__).resolve().parent.parent
    (tree / "clean").mkdir(exist_ok=True)
    version = subprocess.run(["clang-tidy", "--version"], check=True, stdout=subprocess.PIPE).stdout
    units = [Unit(entry) for entry in json.loads((tree / "compile_commands.json").read_text())
             if pathlib.Path(entry["file"]).is_relative_to(root) and tree not in pathlib.Path(entry["file"]).parents]
    marks = {unit: tree / "clean" / digest_of(unit, root, version) for unit in units}
    open_units = [unit for unit in units if not marks[unit].exists()]
    print(f"lint: clang-tidy looks at {len(open_units)} of {len(units)} files; the others did not change", flush=True)
    failed = False
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for outcome in pool.map(lambda batch: examine(batch, tree, root), batches(open_units)):
            for examined, findings in outcome:
                if findings:
                    failed = True
                    print(findings, flush=True)
                    continue
                for unit in examined:
                    marks[unit].touch()
    if failed:
        sys.exit("lint: clang-tidy found something")
    print(f"lint: clang-tidy is content with {len(units)} files")


if __name__ == "__main__":
    main()
