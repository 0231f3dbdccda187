"""Ideas that many losses share, for `losscli explain TOPIC`."""

TOPICS = {
    "reduction": """\
A loss says how far one prediction is from its target. To judge a model, or to train one, the losses of many samples
have to become one number: their sum, or their mean.

sum   Σ w ℓ over all elements. It is what a likelihood asks for: the log-likelihood of independent samples is a sum.
      It grows with the number of samples, and so does its gradient.
mean  Σ w ℓ / Σ w. It does not grow with the number of samples, so that a learning rate, or the strength of a penalty
      beside it, keeps its meaning when the batch changes.

Both are smallest for the same predictions. What differs is the scale of value and gradient: by Σ w.

A sample's own loss is its unweighted value; for a loss that is defined element by element it is the mean over the
sample's outputs. A weight of 2 is the same as the row twice, and a weight of 0 is no row.

A mean of batch means is not the mean where batches differ in size: the last, short batch counts too much. And the mean
does not make an outlier harmless: its share of the total is the same in sum and mean.

Some numbers are no mean of samples' losses: the root of a mean (rmse), a ratio of sums (dice, r2), a median (medae).
They are computed from exact sums, or from all rows at once, and never by averaging the parts.
""",
    "likelihood": """\
Many losses are minus the logarithm of a probability: the smaller the loss, the likelier the model says that the targets
were. To minimise their sum is to maximise the likelihood of all targets, if they are independent given the predictions.

Gaussian     p(t) ∝ exp(-(t - p)² / 2σ²)   →  -ln p(t) = (t - p)² / 2σ² + const    squared error: mse, half_mse
Laplace      p(t) ∝ exp(-|t - p| / b)      →  -ln p(t) = |t - p| / b + const       absolute error: mae
categorical  p(y) = p_y                    →  -ln p_y                              cross_entropy
Bernoulli    p^y (1 - p)^(1-y)             →  -y ln p - (1-y) ln(1-p)              bce
Poisson      λ^t e^-λ / t!                 →  λ - t ln λ + const                   poisson_nll

The constants do not depend on the prediction: they move the value, not where it is smallest. That is why mean and sum,
with a factor ½ or without, share their minimiser, and why two libraries may print different values for one model.

Where σ or b is a prediction too it is no constant, and the term ln σ belongs to the loss: gaussian_nll, laplace_nll.
""",
    "softmax": """\
Softmax makes probabilities of K scores (logits) z: p_k = exp z_k / Σ_j exp z_j. They are positive and add up to 1, and
depend on the differences of the scores alone: adding a constant to all of them changes nothing.

[5, 4, 2] → [0.7054, 0.2595, 0.0351]. The largest, 0.7054, is the confidence. The logarithms are never above 0.

Its derivatives: ∂p_k/∂z_k = p_k (1 - p_k), and ∂p_k/∂z_c = -p_k p_c for c ≠ k. Behind a cross-entropy -Σ t_j ln p_j
they collapse to p Σt - t, which is p - t where the targets add up to 1: at most 1 in size, however wrong the model is.
The second derivative on the diagonal is p_k (1 - p_k), the variance of the indicator of class k; the whole Hessian is
the covariance diag(p) - p pᵀ, whose other entries are not 0.

-Σ t ln softmax(z) = ln Σ exp z - Σ t z holds where Σ t = 1; in general it is (Σ t) ln Σ exp z - Σ t z.

No finite logits give a probability of exactly 1, so that a cross-entropy on hard labels comes near 0 and never reaches
it. Computed from logits it is exact where the probabilities themselves would have been rounded to 0 or 1:
--form logits.
""",
    "entropy": """\
The entropy H(P) = -Σ p ln p is the least average information that is needed to say which event of P happened; the
cross-entropy H(P, Q) = -Σ p ln q is what a code made for Q needs; the Kullback-Leibler divergence is the excess,
KL(P‖Q) = H(P, Q) - H(P) ≥ 0, and 0 only where P = Q. With ln they are in nats, divided by ln 2 in bits.

A target that is one class for certain has entropy 0 exactly, so that cross-entropy and divergence are one number. A
soft target has an entropy that no prediction can undercut: it is the floor of the cross-entropy, and what a model can
still win is the excess above it.

With fixed targets H(P) is a constant, and minimising the cross-entropy or the divergence is one thing. With targets
that change (another teacher, other smoothing) the two can move in opposite directions.

KL is not symmetric. kl asks what is lost by using the prediction for the target, and is infinite where the prediction
says 0 for what happens; reverse_kl is infinite where the target says 0 for what is predicted; js is symmetric, and
never above ln 2.
""",
    "penalty": """\
A penalty is what the parameters W of a model cost. It is added to any data loss, and depends on no sample: the mean
over the rows has a total, mean + penalty, whose strength keeps its meaning when the number of rows changes. A sum is
added to as it is: the same strength then weighs less, the more rows there are.

l1           λ Σ|w|          gradient λ sign(w), 0 at 0: weights become exactly 0
l2           λ Σ w²          gradient 2λ w: large weights cost most, none becomes 0
             ½ λ Σ w²        gradient λ w, with half=true
elastic_net  λ (r Σ|w| + ½ (1-r) Σ w²)   gradient λ (r sign(w) + (1-r) w); without the ½ with half=false

λ is the strength, r the ratio. The ½ is a convention, and libraries differ: for the same weights λ is twice as large
with it as without. scikit-learn's Ridge and Keras's L2 have none; ElasticNet of scikit-learn, whose l1_ratio is the
ratio here, and glmnet, whose alpha it is, have it; torch's weight_decay is the gradient λ w, that of half=true.

Biases are mostly left out: skip=bias, or a pattern of names such as skip=*bias*, several with a slash between them.

losscli eval preds.csv targets.csv -l mse --penalty l2:strength=0.01,skip=*bias* --parameters weights.npz
prints data loss, penalty and total; --penalty-grad-out FILE.npz has the penalty's gradient, a member a parameter, 0 for
those that are left out. Gates are on the value, which is the data loss.
""",
    "descent": """\
A gradient says how to change what it is taken with respect to, so that the loss falls. losscli's --grad is with respect
to the predictions: g, a number a prediction. With respect to the parameters of a linear model, whose predictions are
X W + b, it is Xᵀg for W and Σg for b, by the chain rule, and 2λW more for a penalty λΣW².

A step goes against it: W becomes W - η (Xᵀg + 2λW), with η the rate. To first order that changes the loss by
-η ‖∇‖², which is never above 0: the gradient points down, whatever the loss. What comes on top is the curvature: a rate
that is too large steps over the bottom, and the loss goes up although the direction was right; too small a rate costs
steps. Where the change is close to the predicted one the rate could be larger.

Under mean the gradient does not grow with the number of rows, and a rate keeps its meaning. Under sum it does.

A slope of 0 is not always a minimum: where a hinge is flat, nothing pulls. And in many layers the loss is not convex in
the weights, even where it is in the predictions: descent finds a low place, not the lowest.

losscli step --features X.npy --parameters W.npz -l cross_entropy --rate 0.1 --steps 20 labels.csv
goes these steps, and shows the loss before and after each beside the change that the gradient predicts.
""",
}
