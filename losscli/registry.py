"""The registry: @loss, parameters and their limits, aliases, and text to loss and back.

`get("huber:delta=2")`, `str(loss)` and pickling are inverses of one another: a loss is its canonical text.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from inspect import getdoc
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from losscli.errors import InputError, UsageError
from losscli.kinds import Kind
from losscli.lazy import np
from losscli.literals import canonical, near
from losscli.parameters import Parameter, parameters_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Yields = Generator[Any, None, None]  # arrays, or tuples of them
Function = Callable[..., Yields]
Finish = Callable[..., Yields]
Scope = Literal["row", "group", "whole"]
Better = Literal["lower", "zero", "higher"]
Properties = str | Callable[..., str]
Bounds = tuple[float, float] | Callable[..., tuple[float, float]]
PROPERTIES = ("convex", "symmetric", "differentiable", "proper")


class Definition(NamedTuple):
    """A loss as it is registered; `get` binds its parameters.

    `degree`: the value of (s·pred, s·target) is s^degree times that of (pred, target), where that holds.
    `finish`: for an aggregate, whose function yields tuples of terms: from the exact weighted sum of each term and
    D·Σw, the value, its slope in each sum and its curvature in each pair.
    `scope`: what has one value: a row, a complete group of rows, or the whole of them. The arrays of the latter two
    have an axis of groups in front, (g, n, …), the value is (g,); a loss of the whole takes the weights last, (1, n).
    `row_when`: a parameter and the value of it that makes a row loss, whose kind is `row_kind` if that is another.
    `also`: off-default variants that every law is tried on.
    `underived`: why the function yields a value alone; empty where it yields derivatives. `uncurved`: why it yields no
    Hessian diagonal after the gradient.
    `properties`: those of PROPERTIES that it has, as words; `bounds`: the least and the largest value there may be;
    either may be a function of the parameters. Convex and differentiable are said of the prediction as it is given.
    `better`: which values are better. `origin`: the plug-in that it comes from; empty for ours.
    """

    name: str
    function: Function
    kind: Kind
    task: str
    params: Mapping[str, Parameter]
    aliases: Mapping[str, str]
    also: tuple[str, ...]
    degree: int | None
    finish: Finish | None
    row_when: tuple[str, Any] | None
    conflicts: Callable[..., str | None] | None
    scope: Scope
    row_kind: Kind | None
    underived: str
    uncurved: str
    properties: Properties
    bounds: Bounds
    better: Better
    origin: str

    def lacks(self, order: int) -> str:
        """Why there are no derivatives up to `order`: a sentence; empty where there are."""
        if order and self.underived:
            return f"{self.name} has no derivatives: {self.underived}"
        return f"{self.name} has no Hessian diagonal: {self.uncurved}" if order > 1 and self.uncurved else ""

    @property
    def orders(self) -> tuple[int, ...]:
        """The orders of the derivatives that there are."""
        return tuple(order for order in (1, 2) if not self.lacks(order))

    @property
    def doc(self) -> str:
        """The docstring, unindented."""
        return getdoc(self.function) or ""

    @property
    def summary(self) -> str:
        """The docstring's first line: name, formula."""
        return self.doc.partition("\n")[0]


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss with its parameters bound. `str(loss)` is its canonical text, `get` and pickling bring it back."""

    definition: Definition
    params: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def kind(self) -> Kind:
        return self.definition.row_kind or self.definition.kind if self._is_switched else self.definition.kind

    @property
    def scope(self) -> Scope:
        """What has one value."""
        return "row" if self._is_switched else self.definition.scope

    @property
    def properties(self) -> frozenset[str]:
        """Those of PROPERTIES that it has at its parameters."""
        said = self.definition.properties
        return frozenset((said if isinstance(said, str) else said(**self.params)).split())

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the largest value there may be."""
        said = self.definition.bounds
        return said if isinstance(said, tuple) else said(**self.params)

    def __str__(self) -> str:
        given = [
            f"{name}={canonical(value)}"
            for name, value in self.params.items()
            if value != self.definition.params[name].default
        ]
        return self.name + (":" + ",".join(given) if given else "")

    def __repr__(self) -> str:
        return f"losscli.get({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Loss) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return get, (str(self),)

    def check(self, arrays: "Sequence[Array]", allow_inf: bool = False) -> "list[Array]":
        """The arrays as the function takes them; an InputError for the first value that is not allowed."""
        return self.kind.check(list(arrays), self.params, allow_inf)

    @property
    def finish(self) -> Finish | None:
        """What makes a value of an aggregate's sums; None for a row loss, whose value is the mean of its samples'."""
        return None if self._is_switched else self.definition.finish

    @property
    def _is_switched(self) -> bool:
        """Whether a parameter makes it a row loss."""
        switch = self.definition.row_when
        return switch is not None and self.params[switch[0]] == switch[1]

    def compute(self, arrays: "Sequence[Array]", order: int) -> "list[Any]":
        """Value, gradient and Hessian diagonal of checked arrays, up to `order`, as the function yields them.

        Of a loss of groups or of the whole, the rows are one group: the value is (1,).
        """
        if self.scope == "row":
            return self.yielded(arrays, order)
        last = [np.ones((1, len(arrays[0])))] if self.scope == "whole" else []
        value, *derivatives = self.yielded([*(a[None] for a in arrays), *last], order)
        return [value, *(tuple(a[0] for a in d) if isinstance(d, tuple) else d[0] for d in derivatives)]

    def yielded(self, arrays: "Sequence[Array]", order: int) -> "list[Any]":
        """The same of arrays as the function takes them."""
        if lack := self.definition.lacks(order):
            raise UsageError(lack)
        with np.errstate(all="ignore"):  # an infinite value is an answer, and is reported as one
            if self.definition.origin:
                return self._guarded(arrays, order)
            results = self.definition.function(*arrays, **self.params)
            return [next(results) for _ in range(order + 1)]

    def _guarded(self, arrays: "Sequence[Array]", order: int) -> "list[Any]":
        """The same of a plug-in's function, whose mistakes are told as such. Raises UsageError."""
        called = f"{self.name} of {self.definition.origin}"
        try:
            results = self.definition.function(*arrays, **self.params)
            found = [next(results) for _ in range(order + 1)]
        except StopIteration:
            raise UsageError(f"{called} yields fewer than {order + 1}: value, gradient, Hessian diagonal") from None
        except Exception as error:
            raise UsageError(f"{called} fails: {type(error).__name__}: {' '.join(str(error).split())}") from error
        shapes = list(dict.fromkeys([arrays[0].shape[:1], arrays[0].shape]))
        for term in self.as_terms(found[0]):
            if np.shape(term) not in shapes:
                raise UsageError(f"{called} has a value of shape {np.shape(term)}, not {' or '.join(map(str, shapes))}")
        return found

    def terms(self, arrays: "Sequence[Array]") -> "tuple[Array, ...]":
        """The values of checked arrays, (n,) or (n, d): one array, or for an aggregate one for each of its sums."""
        return self.as_terms(self.compute(arrays, 0)[0])

    def derivatives(self, arrays: "Sequence[Array]", order: int) -> "dict[str, list[tuple[Array, ...]]]":
        """For each prediction role: the terms' gradients, and with order 2 their Hessian diagonals."""
        return self.by_role(self.compute(arrays, order))

    def by_role(self, computed: "Sequence[Any]") -> "dict[str, list[tuple[Array, ...]]]":
        """The derivatives in what `compute` gave, as `derivatives` gives them."""
        roles = self.kind.predictions
        found = [derivative if len(roles) > 1 else (derivative,) for derivative in computed[1:]]
        return {role: [self.as_terms(derivative[k]) for derivative in found] for k, role in enumerate(roles)}

    def as_terms(self, yielded: Any) -> "tuple[Array, ...]":
        """A value or derivative as `compute` gives it: one array, or for an aggregate one for each of its sums."""
        return yielded if self.finish else (yielded,)

    def value(self, *arrays: Any) -> "Array":
        """Each sample's loss, unreduced, shape (n,); for an aggregate loss its (first) term.

        Takes the roles in order, shapes as `losscli explain` says; inputs are left as they are. Raises InputError.
        """
        return per_sample(self.terms(self.check([*map(_as_array, arrays)]))[0])

    def gradient(self, *arrays: Any) -> "Array | dict[str, Array]":
        """Each sample's derivative with respect to the prediction, in its shape. Raises InputError.

        With several prediction roles, one array a role, by name.
        """
        return self._derivative(arrays, 1)

    def hessian(self, *arrays: Any) -> "Array | dict[str, Array]":
        """Each sample's second derivative (the diagonal), as `gradient` gives the first. Raises InputError."""
        return self._derivative(arrays, 2)

    def _derivative(self, arrays: Sequence[Any], order: int) -> "Array | dict[str, Array]":
        given = dict(zip(self.kind.role_names, map(_as_array, arrays), strict=True))
        checked = self.check(list(given.values()))
        outputs = outputs_of(self.terms(checked)[0])
        found = {
            role: (orders[order - 1][0] / outputs).reshape(given[role].shape)
            for role, orders in self.derivatives(checked, order).items()
        }
        return found if len(found) > 1 else next(iter(found.values()))


