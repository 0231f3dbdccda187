"""The losses, one module a family, which is imported when one of its losses is asked for; `cross_entropies` and
`stable` hold what several of them are made of.
"""

FAMILIES = {
    "binary": ("bce", "hinge"),
    "multiclass": ("cross_entropy", "nll", "brier"),
    "distribution": ("gaussian_nll",),
    "divergence": ("kl",),
    "embedding": ("contrastive", "triplet"),
    "regression": ("mse", "half_mse", "mae", "bias", "rmse"),
    "robust": ("huber", "smooth_l1", "log_cosh", "pseudo_huber", "charbonnier"),
    "flat": ("fair", "wing", "eps_insensitive", "squared_eps_insensitive"),
    "redescending": ("cauchy", "welsch", "geman_mcclure", "tukey_biweight"),
    "adaptive": ("barron",),
    "quantiles": ("quantile", "expectile", "interval", "wis"),
    "segmentation": ("dice",),
}

__all__ = ["FAMILIES"]
