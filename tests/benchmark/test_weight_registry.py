"""The registry of learned parts: what is said of one that is wrong, and the one that ships."""

from pathlib import Path

import pytest
from part_factory import put
from talkbench.benchmark import weights
from talkbench.benchmark.api import registry
from talkbench.benchmark.util.errors import UsageError
from talkbench.benchmark.weights import entry, locate


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("file = '../net.pth'", "plain file name"),
        ("file = '.ssh'", "plain file name"),
        ("url = 'http://example.org/x'", "must be https"),
        ("url = 'file:///etc/passwd'", "must be https"),
        ("shipped = '../../etc/passwd'", "leads out"),
        ("hub = ['huggingface:a/b/../../c']", "leads out"),
        ("hub = ['somewhere']", "hub may have"),
        ("hub = [3]", "list of strings"),
        ("package = 'p'\npackage_file = '/etc/passwd'", "leads out"),
        ("package = 'p'", "go together"),
        ("sha256 = 'abc'", "64 hex digits"),
        ("bytes = '3'", "bytes must be a int"),
        ("unpack = 'bz2'", "needs bytes"),
        ("unpack = 'zip'", "unpack may be"),
        ("variant = 'mine'", "official or synthetic"),
        ("inside = '../x'", "plain key"),
        ("inside = ['model', '../x']", "plain key"),
        ("inside = []", "plain key"),
        ("inside = 3", "inside must be a str or list"),
        ("page = 'http://example.org'", "page must be https"),
        ("shipped = 'codecs/x.safetensors'", "needs its sha256"),
        ("speed = 3", "unknown key 'speed'"),
        ("what = ''", "'what' is missing"),
        ("url = ''", "needs a url, a page, or shipped"),
        ("[two]\nwhat = 'w'\nfile = 'net.pth'\nlicence = 'MIT'\nurl = 'https://x'", "is another's too"),
        ("= 3", "not valid TOML"),
    ],
)
def test_a_wrong_registry_is_named_with_its_key(tmp_path: Path, lines: str, words: str) -> None:
    entries = {"what": "'w'", "file": "'net.pth'", "licence": "'MIT'", "url": "'https://example.org/x'"}
    kept = [f"{key} = {value}" for key, value in entries.items() if not lines.startswith(f"{key} =")]
    path = put(tmp_path / "weights.toml", "\n".join(["[net]", *kept, lines]).encode())
    with pytest.raises(UsageError, match=r"weights\.toml: ") as caught:
        entry.read(path)
    assert words in str(caught.value)


def test_the_registry_that_ships_is_right() -> None:
    known = entry.read()
    assert {"vgg16", "alexnet", "pt-inception", "syncnet", "s3fd", "avhubert-large-vox"} <= set(known)
    shipped = [part for part in known.values() if part.shipped]
    assert [part.name for part in shipped if locate.find(part).path is None] == []
    needed = {name for _, info in registry.metrics().values() for name in info.weights}
    assert needed - set(known) == set()


def test_shared_files_are_the_registered_ones(
    shared: Path, places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKBENCH_WEIGHTS", str(shared / "weights"))
    assert weights.missing(["dnsmos-sig-bak-ovr", "dnsmos-p808"]) is None
    assert weights.path("dnsmos-p808").parent.name == "dnsmos"


def test_an_unknown_name_has_a_neighbour() -> None:
    with pytest.raises(UsageError, match="did you mean vgg16"):
        weights.path("vgg_16")
