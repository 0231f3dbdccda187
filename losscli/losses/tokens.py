"""Tokens: the information in a sequence, a token, or a byte of its text."""

from collections.abc import Sequence
from fractions import Fraction
from math import exp, inf, log, nan
from typing import TYPE_CHECKING, Annotated, Any, Literal

from losscli.exact import to_float
from losscli.kinds import TOKENS, TOKENS_AND_BYTES
from losscli.lazy import np
from losscli.losses.cross_entropies import CATEGORICAL_FORMS
from losscli.losses.stable import row_sum
from losscli.losses.units import Units
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

Form = Annotated[Literal["log_probs", "logits"], Param("what the prediction numbers are")]
Over = Annotated[
    Literal["tokens", "sequences"], Param("a mean over all tokens alike, or over sequences, of each one's own mean")
]
_TOGETHER = 16  # tokens that are added up by themselves, so that padding changes no bit of a sum


def _of_tokens(pred: "Array", target: "Array", counts: "Array", form: str) -> Yields:
    """-ln p of the tokens that count, (n, T), and its derivatives in the prediction's shape; 0 for the others."""
    if pred.ndim == 2:
        yield 0 - pred
        yield np.where(counts, -1.0, 0.0)
        yield np.zeros_like(pred)
        return
    for k, found in enumerate(CATEGORICAL_FORMS[form](pred[counts], target[counts], 0.0)):
        placed = np.zeros(pred.shape if k else counts.shape)
        placed[counts] = found
        yield placed


