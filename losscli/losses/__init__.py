"""The losses, one module a family, which is imported when one of its losses is asked for; `boxparts`,
`cross_entropies`, `overlap`, `rectangles` and `stable` hold what several of them are made of.
"""

FAMILIES = {
    "batch": ("info_nce", "supcon"),
    "binary": ("bce", "hamming", "zero_one"),
    "focal": ("focal",),
    "signed": ("soft_margin", "hinge", "squared_hinge", "perceptron", "modified_huber", "exponential"),
    "multiclass": ("cross_entropy", "nll", "brier"),
    "reshaped": ("poly1", "generalized_cross_entropy"),
    "margins": ("multi_margin", "categorical_hinge", "multilabel_margin"),
    "scores": ("sparsemax", "top_k", "multilabel_soft_margin"),
    "ordinal": ("emd2",),
    "calibration": ("ece",),
    "counts": ("poisson_nll", "gamma_nll"),
    "deviances": ("poisson_deviance", "gamma_deviance", "tweedie_deviance"),
    "boxes": ("box_iou", "giou", "diou", "ciou"),
    "confusion": ("mcc", "generalized_dice"),
    "distribution": ("gaussian_nll",),
    "forecast": ("laplace_nll", "student_t_nll", "crps_normal"),
    "ensemble": ("crps_ensemble", "energy_score"),
    "divergence": ("kl",),
    "embedding": ("contrastive", "triplet"),
    "ranking": ("ranknet", "listnet", "listmle"),
    "pairs": ("margin_ranking", "cosine_embedding", "hinge_embedding"),
    "lovasz": ("lovasz_hinge", "lovasz_softmax"),
    "regression": ("mse", "half_mse", "mae", "bias", "rmse", "lq"),
    "relative": ("mape", "smape", "wmape"),
    "logarithmic": ("msle", "rmsle"),
    "overall": ("max_error", "medae", "nrmse"),
    "skill": ("r2", "d2"),
    "directions": ("cosine_distance",),
    "robust": ("huber", "smooth_l1", "log_cosh", "quantile"),
    "segmentation": ("dice", "squared_dice", "jaccard"),
    "tversky": ("tversky", "focal_tversky"),
}

__all__ = ["FAMILIES"]
