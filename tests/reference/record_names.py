"""Writes the names of the losses of other libraries to names.json, beside this file, and what some of them give.

    KERAS_BACKEND=jax python -m tests.reference.record_names

needs torch, scikit-learn, keras, jax and optax; the tests read the file alone. What those have is listed from their
modules; LightGBM, XGBoost and CatBoost know their names in compiled code, so that those most used are written here.
The values are means over rows, in float64 and with the library's defaults.
"""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.reference.record_more import as_json

FILE = Path(__file__).with_name("names.json")
WORDS = ("loss", "error", "deviance", "d2_", "r2_", "top_k")  # of scikit-learn's metrics those that are of losses
NO_LOSS = {"loss", "get", "serialize", "deserialize"}  # what keras.losses has besides
FURTHER = {"kl_div", "cosine_similarity", "matthews_corrcoef"}  # without such a word
WRITTEN = {
    "LightGBM": "regression l2 l1 rmse huber fair quantile mape poisson gamma gamma_deviance tweedie binary "
    "binary_logloss cross_entropy kullback_leibler multiclass multiclassova multi_logloss lambdarank",
    "XGBoost": "reg:squarederror reg:squaredlogerror reg:absoluteerror reg:pseudohubererror reg:quantileerror "
    "reg:expectileerror reg:logistic reg:gamma reg:tweedie count:poisson binary:logistic binary:logitraw binary:hinge "
    "multi:softprob multi:softmax survival:cox survival:aft rank:pairwise rank:ndcg rank:map rmse rmsle mae mape mphe "
    "logloss mlogloss quantile expectile poisson-nloglik gamma-nloglik gamma-deviance tweedie-nloglik "
    "tweedie-nloglik@1.5",
    "CatBoost": "RMSE MultiRMSE MAE Huber LogCosh FairLoss Quantile Expectile MAPE SMAPE MSLE Lq Poisson Tweedie "
    "RMSEWithUncertainty Logloss CrossEntropy MultiClass MultiClassOneVsAll BrierScore Focal HingeLoss PairLogit "
    "YetiRank",
    "others": "sigmoid_focal_loss generalized_box_iou_loss distance_box_iou_loss complete_box_iou_loss DiceLoss "
    "GeneralizedDiceLoss JaccardLoss TverskyLoss MCCLoss LovaszLoss ContrastiveLoss NTXentLoss SupConLoss "
    "MinimaxDiscriminatorLoss MinimaxGeneratorLoss LeastSquaresDiscriminatorLoss LeastSquaresGeneratorLoss "
    "WassersteinDiscriminatorLoss WassersteinGeneratorLoss PatchAdversarialLoss",
}


def with_loss(name: str) -> bool:
    """Whether a name of torch is one of a loss."""
    return "loss" in name.lower() or "entropy" in name or name in FURTHER


def names() -> dict[str, list[str]]:
    """The losses' names by library."""
    import keras
    import optax
    import sklearn._loss
    import sklearn.metrics
    import torch

    def public(module: Any) -> list[str]:
        return [n for n in dir(module) if not n.startswith("_") and not inspect.ismodule(getattr(module, n))]

    return {
        "torch.nn": [n for n in public(torch.nn) if with_loss(n)],
        "torch.nn.functional": [n for n in public(torch.nn.functional) if with_loss(n)],
        "keras.losses": [n for n in public(keras.losses) if n.lower() not in NO_LOSS],
        "optax.losses": public(optax.losses),
        "sklearn.metrics": [n for n in sklearn.metrics.__all__ if n in FURTHER or any(w in n for w in WORDS)],
        "sklearn._loss": [*sklearn._loss.__all__, "HalfPoissonLossArrayAPI", "ExponentialLoss"],
        **{library: written.split() for library, written in WRITTEN.items()},
    }


