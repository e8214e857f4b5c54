"""The claims of a textbook of deep learning that the results are held against."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    """Two architectures of a sweep of which a claim says which is better."""

    folder: str
    """Of the sweep, below `results`."""
    task: str
    ahead: str
    behind: str


@dataclass(frozen=True)
class Claim:
    """A sentence of the textbook, and what it says of which sweeps."""

    statement: str
    source: str
    pairs: tuple[Pair, ...]
    otherwise: str
    """What is said where it does not hold on all of them: what it would take."""


def _each(folder: str, tasks: str, ahead: str, behind: str) -> tuple[Pair, ...]:
    return tuple(Pair(folder, task, ahead, behind) for task in tasks.split())


CLAIMS = (
    Claim(
        "Convolution and pooling beat a dense network on images, with fewer parameters",
        "LeCun et al. 1998, doi:10.1109/5.726791",
        (
            Pair("image", "fashion_mnist", "cnn", "mlp"),
            Pair("textbook/cifar", "cifar10", "cnn", "mlp"),
        ),
        "",
    ),
    Claim(
        "Residual connections let depth help: a plain network loses by depth, a residual one does "
        "not",
        "He et al. 2016, arXiv:1512.03385, figure 1 and table 6",
        (
            Pair("textbook/depth", "fashion_mnist", "residual_20", "plain_20"),
            Pair("textbook/depth", "fashion_mnist", "residual_20", "residual_8"),
            Pair("textbook/depth", "fashion_mnist", "plain_8", "plain_20"),
        ),
        "The paper trains for 160 epochs; few epochs favour few layers.",
    ),
    Claim(
        "Gates carry over long gaps what a plain recurrent network forgets, the more so the "
        "longer the gap",
        "Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735",
        (
            *_each("sequence", "adding_short adding_long", "lstm", "simple_rnn"),
            *_each("textbook/gaps", "adding_short adding_long adding_120", "lstm", "simple_rnn"),
        ),
        "",
    ),
    Claim(
        "An LSTM beats a plain recurrent network in language modeling",
        "Sundermeyer et al. 2012, doi:10.21437/Interspeech.2012-65",
        (Pair("sequence", "wikitext2", "lstm", "simple_rnn"),),
        "One seed gives no interval: it takes two or more.",
    ),
    Claim(
        "Attention over the source beats a single vector of it",
        "Bahdanau et al. 2015, arXiv:1409.0473",
        (Pair("translation", "multi30k_en_de", "attention_seq2seq", "seq2seq"),),
        "",
    ),
    Claim(
        "A Transformer beats recurrent attention in translation, given the budget",
        "Vaswani et al. 2017, arXiv:1706.03762",
        (Pair("translation", "multi30k_en_de", "transformer_seq2seq", "attention_seq2seq"),),
        "The Transformer learns more slowly: it takes more epochs than were spent.",
    ),
    Claim(
        "A Transformer beats an LSTM in language modeling, given data and budget",
        "Radford et al. 2019 (GPT-2); Merity et al. 2018, arXiv:1708.02182, for the LSTM",
        (
            Pair("sequence", "wikitext2", "transformer", "lstm"),
            Pair("sequence-gpu", "wikitext2", "transformer", "lstm"),
        ),
        "WikiText-2 is two million words: regularised LSTMs stayed ahead on it for years.",
    ),
    Claim(
        "Self-attention needs to be told positions",
        "Vaswani et al. 2017, arXiv:1706.03762, section 3.5",
        (
            Pair(
                "textbook/positions",
                "wikitext2",
                "transformer_positions",
                "transformer_no_positions",
            ),
        ),
        "A causal mask tells positions, too (Haviv et al. 2022, arXiv:2203.16634).",
    ),
    Claim(
        "Pretraining on hidden tokens pays, most where labels are few",
        "Devlin et al. 2019, arXiv:1810.04805",
        _each("bert", "sst2_10 sst2_30 sst2 conll2003 wnut17 mrpc stsb", "bert", "bert_scratch"),
        "It takes an encoder that has begun to use context, see [BERT](bert.md#pretraining).",
    ),
    Claim(
        "Next-sentence prediction adds to hidden tokens, above all for pairs of texts",
        "Devlin et al. 2019, arXiv:1810.04805, table 5; against it Liu et al. 2019, "
        "arXiv:1907.11692",
        _each(
            "textbook/next_sentence",
            "mrpc stsb sst2_10",
            "bert_next_sentence",
            "bert_hidden_tokens",
        ),
        "The literature disagrees.",
    ),
    Claim(
        "Reading in both directions beats one",
        "Devlin et al. 2019, arXiv:1810.04805, table 5",
        _each("textbook/directions", "sst2 conll2003", "both_directions", "one_direction"),
        "",
    ),
)
