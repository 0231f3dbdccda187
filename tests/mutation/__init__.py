"""Mutation testing: a fault put into the code, and whether a test notices."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
ADDRESS = ROOT / ".mutation.socket"
