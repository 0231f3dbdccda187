"""The losses, one module a family, which is imported when one of its losses is asked for; `boxparts`,
`cross_entropies`, `overlap`, `rectangles` and `stable` hold what several of them are made of.
"""

FAMILIES = {
    "binary": ("bce", "hinge"),
    "multiclass": ("cross_entropy", "nll", "brier"),
    "boxes": ("box_iou", "giou", "diou", "ciou"),
    "confusion": ("mcc", "generalized_dice"),
    "distribution": ("gaussian_nll",),
    "divergence": ("kl",),
    "embedding": ("contrastive", "triplet"),
    "lovasz": ("lovasz_hinge", "lovasz_softmax"),
    "regression": ("mse", "half_mse", "mae", "bias", "rmse"),
    "robust": ("huber", "smooth_l1", "log_cosh", "quantile"),
    "segmentation": ("dice", "squared_dice", "jaccard"),
    "tversky": ("tversky", "focal_tversky"),
}

__all__ = ["FAMILIES"]
