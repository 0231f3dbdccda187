"""evaluate(): open, scan, reduce, scan again where a derivative or a share needs the total, finish."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from losscli.columns import GROUP, MASK, WEIGHT
from losscli.doctor import Doctor
from losscli.finals import Request, Wanted
from losscli.formats import BLOCK, MAX_BYTES
from losscli.formats.dialect import reading_of
from losscli.meaning import Meaning
from losscli.objectives import Objective
from losscli.opening import Asked, Given, Keyed, check_reading, counting_rows, open_table, opened
from losscli.passes import scan_table, searches_of, slices_of, slicing_of
from losscli.registry import Loss
from losscli.reporting import Said, report_of
from losscli.requests import (
    check_choices,
    check_groups,
    check_normalize,
    check_request,
    check_roles,
    check_search,
    columns_of,
    names_of,
    objectives_of,
)
from losscli.results import Report
from losscli.selection import Condition
from losscli.tables import Rules


def evaluate(
    loss: "str | Loss | Objective | Sequence[str | Loss | Objective]",
    *,
    weight: Any = None,
    mask: Any = None,
    columns: "Mapping[str, str | int | Sequence[str | int]] | None" = None,
    reduction: str = "mean",
    header: bool | None = None,
    delimiter: str | None = None,
    decimal: str = ".",
    thousands: str | None = None,
    encoding: str | None = None,
    comment: str | None = None,
    skip_blank: bool = False,
    max_bytes: int = MAX_BYTES,
    allow_inf: bool = False,
    where: Sequence[str] = (),
    missing: str = "error",
    id: "str | int | Sequence[str | int]" = (),
    ids: str = "error",
    expect_rows: int | None = None,
    classes: Sequence[str] | str = (),
    labels: str | None = None,
    label_base: int | None = None,
    ignore_index: int | None = None,
    class_weight: "Mapping[Any, Any] | str | None" = None,
    normalize: bool = False,
    strict: bool = False,
    block: int = BLOCK,
    progress: Callable[[int, int | None], None] | None = None,
    grad: bool = False,
    hess: bool = False,
    grad_out: str | None = None,
    hess_out: str | None = None,
    per_sample: bool = False,
    worst: int = 0,
    limit: int | None = None,
    show: Sequence[str] = (),
    per_sample_out: str | None = None,
    probs_out: str | None = None,
    spread: bool = True,
    distribution: bool = True,
    histogram: bool = False,
    sizes: bool = True,
    values: bool = True,
    by: "str | Sequence[str] | Mapping[str, Any]" = (),
    bins: int | None = None,
    min_group: int | None = None,
    per_output: bool = False,
    find_slices: bool = False,
    group: Any = "",
    penalty: str | None = None,
    parameters: Any = None,
    penalty_grad_out: str | None = None,
    **roles: Any,
) -> Report:
    """The losses of predictions against targets, in one scan, or two where derivatives or samples need the totals.

    Parameters
    ----------
    loss : a SPEC such as ``"huber:delta=0.5"``, a sum such as ``"dice + 0.5 * bce"``, a `Loss`, or several of them,
        which take the same roles.
    **roles : what the losses take, mostly ``pred=`` and ``target=``: a path (CSV, JSON lines, NPY, Parquet, Arrow,
        ``"x.npz:member"``, ``"x.safetensors:name"``; ``"-"`` is standard input), a folder or a list of paths, which are
        parts of one table, an array of shape (n,) or (n, d), or of images, (N, H, W) or (N, C, H, W), a list of
        numbers, a Series or a DataFrame; where a row is a sequence, an array beside lengths or a list of lists or
        arrays; paired by position, never by index, unless `id` names columns to pair them by.
        A role that is left out is a column of the first role's file or frame, or another member of its archive.
    weight, mask : weights >= 0, and whether rows count, shape (n,), of images (N,) or (N, H, W); a sample of weight 0
        or of a false mask is absent.
    columns : role -> column names, globs or 0-based positions, ``"weight"`` and ``"mask"`` among the roles.
    reduction : ``"mean"`` is Σwℓ/Σw over samples, ``"sum"`` adds every weighted element, ``"none"`` has no value and
        lists the samples.
    header : whether a CSV file's first row is its header; None lets the row decide.
    delimiter, decimal, thousands, encoding : how CSV files are written: what separates cells (None: found in the first
        rows), ``"."`` or ``","`` before decimals, what parts groups of three digits, and a name such as ``"latin-1"``.
    comment, skip_blank : lines of CSV files to leave out, and to count: those that begin with `comment`, blank ones.
    max_bytes : how much may be held of a file that cannot be streamed: a pipe that is read twice, a member of an
        archive, a page of Parquet. What streams has no limit.
    allow_inf : let infinite inputs in.
    where : conditions such as ``"split=test"`` or ``"age >= 30"`` that rows have to meet.
    missing : ``"error"`` refuses missing values, ``"drop"`` leaves out the rows that have one, and counts them.
    id : columns that every file has, and whose values say which rows belong together; in the first file's order.
    ids : ``"error"`` refuses a key that stands in one file only, ``"intersect"`` leaves out its row.
    expect_rows : how many rows there have to be, matched with one another, before any is left out.
    classes : names of the classes in the order of the prediction's columns; headers that are these names in another
        order are matched by name.
    labels : ``"text"``: labels are names even if they look like numbers; ``"int"``: they are indices even if all
        headers are integers; ``"01"``: targets 0 and 1 mean -1 and 1. None lets the labels and the headers decide.
    label_base : the label of the first class; labels are then indices.
    ignore_index : samples with this label, as it is written, are absent.
    class_weight : class -> weight, as a mapping, as ``"a=1,b=3"`` or as a file with the columns class and weight; or
        ``"balanced"``, which reads the rows once more. It multiplies the sample's own weight.
    normalize : divide rows of probabilities, soft targets among them, by their sum; derivatives are not there then.
    strict : refuse what looks wrong, of which there would be a note.
    find_slices : look through the files' other columns for groups whose losses are high beyond chance.
    block : rows taken at a time; results do not depend on it.
    progress : called now and then with the rows done and the rows there are, where that is known.
    grad, hess : the gradient and Hessian diagonal of the value with respect to each prediction, in its shape.
    grad_out, hess_out : files for them (.npy, .npz, .csv, .parquet).
    per_sample, worst, limit, show : list the samples: all, or the `worst` ones by weighted loss, or the first `limit`;
        `show` names columns to put beside them.
    per_sample_out, probs_out : files for all samples (.csv, .parquet, .npy) and for their probabilities.
    spread, distribution, histogram : std, min and max; quantiles; and a histogram of the samples' losses.
    sizes, values : find the sizes of derivatives, and keep the derivatives themselves; without sizes they go to their
        files only.
    by, bins, min_group : group the samples by columns, named, or given as name -> values; those of numbers in `bins`
        intervals that hold equally many rows; groups of fewer than `min_group` samples in one. See `Result.groups`.
    group : of losses that have a value a group, the column whose values say which rows are one, or those values, or a
        `Path` to a file of them; where none is given all rows are one group.
    per_output : a group for each output column, or for each true class of a classification loss.
    penalty, parameters, penalty_grad_out : a penalty such as ``"l2:strength=0.01"`` beside each value, of the arrays in
        a file (NPZ, NPY, safetensors) or in a mapping; a file for its gradient (.npz). See `Result.penalty`.

    Raises
    ------
    UsageError, InputError, OutputError : with the message that the command line prints.
    """
    wanted = Wanted(
        *(grad, hess, grad_out, hess_out, per_sample or reduction == "none", worst, limit, tuple(show)),
        *(per_sample_out, probs_out, spread, distribution or histogram, histogram, sizes, values),
    )
    objectives = objectives_of(loss)
    check_choices(reduction=reduction, missing=missing, ids=ids)
    check_request(objectives, reduction, wanted, block)
    given = {role: data for role, data in {**roles, WEIGHT: weight, MASK: mask}.items() if data is not None}
    check_roles(objectives[0].losses[0], given)
    chosen = columns_of(objectives[0].losses[0], columns)
    given, chosen, idle = Given(given, chosen).with_members(objectives[0].losses[0].kind.roles)
    keys = Keyed(names_of(id), ids == "intersect")
    meaning = Meaning.of(classes, labels, label_base, ignore_index, class_weight, normalize=normalize)
    check_normalize(normalize, wanted)
    for one in (loss for objective in objectives for loss in objective.losses):
        meaning.check(one)
    rules = Rules(tuple(Condition.parse(text) for text in where), missing == "drop", expect_rows, meaning)
    request = Request(objectives, wanted, reduction, allow_inf, progress, max_bytes)
    slicing = slicing_of((by,) if isinstance(by, str) else tuple(by), bins, min_group, per_output, reduction)
    check_search(find_slices, objectives, reduction)
    grouped_by, groups = group_of(group)
    check_groups(grouped_by, bool(slicing), objectives)
    reading = reading_of(
        header=header,
        delimiter=delimiter,
        decimal=decimal,
        thousands=thousands,
        encoding=encoding,
        comment=comment,
        skip_blank=skip_blank,
        max_bytes=max_bytes,
    )
    keep = wanted.twice or bins is not None or meaning.counts
    addend = None
    if penalty is not None or parameters is not None or penalty_grad_out is not None:
        from losscli.penalties import Addend  # most losses have none

        files = parameters, penalty_grad_out
        addend = Addend.of(penalty, *files, reduction=reduction, allow_inf=allow_inf, max_bytes=max_bytes)
    with counting_rows(objectives[0].losses[0]), ExitStack() as stack:
        readers = {role: opened(stack, role, data, reading, keep) for role, data in given.items()}
        given_groups = {**values_to_group_by(by), **groups}
        grouped = {
            name: opened(stack, name.removeprefix(GROUP), data, reading, keep) for name, data in given_groups.items()
        }
        check_reading(reading, [*readers.values(), *grouped.values()])
        by_names = slicing.by if slicing else ()
        grouping = by_names, grouped, find_slices, grouped_by
        asked = Asked(wanted.show, rules, keys, *grouping, wanted.lists, per_output, idle)
        table = open_table(objectives, readers, chosen, asked, block)
        slices = slices_of(slicing, objectives, table, stack)
        searches = searches_of(objectives, table) if find_slices else []
        losses = [loss for objective in objectives for loss in objective.losses]
        doctor = Doctor.of(losses, {b.role: b for b in table.bindings}, bool(rules.conditions))
        finals = scan_table(stack, request, table, (slices, searches), doctor)
        said = Said.of(table, doctor)
        if strict:
            said.refuse()
        results = [final.result() for final in finals]
        if slices:
            results = [replace(result, groups=slices.groups(k, reduction)) for k, result in enumerate(results)]
        for k, search in enumerate(searches):
            results[k] = replace(results[k], weak_slices=tuple(search.found()))
        report = report_of(results, table, list(readers.values()), searches, said)
    return addend.added(report) if addend else report


def group_of(group: Any) -> tuple[str, Mapping[str, Any]]:
    """The column that says which rows have one loss, and where values are given for it, these by its role."""
    if isinstance(group, str):
        return group, {}
    return "group", {GROUP + "group": str(group) if isinstance(group, Path) else group}


def values_to_group_by(by: Any) -> Mapping[str, Any]:
    return by if isinstance(by, Mapping) else {}
