"""What an accelerator could compute, by the name that its driver tells."""

import pytest

from harness.analysis.peaks import peak


@pytest.mark.parametrize(
    ("names", "precision", "expected"),
    [
        (["NVIDIA H100 80GB HBM3"], "mixed_bfloat16", 989.5e12),
        (["NVIDIA H100 PCIe"] * 2, "float32", 378e12),
        (["NVIDIA H200 NVL"], "float32", 417.5e12),
        (["NVIDIA A100-SXM4-80GB"], "float32", 156e12),
        (["NVIDIA A10G"], "float32", None),
        (["NVIDIA H200", "NVIDIA L4"], "float32", None),
        (["NVIDIA H200"], "mixed_float16", None),
        ([], "float32", None),
    ],
)
def test_a_peak_is_that_of_one_kind_of_device_by_its_whole_name(names, precision, expected):
    assert peak({"hardware": {"accelerators": names}}, precision, "jax") == expected


def test_environments_of_old_journals_name_no_device():
    assert peak({}, "float32", "jax") is None


def test_torch_does_not_use_what_the_peak_of_float32_is_of():
    hardware = {"hardware": {"accelerators": ["NVIDIA H200"]}}
    assert peak(hardware, "float32", "torch") is None
    assert peak(hardware, "mixed_bfloat16", "torch") == 989.5e12