def _as_array(values: Any) -> "Array":
    """An array of what a caller gives; rows that differ in length are none."""
    try:
        found = np.asarray(values)
    except ValueError as error:
        hint = "; rows of several lengths are padded, beside their lengths, or go to losscli.evaluate as lists"
        raise InputError(f"not an array of numbers: {error}{hint}") from None
    return found


def outputs_of(values: "Array") -> int:
    """D, the elements of a sample that a loss has values for."""
    return int(values.shape[1]) if values.ndim > 1 else 1


def per_sample(values: "Array") -> "Array":
    """A sample's loss: its value, or the mean over its outputs."""
    if values.ndim == 1:
        return values
    outputs = values.shape[1]
    with np.errstate(over="ignore", invalid="ignore"):  # an infinite loss is an answer
        means: Array = values.sum(axis=1) / outputs
        lost = ~np.isfinite(means)
        if lost.any():  # a sum may overflow where the mean does not
            means[lost] = (values[lost] / outputs).sum(axis=1)
    return means


_definitions: dict[str, Definition] = {}
_spellings: dict[str, tuple[str, str]] = {}  # lower-case name or alias -> canonical name, bound parameters
_origin = [""]  # of the losses that are being registered
_installed: list[bool] = []  # whether plug-ins have been looked for
problems: list[str] = []  # plug-ins that are left out, and why
_NAMED = 8  # losses that a message names


