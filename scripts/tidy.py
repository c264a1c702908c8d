"""tidy.py TREE JOBS: clang-tidy over every file of our own in TREE's compilation database.

A file that was clean is not looked at again before something that it is made of changes: its preprocessed text (all
headers, comments included), the rules, or clang-tidy itself. What is known to be clean is remembered in TREE/clean.
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


def preprocess(entry):
    """Everything the file is made of, as the compiler sees it."""
    words = shlex.split(entry["command"])
    words = words[next(i for i, word in enumerate(words) if "clang" in os.path.basename(word)):]
    at = words.index("-o")
    del words[at:at + 2]
    words.remove("-c")
    return subprocess.run(words + ["-E", "-C", "-w"], cwd=entry["directory"], check=True, stdout=subprocess.PIPE).stdout


def rules_of(source, root):
    """The rule files that clang-tidy reads for a source: from its folder up to the root."""
    folder = source.parent
    while True:
        if (folder / RULES).exists():
            yield (folder / RULES).read_bytes()
        if folder == root:
            return
        folder = folder.parent


def examine(entry, tree, root, version):
    """The findings for one file, as text; empty when it is clean."""
    source = pathlib.Path(entry["file"])
    digest = hashlib.sha256(version + b"".join(rules_of(source, root)) + preprocess(entry)).hexdigest()
    mark = tree / "clean" / digest
    if mark.exists():
        return ""
    outcome = subprocess.run(["clang-tidy", "-quiet", "-p", str(tree), "-header-filter=^" + re.escape(str(root)) + "/",
                              str(source)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if outcome.returncode == 0:
        mark.touch()
        return ""
    noise = re.compile(r"^(\d+ warnings? (generated|treated)|Suppressed |Use -header-filter|Error while processing)")
    return "\n".join(line for line in outcome.stdout.splitlines() if not noise.match(line)) or source.name + ": failed"


def main():
    tree, jobs = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2])
    root = pathlib.Path(__file__).resolve().parent.parent
    (tree / "clean").mkdir(exist_ok=True)
    version = subprocess.run(["clang-tidy", "--version"], check=True, stdout=subprocess.PIPE).stdout
    entries = [entry for entry in json.loads((tree / "compile_commands.json").read_text())
               if pathlib.Path(entry["file"]).is_relative_to(root) and tree not in pathlib.Path(entry["file"]).parents]
    found = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for findings in pool.map(lambda entry: examine(entry, tree, root, version), entries):
            if findings:
                found += 1
                print(findings, flush=True)
    if found:
        sys.exit(f"lint: clang-tidy found something in {found} of {len(entries)} files")
    print(f"lint: clang-tidy is content with {len(entries)} files")


if __name__ == "__main__":
    main()
