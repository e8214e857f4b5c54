"""Archives, models and arrays made to do harm: one clear error, nothing run, nothing written."""

import functools
import gzip
import io
import json
import pickle
import random
import resource
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness.kinds.files import compressed, image_files
from harness.models import load_model, read_interface
from harness.report.verdicts.per_example import _read
from harness.spec import HarnessError
from tests.tasks.test_image_classification import cifar_archive, cifar_batch

TOUCHED = "touched-by-a-hostile-file"


class Harm:
    """Unpickled, it leaves a file behind."""

    def __reduce__(self):
        return Path.touch, (Path(TOUCHED),)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder to work in, into which nothing may be written."""
    work = tmp_path / "outer" / "work"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    yield tmp_path
    found = {path.name for path in tmp_path.rglob("*") if path.parent != tmp_path}
    assert found == {"work"}


def add(archive, name, content=b"", **fields):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for field, value in fields.items():
        setattr(member, field, value)
    archive.addfile(member, io.BytesIO(content))


def batch(place):
    """A batch as it stands in the archive."""
    with tarfile.open(cifar_archive(place / "sound.tar.gz", {"b": cifar_batch(3, 0)})) as archive:
        return archive.extractfile(archive.next()).read()


# --- archives -------------------------------------------------------------------


def test_members_that_lead_elsewhere_lead_nowhere(place):
    """Names that climb, absolute ones, links and devices."""
    path = place / "cifar.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("../up", "../../up", "/tmp/harness-absolute", "a/../../../up"):
            add(archive, name, b"x")
        add(archive, "data_batch_1", type=tarfile.SYMTYPE, linkname="/etc/passwd")
        add(archive, "data_batch_2", type=tarfile.LNKTYPE, linkname="/etc/passwd")
        add(archive, "data_batch_3", type=tarfile.CHRTYPE, devmajor=1, devminor=5)
        add(archive, "data_batch_4", type=tarfile.FIFOTYPE)
        add(archive, "../../x/test_batch", batch(place))
    images, _ = image_files.read_cifar_batches(path, ["test_batch"])
    assert images.shape == (3, 32, 32, 3)
    for name in (f"data_batch_{n}" for n in range(1, 5)):
        with pytest.raises(HarnessError, match=f"no batch '{name}' in it"):
            image_files.read_cifar_batches(path, [name])
    assert not Path("/tmp/harness-absolute").exists()


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_in_an_archive_runs_nothing(place, protocol):
    path = place / "cifar.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        add(archive, "test_batch", pickle.dumps({b"data": Harm()}, protocol))
    with pytest.raises(HarnessError, match="refuses to load"):
        image_files.read_cifar_batches(path, ["test_batch"])


def test_no_attribute_of_what_is_allowed_is_reached(place):
    """Protocol 4 takes dotted names."""
    named = pickle.PROTO + b"\x04" + b"".join(
        pickle.SHORT_BINUNICODE + bytes([len(text)]) + text
        for text in (b"numpy", b"ndarray.tofile")
    )  # fmt: skip
    path = place / "cifar.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        add(archive, "test_batch", named + pickle.STACK_GLOBAL + pickle.STOP)
    with pytest.raises(HarnessError, match=r"refuses to load numpy\.ndarray\.tofile"):
        image_files.read_cifar_batches(path, ["test_batch"])


def test_a_bomb_is_refused_before_it_is_unpacked(place, monkeypatch):
    for module in (compressed, image_files):
        monkeypatch.setattr(module, "LARGEST", 1 << 16)
    path = place / "cifar.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        add(archive, "test_batch", bytes(1 << 20))
    with pytest.raises(HarnessError, match="test_batch has more than 65,536 bytes"):
        image_files.read_cifar_batches(path, ["test_batch"])


def test_no_more_is_unpacked_than_fits(place, monkeypatch):
    path = place / "labels.gz"
    header = b"\0\0\x08\x01" + struct.pack(">I", 1 << 20)
    path.write_bytes(gzip.compress(header + bytes(1 << 20)))
    assert image_files.read_idx(path).shape == (1 << 20,)
    read = gzip.GzipFile.read
    asked = []

    def watched(self, size=-1):
        asked.append(size)
        return read(self, size)

    monkeypatch.setattr(gzip.GzipFile, "read", watched)
    with pytest.raises(HarnessError, match="more than 1,000 bytes"):
        compressed.unpacked(path, "small", largest=1000)
    assert asked == [1001]


@pytest.mark.parametrize("axes", [1, 4, 255])
def test_lengths_that_overflow_are_refused(place, axes):
    """2^32 lines of 2^32 are, to 64 bits, none."""
    path = place / "labels.gz"
    path.write_bytes(gzip.compress(b"\0\0\x08" + bytes([axes]) + struct.pack(">I", 1 << 31) * axes))
    with pytest.raises(HarnessError, match="not an idx file"):
        image_files.read_idx(path)


ROWS = np.zeros((2, 3072), "uint8")


@pytest.mark.parametrize(
    "content",
    [
        [],
        3,
        {},
        {b"data": 1, b"labels": 2},
        {b"data": [], b"labels": []},
        {b"data": ROWS, b"labels": [1, 300]},
        {b"data": ROWS, b"labels": ["a", None]},
        {b"data": ROWS, b"labels": [[1], [2]]},
        {b"data": ROWS.astype("O"), b"labels": [1, 2]},
        {b"data": ROWS.astype("float32"), b"labels": [1, 2]},
    ],
)
def test_other_objects_are_refused(place, content):
    path = cifar_archive(place / "cifar.tar.gz", {"test_batch": content})
    with pytest.raises(HarnessError, match=r"cifar\.tar\.gz: (test_batch is not|expected)"):
        image_files.read_cifar_batches(path, ["test_batch"])


def test_a_pickle_that_says_it_remembers_much_costs_nothing(place):
    """CPython's reader would write to 16 GB here."""
    path = place / "cifar.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        remembers = pickle.EMPTY_LIST + pickle.LONG_BINPUT + struct.pack("<I", 1 << 30)
        add(archive, "test_batch", remembers + pickle.STOP)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(HarnessError, match="test_batch is not a batch"):
        image_files.read_cifar_batches(path, ["test_batch"])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


