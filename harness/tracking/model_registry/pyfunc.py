"""A saved winner as an MLflow model: a folder that needs nothing but installed packages.

Written without a framework in this process. Keras would be imported to save its own flavour, so
the flavour is `python_function`, with `harness.tracking.serving` as its loader.
"""

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.journal.folder import assets_path, interface_path
from harness.kinds import token_classification
from harness.models import Interface, read_interface
from harness.spec import TensorSpec
from harness.tracking import serving

CARD = "README.md"


def pack(
    folder: Path,
    model: Path,
    card: str,
    requirements: Sequence[str],
    metadata: Mapping[str, str],
    backend: str,
    **identity: Any,
) -> None:
    """Writes an MLflow model.

    Args:
        folder: what is created.
        model: a `.keras` file, with its interface and its assets beside it.
        card: what the model is, in Markdown.
        requirements: pip's; written down, not resolved.
        metadata: kept in the file `MLmodel`.
        backend: that Keras had in training.
        identity: `run_id` and `model_id`, where MLflow knows the model by them.

    Raises:
        HarnessError: the interface is damaged.
        OSError: a file cannot be copied.
    """
    with warnings.catch_warnings():  # MLflow 3.17 warns of its own types as it is imported
        warnings.filterwarnings("ignore", ".*Any type hint is inferred as AnyType")
        import mlflow.pyfunc
    from mlflow.models import Model

    logging.getLogger("mlflow.pyfunc").setLevel(logging.WARNING)  # what it does is no news
    interface, assets = interface_path(model), assets_path(model)
    known = read_interface(interface)
    with tempfile.TemporaryDirectory() as work:
        data = Path(work) / "winner"
        data.mkdir()
        shutil.copyfile(model, data / serving.MODEL)
        shutil.copyfile(interface, data / serving.INTERFACE)
        shutil.copyfile(assets, data / serving.ASSETS)
        words = json.loads(assets.read_text(encoding="utf-8"))
        mlflow.pyfunc.save_model(
            str(folder),
            loader_module=serving.__name__,
            data_path=str(data),
            mlflow_model=Model(**identity),
            signature=_signature(known, words),
            input_example=_example(known, words),
            pip_requirements=list(requirements),
            metadata=dict(metadata),
            model_config={"backend": backend},
        )
    (folder / CARD).write_text(card, encoding="utf-8")


def _signature(interface: Interface, assets: Mapping[str, Any]) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import Array, Map

    columns = serving.text_columns(interface, assets)
    inputs: list[Any] = (
        [ColSpec(DataType.string, name) for name in columns]
        if columns
        else [_tensor(name, tensor) for name, tensor in interface.spec.inputs.items()]
    )
    outputs: list[Any] = []
    if serving.one_class(interface.spec) is not None:
        outputs = [
            ColSpec(DataType.string, "label"),
            ColSpec(DataType.double, "probability"),
            ColSpec(Map(DataType.double), "probabilities"),
        ]
    elif columns and interface.spec.kind == token_classification.KIND:
        outputs = [
            ColSpec(Array(DataType.string), "words"),
            ColSpec(Array(DataType.string), "tags"),
            ColSpec(Array(DataType.double), "probabilities"),
        ]
    else:
        for name, tensor in interface.spec.outputs.items():
            outputs.append(_tensor(name, tensor, answer=True))
            if tensor.size is not None:
                outputs.append(_tensor(f"{name}_probability", TensorSpec(tensor.shape, "float64")))
    return ModelSignature(Schema(inputs), Schema(outputs))


def _tensor(name: str, tensor: TensorSpec, answer: bool = False) -> Any:
    from mlflow.types import TensorSpec as MlflowTensor

    dtype = "int64" if answer and tensor.size is not None else tensor.dtype
    shape = [-1 if length is None else length for length in tensor.shape]
    return MlflowTensor(np.dtype(dtype), (-1, *shape), name)


def _example(interface: Interface, assets: Mapping[str, Any]) -> Any:
    import pandas as pd

    columns = serving.text_columns(interface, assets)
    if columns:
        texts = serving.text_example(interface, assets)
        return pd.DataFrame(dict(zip(columns, texts, strict=True)))
    return dict(interface.examples)
