"""What can be wrong with a file or with what it means, and what the user gets: 133 hazards, some in several parts.

1 to 55 are CSV files, 56 to 73 NPY and NPZ, 74 to 90 Parquet, 91 to 100 files and streams, 101 to 133 meaning.
"""