def _sum(tokens: "Array") -> "Array":
    """Σ over each row; zeros at its end change no bit."""
    n, width = tokens.shape
    parts = np.zeros((n, -(-width // _TOGETHER), _TOGETHER))
    parts.reshape(n, -1)[:, :width] = tokens
    summed = row_sum(parts.reshape(-1, _TOGETHER)).reshape(n, -1)
    total, lost = np.zeros(n), np.zeros(n)
    for part in summed.T:
        new = total + part
        back = new - total
        lost += np.where(np.isfinite(new), (total - (new - back)) + (part - back), 0.0)  # Knuth's TwoSum
        total = new
    return total + lost


def _aside(derivative: "Array") -> "tuple[Array, Array]":
    """Of both sums: how many tokens or bytes there are depends on no prediction."""
    return derivative, np.zeros_like(derivative)


def _each(values: "Array", derivative: "Array") -> "Array":
    """A number a row times what is found of its tokens."""
    found: Array = values.reshape(-1, *[1] * (derivative.ndim - 1)) * derivative
    return found


def _are(*, form: str, **_: Any) -> str:
    """Rows of log-probabilities are no convex set: halfway between two, they do not add up to 1."""
    return "differentiable" + " convex" * (form == "logits")


def _ratio(unit: float, sums: Sequence[Fraction]) -> Yields:
    """S / (unit · T), from the sums S and T."""
    total, count = sums[0] / Fraction(unit), sums[1]
    if not count:
        yield from (nan, (nan, nan), [])
        return
    yield to_float(total / count)
    yield 1 / (count * Fraction(unit)), -total / count**2
    across = Fraction(-2) / (count * Fraction(unit)), 2 * total / count**2
    yield [(1 / count, (Fraction(0), Fraction(1)), across)]


def _token_mean(sums: Sequence[Fraction], divisor: Fraction, *, units: str, **_: Any) -> Yields:
    yield from _ratio(1.0 if units == "nats" else log(2), sums)


@loss(
    TOKENS,
    task="sequence",
    also=(
        "token_nll:over=sequences",
        "token_nll:form=logits,units=bits",
        "token_nll:form=logits,over=sequences,units=bits",
    ),
    finish=_token_mean,
    row_when=("over", "sequences"),
    properties=_are,
)
def token_nll(
    pred: "Array",
    target: "Array",
    token_mask: "Array",
    pred_lengths: "Array",
    *,
    form: Form = "log_probs",
    over: Over = "tokens",
    units: Units = "nats",
) -> Yields:
    """Token NLL: Σ w ℓ / Σ w T, with ℓ = -Σ ln p of the tokens that came and T their number, a row a sequence.

    With over=tokens an aggregate, the mean over all tokens alike; a sample's term is ℓ, the information in its tokens.
    With over=sequences a loss of its own a row, ℓ/T, and the mean of these. pred is ln p of each token that came, or
    with target one row of ln p, or with form=logits of logits, a token. units=bits divides by ln 2.
    Gradient of ℓ with form=log_probs -1 at the token that came, with form=logits p - t; curvature 0, or p (1 - p).

    Use it when a model of language or of any sequence is judged by how well it foresees what comes.
    Not when models with other tokens are compared: bits_per_byte; nor when lengths are to count: a sum of ℓ.
    Assumes that a sequence has the probability Π_t p(x_t | what came before); minus its logarithm is ℓ, and the
    least possible mean is the entropy a token.
    Good: additive over tokens, so that parts of a text may be added up by their sums.
    Beware: the two means differ where lengths do: long sequences decide the one, short ones count as much in the other.
    Probabilities that were rounded to 0 are infinite.
    Related: perplexity is exp of it; cross_entropy with a row a token is it; over bytes it is bits_per_byte.
    Elsewhere: torch's CrossEntropyLoss of (n, C, T) takes the mean over tokens, without those of ignore_index, which
    token_mask leaves out here. Losses of language models are shifted first: pred[:, :-1] beside tokens[:, 1:].
    Reference: Shannon (1948), doi:10.1002/j.1538-7305.1948.tb01338.x.

    >>> losscli.evaluate("token_nll", pred=[[-0.5, -1.5], [-4]]).value
    2.0
    """
    found = _of_tokens(pred, target, token_mask, form)
    count, unit = token_mask.sum(axis=1).astype(np.float64), 1.0 if units == "nats" else log(2)
    if over == "sequences":
        yield _sum(next(found)) / (count * unit)
        for derivative in found:
            yield _each(1 / (count * unit), derivative)
        return
    yield _sum(next(found)), count
    for derivative in found:
        yield _aside(derivative)


def _power(sums: Sequence[Fraction], divisor: Fraction, **_: Any) -> Yields:
    """exp(S / T)."""
    total, count = sums
    if not count:
        yield from (nan, (nan, nan), [])
        return
    mean = total / count
    value = _exp(mean)
    yield value
    if value == inf:
        yield from ((inf, -inf), [(inf, (Fraction(1), -mean), (Fraction(1), -mean))])
        return
    size = Fraction(value) / count
    yield size, -size * mean
    size /= count
    yield [
        (size, (Fraction(1), -mean), (Fraction(1), -mean)),
        (size, (Fraction(0), Fraction(1)), (Fraction(-2), 2 * mean)),
    ]


def _exp(mean: Fraction) -> float:
    """The exponential, to the rounding of the mean too, which it magnifies."""
    near = to_float(mean)
    try:
        return exp(near) * (1 + to_float(mean - Fraction(near)))
    except OverflowError:
        return inf


@loss(
    TOKENS,
    task="sequence",
    aliases=("ppl",),
    also=("perplexity:over=sequences", "perplexity:form=logits", "perplexity:form=logits,over=sequences"),
    finish=_power,
    row_when=("over", "sequences"),
    properties=_are,
    bounds=(1.0, inf),
)
def perplexity(
    pred: "Array",
    target: "Array",
    token_mask: "Array",
    pred_lengths: "Array",
    *,
    form: Form = "log_probs",
    over: Over = "tokens",
) -> Yields:
    """Perplexity: exp(Σ w ℓ / Σ w T), with ℓ = -Σ ln p of the tokens that came and T their number, a row a sequence.

    How many tokens are as good as open at each place: C where all C are as likely. With over=tokens an aggregate, one
    power of the mean over all tokens; a sample's term is ℓ. With over=sequences a loss of its own a row, exp(ℓ/T), and
    the mean of these. pred is as for token_nll.
    Gradient of the value times that of its exponent; curvature the value times the square of that, and its curvature.

    Use it when models of language with the same tokens are compared, as is the custom.
    Not when it is to be averaged over files or batches with over=tokens: average token_nll, and take exp at the end;
    nor for models with other tokens: bits_per_byte.
    Assumes what token_nll does; exp turns the information a token into a number of choices.
    Good: at least 1, and 1 only where every token was foreseen for certain.
    Beware: grows without limit with a single unlikely token; the mean of sequences' perplexities is never below that
    over=tokens for sequences of one length, by Jensen's inequality.
    Related: exp of token_nll; 2 to the power of its bits.
    Elsewhere: Hugging Face's evaluate takes the mean over sequences, lm-eval divides by words or by bytes instead of
    tokens. torchmetrics' Perplexity is that over=tokens.
    Reference: Jelinek et al. (1977), doi:10.1121/1.2016299.

    >>> losscli.evaluate("perplexity:form=logits", pred=[[[0, 0, 0, 0], [1, 1, 1, 1]]], target=[[3, 0]]).value
    4.0
    """
    found = _of_tokens(pred, target, token_mask, form)
    total, count = _sum(next(found)), token_mask.sum(axis=1).astype(np.float64)
    if over == "tokens":
        yield total, count
        for derivative in found:
            yield _aside(derivative)
        return
    value = np.exp(total / count)
    yield value
    slope = next(found)
    yield _each(value / count, slope)
    yield _each(value / count, _each(1 / count, slope * slope) + next(found))


def _byte_mean(sums: Sequence[Fraction], divisor: Fraction, **_: Any) -> Yields:
    yield from _ratio(log(2), sums)


@loss(
    TOKENS_AND_BYTES,
    task="sequence",
    aliases=("bpb",),
    also=("bits_per_byte:form=logits",),
    finish=_byte_mean,
    properties=_are,
)
def bits_per_byte(
    pred: "Array",
    target: "Array",
    token_mask: "Array",
    pred_lengths: "Array",
    bytes: "Array",
    *,
    form: Form = "log_probs",
) -> Yields:
    """Bits per byte: Σ w ℓ / (ln 2 · Σ w B), with ℓ = -Σ ln p of the tokens that came and B the bytes of a row's text.

    An aggregate: both sums are over all rows; a sample's term is ℓ, in nats. pred is as for token_nll, bytes the length
    of the row's text in UTF-8, tokens that do not count left out of it.
    Gradient that of ℓ over ln 2 times all bytes; curvature likewise.

    Use it when models that cut text into different tokens are compared: it is the size of the text, compressed.
    Not when texts of other encodings or languages are: a letter may take one byte or four.
    Assumes what token_nll does; -log2 p is the length that an arithmetic coder gives a text of probability p.
    Good: does not depend on what a token is; 8 is a byte not foreseen at all.
    Beware: bytes are those of the text that the tokens spell, without what begins or ends it unless it is predicted.
    Related: token_nll with units=bits, times tokens a byte.
    Elsewhere: lm-eval's bits_per_byte; its byte_perplexity is 2 to that power. Bits a character divide by characters.
    Reference: Gao et al. (2020), arXiv:2101.00027.

    >>> losscli.evaluate("bits_per_byte", pred=[[-3, -1], [-2]], bytes=[7, 5]).value
    0.7213475204444817
    """
    found = _of_tokens(pred, target, token_mask, form)
    yield _sum(next(found)), bytes
    for derivative in found:
        yield _aside(derivative)