def loss(
    kind: Kind,
    *,
    task: str,
    aliases: Sequence[str] = (),
    also: Sequence[str] = (),
    degree: int | None = None,
    finish: Finish | None = None,
    row_when: tuple[str, Any] | None = None,
    conflicts: Callable[..., str | None] | None = None,
    scope: Scope = "row",
    row_kind: Kind | None = None,
    underived: str = "",
    uncurved: str = "",
    properties: Properties = "",
    bounds: Bounds = (0.0, inf),
    better: Better = "lower",
) -> Callable[[Function], Function]:
    """Register a function that yields value, gradient and Hessian diagonal; it is returned unchanged.

    Positional arguments are the roles of `kind`, keyword-only ones the parameters, annotated with a `Param`.
    An alias may bind a form (`"CrossEntropyLoss:form=logits"`). `conflicts` says what is wrong with parameters
    together.
    """

    def register(function: Function) -> Function:
        name = function.__name__
        if isinstance(properties, str) and not set(properties.split()) <= set(PROPERTIES):
            raise ValueError(f"properties='{properties}': they are among {', '.join(PROPERTIES)}")
        if _origin[-1] and name in own_names():
            raise ValueError(f"{name} already is a loss")
        bound = {alias.partition(":")[0]: alias.partition(":")[2] for alias in aliases}
        for spelling, binding in {name: "", **bound}.items():
            taken = _spellings.get(spelling.lower(), (name, binding))
            if taken != (name, binding) or (_origin[-1] and spelling.lower() in _spellings):
                raise ValueError(f"{spelling} already means {taken[0]}")
            _spellings[spelling.lower()] = (name, binding)
        _definitions[name] = Definition(
            name,
            function,
            kind,
            task,
            parameters_of(function),
            MappingProxyType(bound),
            tuple(also),
            degree,
            finish,
            row_when,
            conflicts,
            scope,
            row_kind,
            underived,
            uncurved,
            properties,
            bounds,
            better,
            _origin[-1],
        )
        return function

    return register


def families() -> Mapping[str, Sequence[str]]:
    """The modules of losses, and the names of the losses in each."""
    found: Mapping[str, Sequence[str]] = import_module("losscli.losses").FAMILIES
    return found


def own_names() -> Mapping[str, str]:
    """The canonical names of the losses that are not of plug-ins, in order, and their families; none is imported."""
    return {name: family for family, several in families().items() for name in several}


@contextmanager
def registering(origin: str) -> Iterator[Callable[[], None]]:
    """While losses of a plug-in are registered, which must not take names of ours; yields what takes them back."""
    for name in own_names():
        defined(name)
    before, spelled = set(_definitions), dict(_spellings)

    def undo() -> None:
        for name in set(_definitions) - before:
            del _definitions[name]
        _spellings.clear()
        _spellings.update(spelled)

    _origin.append(origin)
    try:
        yield undo
    finally:
        _origin.pop()


