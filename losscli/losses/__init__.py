"""The losses, one module a family, which is imported when one of its losses is asked for; `cross_entropies` and
`stable` hold what several of them are made of.
"""

FAMILIES = {
    "binary": ("bce", "hinge"),
    "multiclass": ("cross_entropy", "nll", "brier"),
    "distribution": ("gaussian_nll",),
    "divergence": ("kl",),
    "embedding": ("contrastive", "triplet"),
    "regression": ("mse", "half_mse", "mae", "bias", "rmse", "lq"),
    "relative": ("mape", "smape", "wmape"),
    "logarithmic": ("msle", "rmsle"),
    "overall": ("max_error", "medae", "nrmse"),
    "skill": ("r2", "d2"),
    "directions": ("cosine_distance",),
    "robust": ("huber", "smooth_l1", "log_cosh", "quantile"),
    "segmentation": ("dice",),
}

__all__ = ["FAMILIES"]
