"""Shared by the generators here: where vectors go, and what made them."""
import base64, hashlib, importlib.metadata, json, pathlib

HERE = pathlib.Path(__file__).parent


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(name: str, libraries: list[str], content: dict) -> None:
    versions = {library: importlib.metadata.version(library) for library in libraries}
    text = json.dumps({"generator": f"{name}.py", "libraries": versions, **content}, indent=1, ensure_ascii=True)
    (HERE / f"{name}.json").write_text(text + "\n")
