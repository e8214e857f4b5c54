"""What others have pretrained: found, read, and refused in one line where it does not fit."""

import json
import shutil

import keras
import keras_hub
import numpy as np
import pytest
from harness.search_spaces.backbone import FineTuning, backbone
from harness.search_spaces.bert import FineTuning as TextTuning
from harness.search_spaces.bert import bert

from harness import Preset, registry
from harness.blocks import presets as loaded
from harness.blocks.encoder import ENCODER
from harness.cli.describe import describe
from harness.data import cache, child
from harness.kinds import (
    image_classification,
    language_modeling,
    presets,
    text_classification,
    token_classification,
)
from harness.kinds.text.tokenizer import RESERVED
from harness.models import load_model
from harness.spec import HarnessError
from tests import presets as small
from tests.own.made import image, made, prepared, write

TEXTS = ["A good film.", "Filming, a CAFÉ é!", "漢字 and x-y   z", "zebra", "", "[CLS] [MASK] good"]
ROWS = [(f"{TEXTS[n % 4]} number {n}", "yes" if n % 3 else "no") for n in range(40)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    home = tmp_path_factory.mktemp("presets")
    found = {
        "bert": small.bert(home / "tiny"),
        "cased": small.bert(home / "cased", lowercase=False),
        "resnet": small.resnet(home / "net"),
        "vit": small.vit(home / "vit"),
    }
    (home / "empty").mkdir()
    return {**found, "empty": home / "empty", "missing": home / "missing"}


def task(folder, kind=text_classification, rows=ROWS, **options):
    options = {"longest": 24, **options}
    return kind.task("mine", lambda files: rows, init_from=Preset(str(folder)), **options)


def images(folder, side=12, channels=3, **options):
    pixels = np.random.default_rng(0).integers(0, 256, (40, side, side, channels)).astype("uint8")
    return image_classification.task(
        "mine", lambda files: (pixels, [n % 2 for n in range(40)]), init_from=Preset(str(folder)),
        **options,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["bert", "cased"])
def test_texts_are_cut_by_the_preset_and_its_encoder_reads_them(folders, name):
    data = task(folders[name]).prepare({})
    vocabulary = data.assets["vocabulary"]
    assert tuple(vocabulary[:5]) == RESERVED
    assert sorted(vocabulary) == sorted(small.PIECES)
    x = text_classification.encode(TEXTS, data.spec, data.assets)
    encoder = loaded.encoder("mine", Preset(str(folders[name])), data.spec, data.assets)
    model = bert.build(TextTuning(0.1, "first", 0, 1.0), data.spec, encoder)
    # The same by KerasHub alone, which has the numbers of the preset.
    own = keras_hub.models.BertBackbone.from_preset(str(folders[name]))
    tokenizer = keras_hub.tokenizers.BertTokenizer.from_preset(str(folders[name]))
    ids = [[tokenizer.cls_token_id, *np.asarray(tokenizer(text))[:22], tokenizer.sep_token_id]
           for text in TEXTS]  # fmt: skip
    assert [len(row) for row in ids] == (x["tokens"] != 0).sum(axis=1).tolist()
    length = x["tokens"].shape[1]
    filled = np.array([row + [tokenizer.pad_token_id] * (length - len(row)) for row in ids])
    expected = own({
        "token_ids": filled, "segment_ids": np.zeros_like(filled),
        "padding_mask": (x["tokens"] != 0).astype("int32"),
    })["pooled_output"]  # fmt: skip
    found = model.get_layer(ENCODER)({
        "token_ids": x["tokens"], "segment_ids": x["segments"],
        "padding_mask": (x["tokens"] != 0).astype("int32"),
    })["pooled_output"]  # fmt: skip
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_words_with_tags_are_cut_by_the_preset(folders):
    rows = [(["a", "filming"], ["O", "B-x"])] * 30
    data = task(folders["bert"], token_classification, rows).prepare({})
    assert data.assets[presets.PRESET]["backbone"] == "BertBackbone"
    assert data.spec.inputs["tokens"].longest == 5  # [CLS] a film ##ing [SEP]


@pytest.mark.parametrize("channels", [1, 3])
def test_images_reach_the_backbone_as_it_was_trained_on_them(folders, channels, tmp_path):
    data = images(folders["resnet"], channels=channels).prepare({})
    encoder = loaded.encoder("mine", Preset(str(folders["resnet"])), data.spec, data.assets)
    model = backbone.build(FineTuning("head", None, "average", 0.0), data.spec, encoder)
    assert not model.get_layer(ENCODER).trainable_weights
    x = np.asarray(data.test.x["image"])
    converter = keras_hub.layers.ImageConverter.from_preset(str(folders["resnet"]))
    seen = converter(np.repeat(x, 3 // channels, axis=-1).astype("float32"))
    own = keras_hub.models.Backbone.from_preset(str(folders["resnet"]))
    expected = keras.ops.mean(own(seen, training=False), axis=(1, 2))
    features = keras.Model(model.input, model.layers[-2].output)
    np.testing.assert_allclose(features({"image": x}, training=False), expected, atol=1e-4)
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    found, expected = (m({"image": x}, training=False)["label"] for m in (again, model))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_patches_are_pooled_and_the_backbone_learns_more_slowly(folders):
    data = images(folders["vit"]).prepare({})
    encoder = loaded.encoder("mine", Preset(str(folders["vit"])), data.spec, data.assets)
    config = FineTuning("all", 0.1, "max", 0.2)
    model = backbone.build(config, data.spec, encoder)
    assert model({"image": np.asarray(data.test.x["image"])})["label"].shape[-1] == 2
    factors = backbone.rate_factors(config, model)
    own = {weight.path for weight in model.get_layer(ENCODER).weights}
    assert set(factors) == own
    assert own < {weight.path for weight in model.weights}


# --- data of one's own ----------------------------------------------------------


def test_a_table_names_a_preset_and_prepared_data_depends_on_it(folders, tmp_path):
    folder = tmp_path / "here"
    shutil.copytree(folders["bert"], folder / "tiny")
    rows = "".join(f"{text.replace(',', '')},{label}\n" for text, label in ROWS)
    write(folder / "a.csv", "text,label\n" + rows)
    text = 'files = "a.csv"\ninit_from = "tiny"\nlongest = 24\n'
    mine = made(folder, text)
    assert mine.init_from == Preset(str(folder / "tiny"))
    assert {"bert", "bert_scratch"} <= {space.name for space in registry.spaces_for(mine)}
    first = cache.key(mine)
    known = prepared(mine).assets[presets.PRESET]
    assert known["name"] == "tiny"
    assert known["pretrained_on"] is None
    assert known["reserved"] == [small.PIECES.index(token) for token in RESERVED]
    config = folder / "tiny" / "tokenizer.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "further": 1}))
    assert cache.key(made(folder, text)) != first
    assert prepared(made(folder, text)).assets[presets.PRESET]["sha256"] != known["sha256"]


def test_images_and_a_preset_are_looked_into_where_they_lie(folders, tmp_path):
    """Not what they have in common, which may be all that a person has."""
    for number in range(12):
        image(tmp_path / "here" / "photos" / "ab"[number % 2] / f"{number}.png")
    mine = made(tmp_path / "here", f'files = "photos"\ninit_from = "{folders["vit"]}"\n')
    found = child.looked_into(mine)
    assert {tmp_path / "here" / "photos", folders["vit"]} < set(found)
    assert not any(tmp_path.is_relative_to(path) for path in found)


def test_what_a_published_preset_says_of_itself_is_known_without_a_network(monkeypatch, folders):
    real = keras_hub.models.BertBackbone.from_preset

    def local(name, **options):
        return real(str(folders["bert"]), **options)

    monkeypatch.setattr(keras_hub.models.BertBackbone, "from_preset", local)
    name = "bert_tiny_en_uncased"
    model = presets.opened("task 'mine'", Preset(name), "text_classification", load_weights=False)
    assert "Wikipedia" in presets.facts(Preset(name), model)["pretrained_on"]


# --- what does not fit ----------------------------------------------------------

REFUSED = {
    "no folder": ("missing", {}, "init_from = .*missing': no such folder"),
    "no preset": ("empty", {}, "no preset of KerasHub, as it has no config.json"),
    "another kind": ("resnet", {}, "cannot be loaded .*ResNetBackbone.*BertBackbone"),
    "too long": ("bert", {"longest": 64}, "longest = 64: preset .* reads 32 tokens at most"),
    "a vocabulary": ("bert", {"vocabulary": 100}, "vocabulary and init_from, a preset, both say"),
    "letters": ("bert", {"tokens": "character"}, "tokens and init_from, a preset, both say"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_presets_that_do_not_fit_texts_are_one_line(folders, name):
    folder, options, line = REFUSED[name]
    with pytest.raises(HarnessError, match=line) as raised:
        task(folders[folder], **options).prepare({})
    assert "\n" not in str(raised.value)


def test_presets_that_do_not_fit_images_are_one_line(folders, tmp_path):
    with pytest.raises(HarnessError, match="is a BertBackbone; expected a backbone from an image"):
        images(folders["bert"]).prepare({})
    with pytest.raises(HarnessError, match=r"images of 4 channels, and preset .* reads 3"):
        images(folders["vit"], channels=4).prepare({})
    bare = small.resnet(tmp_path / "bare", converter=False)
    with pytest.raises(HarnessError, match="has no image converter that can be read"):
        images(bare).prepare({})


def test_presets_without_a_tokenizer_that_is_understood_are_one_line(folders, tmp_path):
    shutil.copytree(folders["bert"], tmp_path / "bare")
    (tmp_path / "bare" / "tokenizer.json").unlink()
    with pytest.raises(HarnessError, match="has no tokenizer that can be read"):
        task(tmp_path / "bare").prepare({})
    config = json.loads((folders["bert"] / "tokenizer.json").read_text())
    config["config"]["strip_accents"] = True
    (tmp_path / "bare" / "tokenizer.json").write_text(json.dumps(config))
    with pytest.raises(HarnessError, match="strip_accents = True; expected False"):
        task(tmp_path / "bare").prepare({})


@pytest.mark.parametrize(
    "name, line",
    [
        (
            "bert_tiny_en_uncasd",
            "no folder, and no preset of KerasHub; did you mean 'bert_tiny",
        ),
        ("resnet_18_imagenet", "preset resnet_18_imagenet is of another kind; expected one such"),
    ],
)
def test_names_that_there_are_not_are_one_line(name, line):
    mine = text_classification.task("mine", lambda files: ROWS, init_from=Preset(name))
    with pytest.raises(HarnessError, match=line):
        mine.prepare({})


def test_kinds_that_start_from_none_say_so(folders, tmp_path):
    preset = Preset(str(folders["bert"]))
    with pytest.raises(HarnessError, match="language_modeling' starts from no preset; expected"):
        language_modeling.task("mine", lambda files: "text", init_from=preset)
    write(tmp_path / "a.txt", "words " * 99)
    with pytest.raises(HarnessError, match="init_from: unknown key for language_modeling"):
        made(tmp_path, 'files = "a.txt"\ninit_from = "tiny"\n')


def test_what_a_task_starts_from_is_described(folders, tmp_path):
    path = write(
        tmp_path / "mine.py",
        "from harness import Preset\nfrom harness.kinds import text_classification\n"
        f"tiny = Preset({str(folders['bert'])!r})\n"
        "mine = text_classification.task('starts', lambda files: [], init_from=tiny)\n",
    )  # fmt: skip
    registry.use([path])
    try:
        assert "starts from  " in describe("starts")
        assert "tiny, pretrained by others" in describe("starts")
    finally:
        registry.use([])
