"""The losses, one module a family, which is imported when one of its losses is asked for; `cross_entropies` and
`stable` hold what several of them are made of.
"""

FAMILIES = {
    "binary": ("bce", "hinge"),
    "multiclass": ("cross_entropy", "nll", "brier"),
    "distribution": ("gaussian_nll",),
    "divergence": ("kl", "reverse_kl", "js", "generalized_kl", "shannon_entropy"),
    "fdivergences": ("hellinger", "total_variation", "chi_squared"),
    "embedding": ("contrastive", "triplet"),
    "powers": ("alpha_divergence", "renyi"),
    "regression": ("mse", "half_mse", "mae", "bias", "rmse"),
    "robust": ("huber", "smooth_l1", "log_cosh", "quantile"),
    "segmentation": ("dice",),
    "transport": ("wasserstein", "energy_distance"),
}

__all__ = ["FAMILIES"]
