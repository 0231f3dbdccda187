"""The losses, one module a family, which is imported when one of its losses is asked for; `cross_entropies` and
`stable` hold what several of them are made of.
"""

FAMILIES = {
    "binary": ("bce", "hamming", "zero_one"),
    "focal": ("focal",),
    "signed": ("soft_margin", "hinge", "squared_hinge", "perceptron", "modified_huber", "exponential"),
    "multiclass": ("cross_entropy", "nll", "brier"),
    "distribution": ("gaussian_nll",),
    "divergence": ("kl",),
    "embedding": ("contrastive", "triplet"),
    "regression": ("mse", "half_mse", "mae", "bias", "rmse"),
    "robust": ("huber", "smooth_l1", "log_cosh", "quantile"),
    "segmentation": ("dice",),
}

__all__ = ["FAMILIES"]
