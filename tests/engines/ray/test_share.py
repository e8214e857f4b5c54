"""What a trial takes of a node, as it is asked for."""

import pytest

from harness.engines.ray.share import Share, parse
from harness.spec import HarnessError


@pytest.mark.parametrize(
    "text, share",
    [
        ("cpus=2", Share(2)),
        ("gpus=0.25", Share(1, 0.25)),
        ("cpus=0.5, gpus=2", Share(0.5, 2)),
        ("gpus=0", Share()),
    ],
)
def test_a_share_is_read(text, share):
    assert parse(text) == share
    assert parse(str(share)) == share


@pytest.mark.parametrize(
    "text", ["", "2", "cpus", "cpus=", "cpus=0", "cpus=-1", "gpus=1.5", "cpus=nan", "cpus=inf",
             "rams=2", "cpus=1,cpus=2"],
)  # fmt: skip
def test_what_is_no_share_is_named(text):
    with pytest.raises(HarnessError) as raised:
        parse(text)
    assert str(raised.value).startswith(f"--per-trial {text}: expected cpus=NUMBER,gpus=NUMBER")


@pytest.mark.parametrize(
    "share, cpus, gpus, workers",
    [
        (Share(), 4, 0, 4),
        (Share(2), 5, 8, 2),
        (Share(1, 1), 16, 4, 4),
        (Share(1, 0.25), 16, 2, 8),
        (Share(1, 0.4), 16, 2, 4),  # two a device, of which a fifth is left over
        (Share(1, 2), 16, 5, 2),
        (Share(4, 0.25), 8, 2, 2),
        (Share(1, 1), 16, 0, 0),
        (Share(0.1), 1, 0, 10),
    ],
)
def test_how_many_fit_on_a_node(share, cpus, gpus, workers):
    assert share.fitting(cpus, gpus) == workers


def test_a_kind_of_accelerator_is_asked_for():
    share = Share(1, 1, "H100")
    assert [share.fitting(8, 4, kind) for kind in ("H100", "A100", None)] == [4, 0, 0]
    assert Share(1, 1).fitting(8, 4, "A100") == 4