def definitions() -> Mapping[str, Definition]:
    """Every registered loss by its canonical name, in the order of the families; those of plug-ins at the end."""
    ours = {name: defined(name) for name in own_names()}
    if not _installed:
        _installed.append(True)
        import_module("losscli.plugins").load_installed()
    return MappingProxyType({**ours, **_definitions})


def defined(name: str) -> Definition:
    """The loss of a canonical name; only its family is imported."""
    if name not in _definitions:
        family = own_names().get(name)
        if family is None:
            definitions()
        else:
            import_module(f"losscli.losses.{family}")
    return _definitions[name]


def names() -> list[str]:
    """The canonical names of all losses, sorted."""
    return sorted(definitions())


def definition(spec: str) -> Definition:
    """The loss of the name or alias in a SPEC; a UsageError suggests the nearest name."""
    return defined(_resolve(spec)[0])


def _resolve(spec: str) -> tuple[str, str]:
    """The canonical name and what is bound with it; all families are imported for what is no canonical name."""
    name = spec.partition(":")[0].strip()
    if name.lower() in own_names():
        return name.lower(), ""
    for ours in own_names():
        defined(ours)
    if name.lower() not in _spellings:
        definitions()  # plug-ins among them, which take longer to find
    if name.lower() not in _spellings:
        refused = import_module("losscli.losses.names").refusal(spec)
        if refused:
            raise UsageError(refused)
        if "," in name:
            raise UsageError(f"unknown loss '{name}'; for several losses repeat the option: -l A -l B")
        known = [*_definitions, *(alias for d in _definitions.values() for alias in d.aliases)]
        raise UsageError(f"unknown loss '{name}'{near(name, known)} (losscli list shows all)")
    return _spellings[name.lower()]


def get(spec: str, **params: Any) -> Loss:
    """The loss that a SPEC names: `get("huber:delta=2")`, `get("huber", delta=2)`.

    Raises UsageError for an unknown loss or parameter, a value beyond its limits, or a parameter given twice.
    """
    name, _, text = spec.partition(":")
    canonical_name, bound = _resolve(spec)
    given: dict[str, Any] = {}
    for part in [*pairs_in(bound, spec), *pairs_in(text, spec), *params.items()]:
        if part[0] in given:
            raise UsageError(f"{name}: {part[0]} is given twice")
        given[part[0]] = part[1]
    return _bind(defined(canonical_name), given)


def pairs_in(text: str, spec: str) -> list[tuple[str, Any]]:
    """The keys and values of `key=value,key=value`, a part of `spec`."""
    pairs: list[tuple[str, Any]] = []
    for item in text.split(",") if text else []:
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"'{spec}': write NAME:key=value,key=value")
        pairs.append((key.strip(), value.strip()))
    return pairs


def bound_params(name: str, known: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every parameter that is `known` of `name`, as given or its default. Raises UsageError."""
    for key in given:
        if key not in known:
            listed = ", ".join(known) or "none"
            raise UsageError(f"{name} has no parameter '{key}'{near(key, list(known))} (it has: {listed})")
    try:
        return {key: p.parse(given[key]) if key in given else p.default for key, p in known.items()}
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None


def _bind(found: Definition, given: Mapping[str, Any]) -> Loss:
    params = bound_params(found.name, found.params, given)
    wrong = found.conflicts(**params) if found.conflicts else None
    if wrong:
        raise UsageError(f"{found.name}: {wrong}")
    return Loss(found, MappingProxyType(params))


def get_all(specs: Sequence[str], options: Mapping[str, str]) -> list[Loss]:
    """The losses of several SPECs; an option goes to every one of them that has it, and must go to one at least."""
    wanted = [definition(spec) for spec in specs]
    for option in options:
        owners = [d.params[option] for d in wanted if option in d.params]
        if not owners:
            having = [d.name for d in definitions().values() if option in d.params]
            all_owners = ", ".join(having[:_NAMED]) + (" and others" if len(having) > _NAMED else "")
            given = ", ".join(d.name for d in wanted)
            raise UsageError(f"--{option.replace('_', '-')} belongs to {all_owners}, not to {given}")
        if any(owner != owners[0] for owner in owners):
            raise UsageError(f"--{option.replace('_', '-')} means different things to these losses: say it in the SPEC")
    return [
        get(spec, **{key: value for key, value in options.items() if key in found.params})
        for spec, found in zip(specs, wanted, strict=True)
    ]
