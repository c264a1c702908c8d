#!/usr/bin/env python3
"""Writes the seed corpora of the fuzz targets from the recorded conversations; formats: see each target's first lines."""
import json
import pathlib

here = pathlib.Path(__file__).resolve().parent
recorded = json.loads((here / "../golden/wire/wire-11.json").read_text())
names = ["sync", "request", "cancel", "data", "noData", "want", "unwant", "bitfield", "range", "extension"]
size_max = 3000


def write(target, name, content):
    folder = here / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def seed(pair):
    return bytes.fromhex(pair["secretKey"])[:32]


def framed(frames):
    """As many whole frames as fit."""
    content = b""
    for frame in frames:
        if len(content) + len(frame) + 3 <= size_max:
            content += len(frame).to_bytes(3, "little") + frame
    return content


for index, entry in enumerate(recorded["encodings"]["messages"]):
    kind = names.index(entry["message"]) if entry["message"] in names else 10
    write("codec", f"{index:02}-{entry['message']}", bytes([kind]) + bytes.fromhex(entry["body"]))
for index, entry in enumerate(recorded["encodings"]["manifests"]):
    write("manifest", f"{index:02}", bytes.fromhex(entry["body"]))

for vector in recorded["vectors"]:
    keys = vector["keys"]
    for role in ("initiator", "responder"):
        sent = [event for event in vector["events"] if event.get("from") == role and "raw" in event]
        plain = [bytes.fromhex(event["plain"]) for event in sent if event["kind"] == "data"]
        accept = b"\0\0\0" + bytes([0xC0])
        write("mux", f"{vector['name']}-{role}", framed(plain[:1]) + accept + framed(plain[1:]))
    if not vector.get("cores"):
        continue
    header = seed(keys["responderStatic"]) + seed(keys["responderEphemeral"])
    header += seed(keys["initiatorStatic"]) + seed(keys["initiatorEphemeral"])
    header += bytes.fromhex(vector["cores"][0]["key"])
    sent = [event for event in vector["events"] if event.get("from") == "initiator" and "raw" in event]
    raw = b"".join(bytes.fromhex(event["raw"]) for event in sent)
    plain = [bytes.fromhex(event["plain"]) for event in sent if event["kind"] == "data"]
    if vector["name"] in ("full", "sparse", "cancel"):
        write("connection", f"{vector['name']}-raw", b"\x04" + header + raw[:size_max])
    write("connection", f"{vector['name']}-plain", b"\x01" + header + framed(plain))

previous = json.loads((here / "../golden/legacy/legacy-9.json").read_text())
for index, entry in enumerate(previous["frames"]["encode"]):
    write("legacy", f"{index:02}-{entry['name']}", bytes.fromhex(entry["frame"]))
for index, entry in enumerate(previous["bitfieldRle"][:8]):
    write("legacy", f"bits-{index:02}", bytes.fromhex(entry["encoded"]) or b"\0")
for number, transcript in enumerate(previous["transcripts"]):
    content = b"".join(bytes.fromhex(entry["frame"]) for entry in transcript["frames"])
    write("legacy", f"transcript-{number}", content[:size_max])

# Directories: u8 which, then for each file u16le length and content (see directory_fuzz.cpp)
nine = ["key", "name", "secret_key", "bitfield", "tree", "signatures", "data"]
ten = ["oplog", "bitfield", "tree", "data", "header"]
directory_bytes_max = 20000


def directory(which, names, files):
    content = bytes([which])
    for name in names:
        raw = bytes.fromhex(files.get(name, ""))
        content += len(raw).to_bytes(2, "little") + raw
    return content


for entry in json.loads((here / "../golden/previous/files-10.json").read_text())["cores"]:
    name = entry["title"].replace(" ", "-").replace(",", "")
    packed = directory(0, ten, entry["files"])
    if len(packed) <= directory_bytes_max:
        write("directory", f"ten-{name}", packed)
    if len(entry["files"]["oplog"]) <= 2 * directory_bytes_max:
        write("oplog", name, bytes.fromhex(entry["files"]["oplog"]))
for index, dump in enumerate(previous["stores"]["dumps"]):
    folders = sorted({name.rsplit("/", 1)[0] for name in dump["files"] if "/" in name})
    for number, folder in list(enumerate(folders))[:6]:
        files = {name.rsplit("/", 1)[1]: raw for name, raw in dump["files"].items() if name.startswith(folder + "/")}
        packed = directory(1, nine, files)
        if len(packed) <= directory_bytes_max:
            write("directory", f"nine-{index}-{number}", packed)
