"""Names of losses in other libraries that are not exactly a loss here, and how to say here what they compute.

In lower case, as names are looked up; what stands before a colon decides, so that `reg` is all of XGBoost's `reg:…`.
"""

_SEVERAL = "means several losses"
REFUSED = {
    # torch
    "linearcrossentropyloss": (
        "LinearCrossEntropyLoss has a layer of its own: say cross_entropy:form=logits of its logits"
    ),
    "linear_cross_entropy": "linear_cross_entropy has a layer's weights: say cross_entropy:form=logits of its logits",
    "nllloss2d": "NLLLoss2d takes images: say nll, with a row a pixel",
    "tripletmarginwithdistanceloss": (
        "TripletMarginWithDistanceLoss takes any distance: say triplet, whose p is the norm"
    ),
    "triplet_margin_with_distance_loss": "it takes any distance: say triplet, whose p is the norm",
    "sigmoid_focal_loss": (
        f"sigmoid_focal_loss {_SEVERAL}: optax's is focal:form=logits, torchvision's focal:form=logits,alpha=0.25"
    ),
    # keras
    "categoricalfocalcrossentropy": (
        "keras multiplies it by alpha=0.25 for every class: say focal, which is four times keras's default"
    ),
    "categorical_focal_crossentropy": (
        "keras multiplies it by alpha=0.25 for every class: say focal, which is four times keras's default"
    ),
    "circle": "circle weighs all pairs of a batch by how far they are off: say supcon or triplet",
    "cosinesimilarity": "keras's CosineSimilarity is minus the cosine: say cosine_distance, which is larger by 1",
    "cosine_similarity": (
        "cosine_similarity is a similarity, or in keras minus it: say cosine_distance, which is 1 - cos"
    ),
    "meanabsolutepercentageerror": (
        f"MeanAbsolutePercentageError {_SEVERAL}: mape is a fraction, which torchmetrics' is too; keras's is "
        "100 times it"
    ),
    "poisson": (
        f"poisson {_SEVERAL}: keras's Poisson is poisson_nll; LightGBM's, CatBoost's and XGBoost's take ln of "
        "the rate, "
        "which is poisson_nll:form=log_rate"
    ),
    # optax
    "binary_dice_loss": "optax adds smooth=1 in its own place: say dice, whose smooth is 0; optax's 1 is 2 here",
    "dice_loss": f"dice_loss {_SEVERAL}, that differ in what they add and pool: say dice, whose smooth is 0",
    "diceloss": f"DiceLoss {_SEVERAL}, that differ in what they add and pool: say dice, whose smooth is 0",
    "convex_kl_divergence": "optax calls it generalized_kl_divergence now: say generalized_kl",
    "ctc_loss_with_forward_probs": "it yields the sums over paths too, which are no loss",
    "kl_divergence_with_log_targets": (
        "targets are probabilities here, not their logarithms: say kl of their exponentials"
    ),
    "make_fenchel_young_loss": "it makes losses: of them cross_entropy and sparsemax are here",
    "multiclass_generalized_dice_loss": (
        "optax's is a weighted mean of each class's Dice: generalized_dice is a ratio of sums"
    ),
    "multiclass_perceptron_loss": (
        "the largest score less that of the class is not here: multi_margin and categorical_hinge have a "
        "margin, zero_one "
        "counts the mistakes"
    ),
    "ranking_softmax_loss": "optax takes relevances as weights as they are: listnet takes their softmax",
    "smooth_labels": "it changes targets and is no loss: say label_smoothing=, as in bce:label_smoothing=0.1",
    "sparsemax_loss": "optax's sparsemax_loss is of one score: sparsemax takes a column a class",
    # scikit-learn
    "coverage_error": "how far down a ranking the labels lie is not here: say top_k for one label a row",
    "halfgammaloss": "HalfGammaLoss takes ln of the prediction: say gamma_nll of its exponential",
    "halftweedieloss": (
        "HalfTweedieLoss is half the deviance without what the target alone decides, of ln of the prediction: say "
        "tweedie_deviance of its exponential"
    ),
    "halftweedielossidentity": (
        "HalfTweedieLossIdentity is half the deviance without what the target alone decides: say tweedie_deviance"
    ),
    "label_ranking_loss": "the share of pairs of labels in the wrong order is not here: say ranknet for a smooth one",
    "log_loss": "log_loss names two losses: say 'bce' for one column, 'cross_entropy' for a column a class",
    "mean_tweedie_deviance": (
        "its power is 0 unless said otherwise, which is mse: say tweedie_deviance:power=1.5, or with the power you want"
    ),
    # LightGBM
    "binary": (
        "binary is LightGBM's objective, and begins XGBoost's: say bce:form=logits for binary and "
        "binary:logistic, hinge for "
        "binary:hinge"
    ),
    "gamma": f"gamma {_SEVERAL}, of ln of the prediction: say gamma_nll or gamma_deviance of its exponential",
    "lambdarank": "lambdarank defines gradients and no loss: say ranknet, listnet or listmle",
    "multiclassova": (
        "multiclassova tells each class from the others: say bce:form=logits with 0 or 1 a class as targets"
    ),
    "regression": "the objective regression is half_mse, the metric l2 is mse: say which",
    # XGBoost
    "count": "count:poisson takes ln of the rate: say poisson_nll:form=log_rate",
    "logloss": "logloss names two losses: say 'bce' for one column, 'cross_entropy' for a column a class",
    "multi": "multi:softprob and multi:softmax are trained on cross_entropy:form=logits",
    "poisson-nloglik": "poisson-nloglik has the logarithm of t! too: say poisson_nll:full=true",
    "rank": "rank:… are objectives of gradients: say ranknet, listnet or listmle",
    "reg": (
        "of XGBoost's objectives reg:squarederror is half_mse, reg:squaredlogerror half of msle, "
        "reg:absoluteerror mae, "
        "reg:pseudohubererror pseudo_huber, reg:quantileerror quantile, reg:expectileerror expectile, reg:logistic "
        "bce:form=logits; reg:gamma and reg:tweedie take ln of the prediction"
    ),
    "survival": "censored times are not here",
    "tweedie-nloglik": "tweedie-nloglik leaves out what the target alone decides: say tweedie_deviance",
    # CatBoost
    "crossentropy": (
        "CrossEntropy names two losses: CatBoost's is bce:form=logits; for a column a class say cross_entropy"
    ),
    "multiclassonevsall": "it tells each class from the others: say bce:form=logits with 0 or 1 a class as targets",
    "multirmse": "MultiRMSE does not divide by the number of columns d: it is √d times rmse",
    "pairlogit": "PairLogit takes pairs from a file: say ranknet for all pairs of a group",
    "rmsewithuncertainty": (
        "RMSEWithUncertainty takes ln of the standard deviation: say gaussian_nll:full=true, which takes the variance"
    ),
    "tweedie": "Tweedie takes ln of the prediction, and leaves out what the target alone decides: say tweedie_deviance",
    "yetirank": "YetiRank defines gradients and no loss: say ranknet, listnet or listmle",
    # further
    "contrastiveloss": f"ContrastiveLoss {_SEVERAL}: say contrastive for pairs, info_nce or supcon for batches",
    "focalloss": f"FocalLoss {_SEVERAL}: say focal for one outcome a row; of several at once, give one below the other",
    "mase": "mase needs the errors of a naive forecast on other data: divide mae by them",
    "mean_absolute_scaled_error": "it needs the errors of a naive forecast on other data: divide mae by them",
}