# --- damage anywhere --------------------------------------------------------------


def damaged(content, rng):
    """Bytes changed, cut out, put in, or cut off."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(content))
        match rng.randrange(4):
            case 0:
                content[at] = rng.randrange(256)
            case 1:
                del content[at : at + rng.randint(1, 40)]
            case 2:
                content[at:at] = rng.randbytes(rng.randint(1, 40))
            case _:
                del content[max(1, at) :]
        if not content:
            return b""
    return bytes(content)


def make_idx(path):
    path.write_bytes(gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 9) + b"123456789"))


def make_outcomes(path):
    np.savez(path, correct=np.arange(40) % 2 == 0, truth=np.arange(40))


def make_interface(path):
    tensor = {"shape": [2], "dtype": "float32", "size": None}
    spec = {"inputs": {"x": tensor}, "outputs": {"y": tensor}, "kind": "image_classification"}
    path.write_text(json.dumps({"spec": spec, "examples": {"x": [[1.0, 2.0]]}}))


READERS = {
    "idx.gz": (make_idx, image_files.read_idx),
    "cifar.tar.gz": (
        lambda path: cifar_archive(path, {"test_batch": cifar_batch(2, 0)}),
        functools.partial(image_files.read_cifar_batches, names=["test_batch"]),
    ),
    "batch": (
        lambda path: path.write_bytes(batch(path.parent)),
        lambda path: image_files.read_cifar_batches(wrapped(path), ["test_batch"]),
    ),
    "outcomes.npz": (make_outcomes, _read),
    "interface.json": (make_interface, read_interface),
}
"""Of each format: what makes a file, and what reads it."""


def wrapped(path):
    """A batch in a sound archive: damage then reaches the reader of pickles."""
    archive = path.with_suffix(".tar.gz")
    with tarfile.open(archive, "w:gz", compresslevel=1) as file:
        file.add(path, "test_batch")
    return archive


@pytest.mark.parametrize("repeats", [60, pytest.param(4000, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", READERS)
def test_damage_is_one_clear_error_or_none(place, toll, name, repeats):
    make, read = READERS[name]
    sound, path, rng = place / f"sound-{name}", place / name, random.Random(name)
    make(sound)
    read(sound)
    content, refused = sound.read_bytes(), 0
    for _ in range(repeats):
        path.write_bytes(damaged(content, rng))
        try:
            read(path)
        except HarnessError:
            refused += 1
    assert refused > repeats / 3
    toll("hostile file", repeats)


# --- arrays and models ------------------------------------------------------------


def test_outcomes_run_nothing(place):
    np.savez(place / "o.npz", correct=np.array([Harm()] * 3, dtype="O"))
    with pytest.raises(HarnessError, match="not the outcomes of test examples"):
        _read(place / "o.npz")


def test_an_array_that_says_it_is_huge_is_refused(place):
    header = {"descr": "<f8", "fortran_order": False, "shape": (1 << 55,)}
    text = repr(header).encode().ljust(117) + b"\n"
    with zipfile.ZipFile(place / "o.npz", "w") as archive:
        archive.writestr("correct.npy", b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text)
    with pytest.raises(HarnessError, match="not the outcomes of test examples"):
        _read(place / "o.npz")


def model_of(path, config):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", config if isinstance(config, bytes) else json.dumps(config))
    return path


def called(module, name, *arguments):
    """A configuration by which a careless reader calls a function."""
    layer = {
        "module": "keras.layers", "class_name": "Lambda", "registered_name": None,
        "config": {"name": "harm", "function": {"module": module, "class_name": "function",
                   "config": name, "registered_name": name}, "arguments": {"args": arguments}},
    }  # fmt: skip
    return {
        "module": "keras", "class_name": "Sequential", "registered_name": None,
        "config": {"name": "s", "layers": [layer]}, "build_config": {"input_shape": [None, 1]},
    }  # fmt: skip


def test_a_model_with_code_in_it_is_refused(place):
    import keras

    model = keras.Sequential([keras.Input((1,)), keras.layers.Lambda(lambda x: x + 1)])
    model.save(place / "lambda.keras")
    with pytest.raises(HarnessError, match=r"lambda\.keras: cannot be loaded") as refusal:
        load_model(place / "lambda.keras")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("module, name", [("os", "system"), ("pathlib", "Path.touch"),
                                          ("builtins", "exec"), ("subprocess", "run")])  # fmt: skip
def test_a_model_that_names_a_function_is_refused(place, module, name):
    path = model_of(place / "call.keras", called(module, name, f"touch {TOUCHED}"))
    with pytest.raises(HarnessError, match=r"call\.keras: cannot be loaded"):
        load_model(path)


def test_a_model_has_no_module_imported_that_is_none_of_ours(place, monkeypatch):
    (place / "hostile_module_of_a_model.py").write_text(f"open({TOUCHED!r}, 'w')")
    monkeypatch.syspath_prepend(place)
    layer = {"module": "hostile_module_of_a_model", "class_name": "Layer", "config": {}}
    with pytest.raises(HarnessError, match="cannot be loaded"):
        load_model(model_of(place / "import.keras", layer))


@pytest.mark.parametrize(
    "config",
    [b"[" * 200_000, b'{"a": ' * 200_000, bytes(1 << 27), b"\xff\xfe", b"7", b"NaN", b'"text"',
     b"9" * 5000],
    ids=["lists", "objects", "bomb", "bytes", "number", "no number", "text", "digits"],
)  # fmt: skip
def test_a_model_of_an_odd_configuration_is_refused(place, config):
    with pytest.raises(HarnessError, match=r"odd\.keras: (not a saved|cannot be)"):
        load_model(model_of(place / "odd.keras", config))


def test_a_model_that_is_a_folder_is_refused(place):
    (place / "models.keras").mkdir()
    with pytest.raises(HarnessError, match="not a saved Keras model"):
        load_model(place / "models.keras")
    (place / "models.keras").rmdir()


def test_an_interface_as_deep_as_the_stack_is_refused(place):
    (place / "i.json").write_text("[" * 200_000)
    with pytest.raises(HarnessError, match="not the interface of a saved model"):
        read_interface(place / "i.json")
