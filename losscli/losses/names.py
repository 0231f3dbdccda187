"""Names of other libraries that are not exactly a loss here, and how to say here what they compute.

What is said follows the name, and what stands in quotes there is a SPEC that runs. Names are looked up in lower case;
one with a colon is a whole text, and what stands before the colon answers for all that are not listed.
"""

_OWN_LAYER = "has a layer of its own: say 'cross_entropy:form=logits' of its logits"
_ANY_DISTANCE = "takes any distance: say 'triplet', whose p is the norm"
_COSINE = "is cos, in keras -cos: say 'cosine_distance', which is 1 - cos"
_CENT = "is multiplied by 100 in keras, and clamped: say 'mape', a fraction"
_CLAMPED_LOG = "is of numbers raised to 1e-7 in keras: say 'msle', which takes them as they are, above -1"
_CENTRED = "multiplies every class by alpha=0.25: say 'focal' of a column a class, which is four times that"
_SIGMOIDS = "tells each class from all others: say 'bce:form=logits' of one class below the other"
_POOLS = "adds and pools in its own way in each library: say"
_PAIRS = "is all pairs of a batch, weighed by how far they are off: say 'supcon'"
_ALL_BOXES = "is of all pairs of boxes, and higher for better ones: say"
_ALL_PAIRS = "takes the mean over the pairs of all groups together: say 'ranknet', which takes it a group"
_NO_VALUE = "defines gradients and no value: say 'ranknet', 'listnet' or 'listmle'"
_RELEVANCES = "takes relevances themselves for weights: say 'listnet', which takes their softmax"
_NTXENT = "leaves out an anchor's other positives: say 'supcon:temperature=0.07', which is it for two rows a label"
_ONE_BATCH = "is linear and of vectors at length 1 in one library, NT-Xent in another: say 'contrastive' or 'info_nce'"
_LOG_LOSS = "names two losses: say 'bce' for one column, 'cross_entropy' for a column a class"
_DIVERGENCE_OF_LOGS = "takes ln of predictions that need not sum to 1: say 'generalized_kl' of their exponentials"
_CROSS_ENTROPIES = "names two losses: say 'bce:form=logits' for CatBoost's, 'cross_entropy' for a column a class"
_NAIVE = "needs the errors of a naive forecast on other data: say 'mae', and divide by them"
_CALIBRATION = "has bins of p and the share of class 1: say 'ece', which has bins of the larger of p and 1 - p"
_CHARBONNIER = "names two losses: say 'pseudo_huber' for kornia's √(e² + 1) - 1, 'charbonnier' for √(e² + eps²)"
_TWEEDIE = "leaves out what the target alone decides: say 'tweedie_deviance', of rates, not of their ln"
_HALF_TWEEDIE = "is half the deviance less what the target alone decides: say 'tweedie_deviance', of rates"
_RATES = "is of rates in keras, of their ln in LightGBM and CatBoost: say 'poisson_nll' or 'poisson_nll:form=log_rate'"
_GAMMAS = "takes ln of the prediction: say 'gamma_nll' or 'gamma_deviance' of its exponential"
_HITS = "is a share of hits: say"
_PENALTY = "is a penalty of parameters, no loss: say 'mse', or another, and --penalty; explain penalty tells more"
_OF_GENERATOR = "is the generator's part: say"

