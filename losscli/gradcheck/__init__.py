"""Derivatives against an independent reference: a loss's own against numbers, and a user's gradient against ours.

`check` tries the laws on samples of the loss's kind; `compare` says what a gradient is that somebody else has computed.
"""

from losscli.gradcheck.comparison import compare
from losscli.gradcheck.findings import Comparison, Deviation, Finding, Law
from losscli.gradcheck.laws import check, subjects

__all__ = ["Comparison", "Deviation", "Finding", "Law", "check", "compare", "subjects"]
