"""A new codec, ready to run: `codecs/_skeleton.py` under another name, here or as a package of its own."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from ..api import registry
from ..util.errors import UsageError

_ROOT = Path(__file__).resolve().parents[2]
_CODECS = _ROOT / "codecs"
_PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{package}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["talkbench"]

[project.entry-points."talkbench.codecs"]
{name} = "{module}"

[tool.setuptools]
py-modules = ["{module}"]
"""


def new_codec(name: str, folder: Path | None = None) -> Path:
    """Write a working codec called `name` and return its file.

    Without `folder` it goes into talkbench's own `codecs` and is found by its file name. In a folder
    it becomes a package with an entry point, found once installed (`pip install -e FOLDER`).
    Nothing is overwritten. Raises UsageError for a name that is taken or cannot be a file's.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or keyword.iskeyword(name):
        raise UsageError(
            f"{name!r} cannot be a codec's name: use lower-case letters, digits and single '-' between them, "
            "beginning with a letter, and not a Python keyword, such as 'my-codec'"
        )
    if name in registry.names("codecs"):
        raise UsageError(f"there is a codec called {name!r} already; choose another name")
    stem = name.replace("-", "_")
    source = (_CODECS / "_skeleton.py").read_text(encoding="utf-8")
    class_name = "".join(word.capitalize() for word in name.split("-"))
    source = source.replace("SkeletonCodec", f"{class_name}Codec").replace("skeleton", name)
    source = source.replace("SKELETON", name)
    if folder is None:
        files = {_CODECS / f"{stem}.py": source}
    else:
        package, module = f"talkbench-{name}", f"talkbench_{stem}"
        source = source.replace("from ..benchmark", "from talkbench.benchmark")
        pyproject = _PYPROJECT.format(package=package, name=name, module=module)
        files = {folder / f"{module}.py": source, folder / "pyproject.toml": pyproject}
    taken = [str(path) for path in files if path.exists()]
    if taken:
        raise UsageError(f"{' and '.join(taken)} would be overwritten; choose another name or folder")
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write the new codec: {error}; choose another folder") from error
    registry.forget()
    return next(iter(files))