def data() -> dict[str, dict[str, Any]]:
    """What the losses are tried on, by role and in the order that torch takes."""
    rng = np.random.default_rng(47)
    n = 6
    real, other, logits = rng.normal(0, 2, (3, n))
    scores, vectors, more = rng.normal(0, 1.5, (3, n, 3))
    rates, amounts = rng.gamma(2, 2, (2, n))
    rows, given = rng.dirichlet(np.ones(3), (2, n))
    happened, chosen, signs = np.array([0, 1, 1, 0, 1, 0]), np.array([2, 0, 1, 1, 0, 2]), np.array([-1, 1, 1, -1, 1, 1])
    hot, softmax = np.eye(3)[chosen], np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    labels = rng.integers(0, 2, (n, 3))
    return {
        "numbers": {"pred": real, "target": other},
        "amounts": {"pred": rates, "target": amounts},
        "counts": {"pred": np.log(rates), "target": amounts.round()},
        "variances": {"pred": real, "target": other, "variance": rates},
        "probabilities": {"pred": 1 / (1 + np.exp(-logits)), "target": happened},
        "logits": {"pred": logits, "target": happened},
        "margins": {"pred": logits, "target": signs},
        "class logits": {"pred": scores, "target": chosen},
        "class logits, rows": {"pred": scores, "target": hot},
        "class probabilities": {"pred": softmax, "target": chosen},
        "class probabilities, rows": {"pred": softmax, "target": hot},
        "class logs": {"pred": np.log(softmax), "target": chosen},
        "distributions": {"pred": rows, "target": given},
        "logs": {"pred": np.log(rows), "target": given},
        "labels": {"pred": scores, "target": labels},
        "vectors": {"pred": vectors, "target": more},
        "pairs": {"left": vectors, "right": more, "label": signs},
        "two scores": {"left": real, "right": other, "label": signs},
        "distances": {"pred": rates, "label": signs},
        "twos": {"pred": vectors, "target": np.array([0, 1, 2, 2, 0, 1])},
        "triplets": {"anchor": vectors, "positive": more, "negative": scores},
    }


# What a name is tried on; what is not here has a layout of its own.
TRIED = {
    "torch.nn": {
        "numbers": "MSELoss L1Loss HuberLoss SmoothL1Loss",
        "variances": "GaussianNLLLoss",
        "counts": "PoissonNLLLoss",
        "probabilities": "BCELoss",
        "logits": "BCEWithLogitsLoss",
        "margins": "SoftMarginLoss",
        "class logits": "CrossEntropyLoss MultiMarginLoss",
        "class logs": "NLLLoss",
        "logs": "KLDivLoss",
        "labels": "MultiLabelSoftMarginLoss",
        "pairs": "CosineEmbeddingLoss",
        "two scores": "MarginRankingLoss",
        "distances": "HingeEmbeddingLoss",
        "triplets": "TripletMarginLoss",
    },
    "torch.nn.functional": {
        "numbers": "mse_loss l1_loss huber_loss smooth_l1_loss",
        "probabilities": "binary_cross_entropy",
        "logits": "binary_cross_entropy_with_logits",
        "labels": "multilabel_soft_margin_loss",
    },
    "keras.losses": {
        "numbers": "MeanSquaredError mean_squared_error MeanAbsoluteError mean_absolute_error Huber LogCosh log_cosh",
        "probabilities": "BinaryCrossentropy binary_crossentropy BinaryFocalCrossentropy binary_focal_crossentropy",
        "margins": "Hinge SquaredHinge squared_hinge",
        "class probabilities": "SparseCategoricalCrossentropy sparse_categorical_crossentropy "
        "CategoricalGeneralizedCrossEntropy",
        "class probabilities, rows": "CategoricalCrossentropy categorical_crossentropy",
        "distributions": "KLDivergence kl_divergence",
    },
    "optax.losses": {
        "numbers": "squared_error l2_loss huber_loss log_cosh",
        "margins": "hinge_loss perceptron_loss",
        "logits": "sigmoid_binary_cross_entropy",
        "class logits": "softmax_cross_entropy_with_integer_labels multiclass_hinge_loss multiclass_sparsemax_loss",
        "class logits, rows": "softmax_cross_entropy safe_softmax_cross_entropy poly_loss_cross_entropy",
        "vectors": "cosine_distance",
        "triplets": "triplet_margin_loss",
    },
    "sklearn.metrics": {
        "numbers": "mean_squared_error mean_absolute_error root_mean_squared_error mean_absolute_percentage_error "
        "median_absolute_error max_error mean_pinball_loss r2_score",
        "amounts": "mean_squared_log_error root_mean_squared_log_error mean_poisson_deviance mean_gamma_deviance",
        "probabilities": "brier_score_loss",
        "margins": "hinge_loss",
    },
    "sklearn._loss": {
        "numbers": "HalfSquaredError AbsoluteError PinballLoss HuberLoss",
        "counts": "HalfPoissonLoss",
        "logits": "HalfBinomialLoss",
        "class logits": "HalfMultinomialLoss",
    },
}
# What SPECs must give for other names, times a factor and plus a constant.
SAID = {
    "keras.losses": {
        "amounts": {
            "Poisson": ("poisson_nll", 1, 0),
            "MeanSquaredLogarithmicError": ("msle", 1, 0),
            "MeanAbsolutePercentageError": ("mape", 100, 0),
            "mean_absolute_percentage_error": ("mape", 100, 0),
        },
        "vectors": {"CosineSimilarity": ("cosine_distance", 1, -1)},
    },
    "sklearn.metrics": {
        "numbers": {
            "d2_absolute_error_score": ("d2:deviance=mae", 1, 0),
            "d2_pinball_score": ("d2:deviance=mae", 1, 0),
            "d2_tweedie_score": ("r2", 1, 0),
            "mean_tweedie_deviance": ("mse", 1, 0),
        },
        "probabilities": {
            "d2_brier_score": ("r2", 1, 0),
            "d2_log_loss_score": ("d2:deviance=bce", 1, 0),
            "log_loss": ("bce", 1, 0),
        },
        "class logits": {"top_k_accuracy_score": ("top_k:k=2", -1, 1)},
    },
    "optax.losses": {
        "probabilities": {"binary_dice_loss": ("dice:smooth=2", 1, 0)},
        "twos": {"ntxent": ("supcon:temperature=0.07", 1, 0)},
        "logs": {"kl_divergence": ("kl:form=log_probs", 1, 0)},
    },
}


