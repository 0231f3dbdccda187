"""Completion of what the registry knows; NumPy is not imported for it."""

from losscli.registry import definitions


def complete_loss(incomplete: str) -> list[tuple[str, str]]:
    """Names of losses that begin as what is typed, with what they are."""
    return [(name, d.summary) for name, d in definitions().items() if name.startswith(incomplete)]