_SAID = {
    # torch
    "adaptivelogsoftmaxwithloss linearcrossentropyloss linear_cross_entropy": _OWN_LAYER,
    "nllloss2d": "takes images: say 'nll', with a row a pixel",
    "tripletmarginwithdistanceloss triplet_margin_with_distance_loss": _ANY_DISTANCE,
    "kl_div": "names several: say 'kl:form=log_probs' for torch's, 'generalized_kl' for scipy's, 'kl' of probabilities",
    "sigmoid_focal_loss": "has alpha=0.25 in torchvision: say 'focal:form=logits,alpha=0.25', without it for optax's",
    "generalized_box_iou": f"{_ALL_BOXES} 'giou', which is 1 less it",
    "distance_box_iou": f"{_ALL_BOXES} 'diou', which is 1 less it",
    "complete_box_iou": f"{_ALL_BOXES} 'ciou', which is 1 less it",
    # keras
    "categoricalfocalcrossentropy categorical_focal_crossentropy": _CENTRED,
    "categoricalhinge": "has the right class at a score of 0 among the wrong ones: say 'categorical_hinge'",
    "circle circleloss": _PAIRS,
    "cosinesimilarity cosine_similarity": _COSINE,
    "meanabsolutepercentageerror": _CENT,
    "meansquaredlogarithmicerror mean_squared_logarithmic_error": _CLAMPED_LOG,
    "poisson": _RATES,
    "topkcategoricalaccuracy sparsetopkcategoricalaccuracy": f"{_HITS} 'top_k', the share of misses",
    # optax
    "binary_dice_loss": "takes logits, adds 1, and a row is an image: say 'dice:smooth=2,pool=sample' of probabilities",
    "dice_loss diceloss": f"{_POOLS} 'dice', whose smooth is 0",
    "generalizeddiceloss": f"{_POOLS} 'generalized_dice'",
    "convex_kl_divergence generalized_kl_divergence": _DIVERGENCE_OF_LOGS,
    "ctc_loss": "names two: say 'ctc' for torch's, of log-probabilities, 'ctc:form=logits' for optax's, of logits",
    "ctc_loss_with_forward_probs": "gives the sums over paths besides: say 'ctc:form=logits'",
    "kl_divergence_with_log_targets": "takes ln of targets too: say 'kl:form=log_probs' with their exponentials",
    "make_fenchel_young_loss": "makes losses: say 'cross_entropy:form=logits' or 'sparsemax'",
    "multiclass_generalized_dice_loss": "is a mean of each class's Dice: say 'generalized_dice', a ratio of sums",
    "multiclass_perceptron_loss": "has no margin: say 'categorical_hinge', which has 1, or 'zero_one'",
    "ntxent nt_xent ntxentloss": _NTXENT,
    "ranking_softmax_loss softmax_loss": _RELEVANCES,
    "smooth_labels": "changes targets and is no loss: say 'cross_entropy:label_smoothing=0.1'",
    "sparsemax_loss": "is of one score: say 'sparsemax', of a column a class",
    # scikit-learn
    "accuracy accuracy_score": f"{_HITS} 'zero_one', the share of misses",
    "error merror binary_error multi_error": "is the share of wrong classes: say 'zero_one'",
    "neg_log_loss": "is minus the log loss: say 'bce' for one column, 'cross_entropy' for a column a class",
    "auc aucpr roc_auc_score average_precision_score ndcg ndcg_score": "is a score of rankings, no loss: say 'ranknet'",
    "f1_score": "is a score: say 'dice' of masks of 0 and 1, which is 1 less it",
    "coverage_error": "is how far down a ranking labels lie: say 'top_k' for one label a row",
    "d2_absolute_error_score": "is D² of mae: say 'd2:deviance=mae'",
    "d2_brier_score": "is R² of probabilities: say 'r2', of one column",
    "d2_log_loss_score": "is D² of bce with clipped probabilities: say 'd2:deviance=bce', of one column",
    "d2_pinball_score": "is D² of quantile: say 'd2:deviance=mae', for alpha=0.5",
    "d2_tweedie_score": "is R² unless a power is given: say 'r2'",
    "halfgammaloss": _GAMMAS,
    "halftweedieloss halftweedielossidentity": _HALF_TWEEDIE,
    "jaccard_score": "is higher for better masks: say 'jaccard', which is 1 less it",
    "label_ranking_loss": "is the share of pairs of labels in the wrong order: say 'ranknet' for a smooth one",
    "log_loss": _LOG_LOSS,
    "matthews_corrcoef": "is higher for better masks: say 'mcc', which is 1 less it",
    "mean_tweedie_deviance": "has power=0, which is 'mse': say 'tweedie_deviance:power=1.5', or the power you want",
    "top_k_accuracy_score": f"{_HITS} 'top_k:k=2', the share of misses for its k",
    # LightGBM
    "binary": "is LightGBM's objective, of raw scores: say 'bce:form=logits'",
    "gamma": _GAMMAS,
    "kullback_leibler": "is bce less the entropy of the targets: say 'bce', or 'kl' of a column a class",
    "lambdarank yetirank rank": _NO_VALUE,
    "multiclass": "is of raw scores as an objective, of probabilities as a metric: say 'cross_entropy:form=logits' or "
    "'cross_entropy'",
    "multiclassova multiclassonevsall": _SIGMOIDS,
    "regression": "is half the squared error as an objective, the whole as a metric: say 'half_mse' or 'mse'",
    # XGBoost
    "binary:logistic binary:logitraw reg:logistic": "is trained on raw scores: say 'bce:form=logits', or 'bce' of "
    "probabilities",
    "binary:hinge": "is of raw scores: say 'hinge'",
    "count count:poisson": "takes ln of the rate: say 'poisson_nll:form=log_rate', or 'poisson_nll' of rates",
    "logloss": f"{_LOG_LOSS}; of CatBoost's raw scores 'bce:form=logits'",
    "multi multi:softprob multi:softmax": "is trained on raw scores: say 'cross_entropy:form=logits', or "
    "'cross_entropy' of probabilities",
    "poisson-nloglik": "has ln t! too: say 'poisson_nll:full=true'",
    "reg": "begins XGBoost's names: say 'half_mse' for reg:squarederror, or 'mae', 'pseudo_huber', 'quantile' …",
    "reg:absoluteerror": "is the absolute error: say 'mae'",
    "reg:expectileerror": "takes levels as expectile_alpha: say 'expectile', whose q is the level",
    "reg:gamma": _GAMMAS,
    "reg:pseudohubererror": "takes its knee as huber_slope: say 'pseudo_huber', whose delta it is",
    "reg:quantileerror": "takes levels as quantile_alpha: say 'quantile', whose q is the level",
    "reg:squarederror": "is half the squared error as an objective: say 'half_mse', or 'mse' without the half",
    "reg:squaredlogerror": "is half the squared error of ln(1 + x): say 'msle', which is twice it",
    "reg:tweedie tweedie tweedie-nloglik": _TWEEDIE,
    "survival": "is of censored times, which are not here",
    # CatBoost
    "crossentropy": _CROSS_ENTROPIES,
    "multirmse": "does not divide by the d columns: say 'rmse', and multiply by √d",
    "pairlogit pairwise_logistic_loss": _ALL_PAIRS,
    "rmsewithuncertainty": "takes ln σ: say 'gaussian_nll:full=true', which takes the variance",
    # adversarial
    "adversarial adversarial_loss ganloss gan_loss": "names several: say 'gan', 'lsgan', 'hinge_gan', 'wgan' or "
    "'relativistic_gan'",
    "leastsquaresgeneratorloss least_squares_generator_loss": f"{_OF_GENERATOR} 'lsgan:part=generator'",
    "minimax minimax_gan mmgan": "has two parts: say 'gan', and for the other 'gan:part=generator,generator=minimax'",
    "minimax_discriminator_loss": "has smoothed labels in TF-GAN: say 'gan:form=logits', which is torchgan's",
    "minimaxgeneratorloss minimax_generator_loss": "is the non-saturating part in torchgan, of logits: say "
    "'gan:part=generator,form=logits', or add generator=minimax",
    "non_saturating_gan nsgan": "has two parts: say 'gan', and for the generator 'gan:part=generator'",
    "patchadversarialloss": "has activations before it: say 'gan:form=logits', or 'lsgan' and 'hinge_gan' of what is "
    "behind them",
    "wassersteingeneratorloss wasserstein_generator_loss": f"{_OF_GENERATOR} 'wgan:part=generator'",
    "wgan_gp wgan-gp wgangp": "has a penalty on gradients, which outputs do not show: say 'wgan' for the rest",
    # further
    "bits_per_token": "is 'token_nll' in bits: say 'token_nll:units=bits'",
    "byte_perplexity": "is 2 to the power of bits a byte: say 'bits_per_byte'",
    "mean_perplexity": "is the mean over sequences: say 'perplexity:over=sequences'",
    "word_perplexity": "divides by words, not tokens: say 'perplexity', or 'bits_per_byte', which needs no tokens",
    "amari": "counts alpha otherwise, as 1 - 2·alpha or its opposite: say 'alpha_divergence'",
    "binarycalibrationerror": _CALIBRATION,
    "charbonnierloss charbonnier_loss": _CHARBONNIER,
    "contrastiveloss": _ONE_BATCH,
    "crps": "names two losses: say 'crps_normal' for a mean and a scale, 'crps_ensemble' for members",
    "emd": "names two losses: say 'wasserstein', or 'emd2' for classes in order",
    "elastic_net elasticnet lasso ridge": _PENALTY,
    "energy": "names two losses: say 'energy_score' for forecasts, 'energy_distance' for samples",
    "focalloss": "is of several outcomes a row in some libraries: say 'focal', one outcome or a column a class",
    "jaccardloss": f"{_POOLS} 'jaccard', whose smooth is 0",
    "jensenshannon": "is the root of the divergence: say 'js', and take the root",
    "logs_laplace": "has the constant: say 'laplace_nll:full=true'",
    "logs_normal": "takes σ and has the constant: say 'gaussian_nll:full=true', which takes the variance",
    "logs_t": "takes df of each row: say 'student_t_nll', whose df is one number",
    "lovaszloss": f"{_POOLS} 'lovasz_hinge' for one mask, 'lovasz_softmax' for classes",
    "mase mean_absolute_scaled_error": _NAIVE,
    "mccloss": "adds 1e-5 above and below: say 'mcc', which adds nothing",
    "minkowski": "is the root of a sum: say 'lq', which is the mean of |e|^q",
    "tverskyloss": f"{_POOLS} 'tversky', whose alpha weighs false positives",
}
REFUSED = {name: said for names, said in _SAID.items() for name in names.split()}


def refusal(spec: str) -> str | None:
    """What to say of a SPEC whose name another library has: `reg:squarederror`, `Poisson`, `tweedie-nloglik@1.5`."""
    name = spec.partition(":")[0].strip()
    for written in (spec.strip(), name, name.partition("@")[0]):
        if written.lower() in REFUSED:
            return f"{written} {REFUSED[written.lower()]}"
    return None