def by_torch(name: str, roles: dict[str, Any]) -> float:
    import torch

    options = {"reduction": "batchmean"} if name == "KLDivLoss" else {}
    found = getattr(torch.nn, name)(**options) if hasattr(torch.nn, name) else getattr(torch.nn.functional, name)
    tensors = [torch.tensor(values) for values in roles.values()]
    if name[0].islower() or name.startswith(("BCE", "MultiLabelSoft")):
        tensors[1] = tensors[1].double()
    return float(found(*tensors))


def by_keras(name: str, roles: dict[str, Any]) -> float:
    import jax
    import keras

    jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    found = getattr(keras.losses, name)
    pred, target = roles.values()
    column = (lambda a: a[:, None]) if np.ndim(pred) == 1 else (lambda a: a)
    return float(np.mean((found() if inspect.isclass(found) else found)(column(target), column(pred))))


def by_optax(name: str, roles: dict[str, Any]) -> float:
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)
    arrays = list(map(jax.numpy.asarray, roles.values()))
    if name == "binary_dice_loss":  # which takes images, of logits
        arrays = [(jax.numpy.log(arrays[0]) - jax.numpy.log1p(-arrays[0]))[None], arrays[1][None]]
    return float(np.mean(getattr(optax.losses, name)(*arrays)))


def by_metrics(name: str, roles: dict[str, Any]) -> float:
    import sklearn.metrics

    pred, target = roles.values()
    return float(getattr(sklearn.metrics, name)(target, pred))


def by_loss(name: str, roles: dict[str, Any]) -> float:
    import sklearn._loss

    options = {"HuberLoss": {"delta": 1.0}, "HalfMultinomialLoss": {"n_classes": 3}}.get(name, {})
    pred, target = roles.values()
    found = getattr(sklearn._loss, name)(**options)
    return float(np.mean(found.loss(y_true=target.astype(float), raw_prediction=pred)))


CALLED: dict[str, Callable[[str, dict[str, Any]], float]] = {
    "torch.nn": by_torch,
    "torch.nn.functional": by_torch,
    "keras.losses": by_keras,
    "optax.losses": by_optax,
    "sklearn.metrics": by_metrics,
    "sklearn._loss": by_loss,
}


def values() -> list[dict[str, Any]]:
    """What each name gives of its data; of others with the SPEC, the factor and the constant."""
    found = []
    for library, tried in TRIED.items():
        for what, several in tried.items():
            for name in several.split():
                value = CALLED[library](name, data()[what])
                found.append({"by": library, "name": name, "data": what, "value": value})
    for library, said in SAID.items():
        for what, specs in said.items():
            for name, (spec, factor, constant) in specs.items():
                value = CALLED[library](name, data()[what])
                one = {"by": library, "name": name, "data": what, "value": value}
                found.append({**one, "spec": spec, "factor": factor, "constant": constant})
    return found


def main() -> None:
    """Write the file, a library, a data set or a value a line."""
    import jax
    import keras
    import optax
    import sklearn
    import torch

    libraries = {"torch": torch, "scikit-learn": sklearn, "keras": keras, "jax": jax, "optax": optax, "numpy": np}
    versions = {name: library.__version__ for name, library in libraries.items()}
    versions |= {"LightGBM": "4.7", "XGBoost": "3.2", "CatBoost": "1.2.10"}
    arrays = {what: {role: as_json(values) for role, values in roles.items()} for what, roles in data().items()}

    def lines(found: dict[str, Any]) -> str:
        return "{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(one)}" for key, one in found.items()) + "\n}"

    given = "[\n" + ",\n".join(map(json.dumps, values())) + "\n]"
    parts = {"versions": json.dumps(versions), "names": lines(names()), "data": lines(arrays), "values": given}
    FILE.write_text("{\n" + ",\n".join(f'"{key}": {text}' for key, text in parts.items()) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
