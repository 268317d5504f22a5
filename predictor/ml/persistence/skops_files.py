"""Serialization of fitted estimators as .skops files, audited against our allow-list before construction.

Importing this does not import scikit-learn; `dump` and `load` do.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
import threading
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...errors import DamagedArtifact, TrainingFailed, quoted_list
from .tree_packing import pack_trees, unpack_trees

# Every class and function that the catalogue's estimators consist of. skops would trust all of scikit-learn
# and NumPy; here nothing else is constructed, whatever a file names.
ALLOWED = frozenset(
    [
        "builtins.bool",
        "builtins.dict",
        "builtins.float",
        "builtins.int",
        "builtins.list",
        "builtins.slice",
        "builtins.str",
        "builtins.tuple",
        "functools.partial",
        "numpy.bool",
        "numpy.dtype",
        "numpy.float32",
        "numpy.float64",
        "numpy.int32",
        "numpy.int64",
        "numpy.ndarray",
        "numpy.uint8",
        "numpy.uint32",
        "numpy.uint64",
        "numpy.random._generator.Generator",
        "numpy.random.mtrand.RandomState",
        "predictor.ml.estimators.isolation_forest.IsolationScore",
        "predictor.ml.estimators.cluster_models.NearestCentre",
        "predictor.ml.estimators.cluster_models.SoftMixture",
        "predictor.ml.estimators.neighbours.NeighboursClassifier",
        "predictor.ml.estimators.neighbours.NeighboursRegressor",
        "predictor.ml.estimators.svm.ProbabilisticSVC",
        "sklearn._loss._loss.CyAbsoluteError",
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss._loss.CyHalfGammaLoss",
        "sklearn._loss._loss.CyHalfMultinomialLoss",
        "sklearn._loss._loss.CyHalfPoissonLoss",
        "sklearn._loss._loss.CyHalfSquaredError",
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogLink",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.AbsoluteError",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfGammaLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss.loss.HalfPoissonLoss",
        "sklearn._loss.loss.HalfSquaredError",
        "sklearn.compose._column_transformer.ColumnTransformer",
        "sklearn.dummy.DummyClassifier",
        "sklearn.dummy.DummyRegressor",
        "sklearn.ensemble._forest.ExtraTreesClassifier",
        "sklearn.ensemble._forest.ExtraTreesRegressor",
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._forest.RandomForestRegressor",
        "sklearn.ensemble._gb.GradientBoostingClassifier",
        "sklearn.ensemble._gb.GradientBoostingRegressor",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.ensemble._iforest.IsolationForest",
        "sklearn.linear_model._base.LinearRegression",
        "sklearn.linear_model._coordinate_descent.ElasticNet",
        "sklearn.linear_model._coordinate_descent.Lasso",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.linear_model._ridge.Ridge",
        "sklearn.naive_bayes.GaussianNB",
        "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
        "sklearn.neural_network._multilayer_perceptron.MLPRegressor",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.preprocessing._encoders.OrdinalEncoder",
        "sklearn.preprocessing._function_transformer.FunctionTransformer",
        "sklearn.preprocessing._label.LabelBinarizer",
        "sklearn.preprocessing._label.LabelEncoder",
        "sklearn.svm._classes.SVC",
        "sklearn.svm._classes.SVR",
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._classes.DecisionTreeRegressor",
        "sklearn.tree._classes.ExtraTreeClassifier",
        "sklearn.tree._classes.ExtraTreeRegressor",
        "sklearn.tree._tree.Tree",
        "sklearn.utils.validation.check_array",
    ]
)
# Classes of ours that files name by the module they were in when they were stored, and where they are now.
RENAMED = {
    "predictor.ml.anomalies.IsolationScore": "predictor.ml.estimators.isolation_forest.IsolationScore",
    "predictor.ml.clusters.NearestCentre": "predictor.ml.estimators.cluster_models.NearestCentre",
    "predictor.ml.clusters.SoftMixture": "predictor.ml.estimators.cluster_models.SoftMixture",
    "predictor.ml.neighbours.NeighboursClassifier": "predictor.ml.estimators.neighbours.NeighboursClassifier",
    "predictor.ml.neighbours.NeighboursRegressor": "predictor.ml.estimators.neighbours.NeighboursRegressor",
    "predictor.ml.svm.ProbabilisticSVC": "predictor.ml.estimators.svm.ProbabilisticSVC",
}
# The node types of skops that these need; none of them holds code, or bytes to be interpreted.
LOADERS = frozenset(
    [
        "DictNode",
        "FunctionNode",
        "JsonNode",
        "ListNode",
        "LossNode",
        "NdArrayNode",
        "ObjectNode",
        "PartialNode",
        "RandomGeneratorNode",
        "RandomStateNode",
        "SliceNode",
        "TreeNode",
        "TupleNode",
        "TypeNode",
        "DTypeNode",
    ]
)
# A forest of a thousand deep trees takes about 1.5 GB unpacked.
MAX_UNPACKED_BYTES = 4 * 2**30
MAX_SCHEMA_DEPTH = 200
# One file at a time is constructed: the former module names are there for its thread alone.
_CONSTRUCTING = threading.Lock()


def dump(estimators: list[Any]) -> bytes:
    """Serialize the estimators. Raises TrainingFailed if they hold something that `load` would refuse."""
    import skops.io

    # Without compression, loading takes half the time; but deflate saves two thirds of the bytes.
    content: bytes = skops.io.dumps(
        list(map(pack_trees, estimators)), compression=zipfile.ZIP_DEFLATED, compresslevel=3
    )
    refused = audit(content)
    if refused:
        raise TrainingFailed(
            f"The fitted model holds parts that cannot be stored safely: {quoted_list(refused)}."
        )
    return content


def load(content: bytes) -> list[Any]:
    """Construct the estimators. Raises DamagedArtifact, before constructing any, for a name outside `ALLOWED`."""
    refused = audit(content)
    if refused:
        raise DamagedArtifact(
            f"The stored estimators hold parts that are not allowed: {quoted_list(refused)}."
        )
    import skops.io

    try:
        with _former_modules():
            loaded = skops.io.loads(content, trusted=sorted(ALLOWED | RENAMED.keys()))
    except Exception as error:  # what a damaged file raises depends on where it is damaged
        raise DamagedArtifact("The stored estimators cannot be read.") from error
    if not isinstance(loaded, list):
        raise DamagedArtifact("The stored file does not hold a list of estimators.")
    return [unpack_trees(estimator) for estimator in loaded]


@contextmanager
def _former_modules() -> Iterator[None]:
    """Let the former module names of `RENAMED` stand for the modules of today while a file is constructed.

    skops imports each class by the module name in the file. The file itself may be hundreds of megabytes and is
    not rewritten.
    """
    with _CONSTRUCTING:
        former = {
            old.rpartition(".")[0]: importlib.import_module(new.rpartition(".")[0])
            for old, new in RENAMED.items()
        }
        sys.modules.update(former)
        try:
            yield
        finally:
            for name in former:
                del sys.modules[name]


def audit(content: bytes) -> list[str]:
    """The names outside our allow-lists that the file holds, sorted. Raises DamagedArtifact if it is no .skops file."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED_BYTES:
                raise DamagedArtifact("The stored estimators are too large to be unpacked.")
            schema = json.loads(archive.read("schema.json"))
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, RuntimeError, OSError) as error:
        raise DamagedArtifact("The stored estimators are not a .skops file.") from error
    return sorted(set(_refused_names(schema)))


def _refused_names(schema: Any) -> Iterator[str]:
    """Names outside our allow-lists, anywhere in the schema."""
    waiting: list[tuple[Any, int]] = [(schema, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_SCHEMA_DEPTH:
            yield "too deep nesting"
            return
        if isinstance(node, dict):
            if "__class__" in node or "__module__" in node:
                name = f"{node.get('__module__')}.{node.get('__class__')}"
                if name not in ALLOWED and name not in RENAMED:
                    yield name
            loader = node.get("__loader__")
            if loader is not None and loader not in LOADERS:
                yield str(loader)
            waiting += [(each, depth + 1) for each in node.values()]
        elif isinstance(node, list):
            waiting += [(each, depth + 1) for each in node]
