"""Damaged and odd files for every reader: `python -m tests.fuzz --inputs 100000` makes them, reads them, and says what
came of it. A few run with the tests.
"""
