"""Files that are not read: what they are, and how to make of them what is."""

import re
from collections.abc import Sequence

from losscli.errors import InputError
from losscli.formats.source import HEAD

_PICKLED = "a pickle, which is never loaded; save its numbers as .npy where it was made: numpy.save('x.npy', values)"
_TORCH = (
    "a PyTorch checkpoint, which is pickled and never loaded; save its tensor as .npy: "
    "python -c \"import torch, numpy; numpy.save('x.npy', torch.load('FILE', weights_only=True).numpy())\""
)
_KERAS = "a Keras model, not its predictions; save those: numpy.save('x.npy', model.predict(x))"
_EXCEL = (
    "an Excel workbook; save the sheet as CSV: python -c \"import pandas; pandas.read_excel('FILE').to_csv('x.csv')\""
)
_MATLAB = (
    "a MATLAB file; save its array as .npy: "
    "python -c \"import scipy.io, numpy; numpy.save('x.npy', scipy.io.loadmat('FILE')['y'])\""
)
_HDF5 = (
    "an HDF5 file; save its array as .npy: "
    "python -c \"import h5py, numpy; numpy.save('x.npy', h5py.File('FILE')['y'][:])\""
)
_PIPED = "compressed with {0}; pipe it in: {0} -dc FILE | losscli eval … -"
_MAGIC: dict[bytes, str] = {
    b"BZh[1-9](1AY&SY|\x17rE8P\x90)": _PIPED.format("bzip2"),
    b"\xfd7zXZ\x00": _PIPED.format("xz"),
    b"\x04\x22\x4d\x18": _PIPED.format("lz4"),
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it first",
    b"MATLAB [0-9.]+ MAT-file": _MATLAB,
    b"\x89HDF\r\n\x1a\n": _HDF5,
    b"CDF[\x01\x02\x05]": "a NetCDF file; save its array as .npy",
    b"PARE": "a Parquet file with an encrypted footer; decrypt it first",
    b"FEA1": "a Feather file of version 1; write version 2: pandas.read_feather('FILE').to_feather('x.feather')",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": _EXCEL,
    b"SQLite format 3\x00": "an SQLite database; save a table as CSV: sqlite3 -header -csv FILE 'SELECT …' > x.csv",
    b"Obj\x01": "an Avro file; save it as Parquet: "
    "python -c \"import polars; polars.read_avro('FILE').write_parquet('x.parquet')\"",
    b"ORC(?=.{0,64}[\x00-\x08])": "an ORC file; save it as Parquet: "
    "python -c \"import pandas; pandas.read_orc('FILE').to_parquet('x.parquet')\"",
    b"root\x00": "a ROOT file; save the branch as .npy: "
    "python -c \"import uproot, numpy; numpy.save('x.npy', uproot.open('FILE')['tree']['y'].array(library='np'))\"",
    b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19\\.": _TORCH,
    b"\x80[\x02-\x05]": _PICKLED,
    # protocols 0 and 1, which have no magic bytes: how lists, dictionaries and NumPy's arrays begin
    rb"\((lp|dp)[0-9]+\n|[\]}]q\x00": _PICKLED,
    rb"c(numpy|pandas|torch|copy_reg|_codecs|builtins|__builtin__|pathlib)[a-z_.]*\n[A-Za-z_]+\n": _PICKLED,
}
_FIRST = (  # without one of these a file is none of them, which is faster found
    *(
        b"BZh",
        b"\xfd7z",
        b"\x04\x22M",
        b"7z\xbc",
        b"MATLAB",
        b"\x89HDF",
        b"CDF",
        b"PARE",
        b"FEA1",
        b"\xd0\xcf",
        b"SQLite",
    ),
    *(b"Obj\x01", b"ORC", b"root\x00", b"\x80", b"(lp", b"(dp", b"]q", b"}q", b"cnumpy", b"cpandas", b"ctorch"),
    *(b"ccopy_reg", b"cbuiltins", b"cpathlib", b"c__builtin__", b"c_codecs"),
)
_MEMBERS = {"data.pkl": _TORCH, "xl/workbook.xml": _EXCEL, "model.weights.h5": _KERAS}  # of ZIP archives


def refuse_foreign(name: str, head: bytes) -> None:
    """Refuse what is known by its first bytes, and not read. Raises InputError that says how to convert it."""
    for magic, what in _MAGIC.items() if head.startswith(_FIRST) else ():
        if re.match(magic, head, re.DOTALL):
            raise InputError(f"{name}: is {what.replace('FILE', name)}")
    if len(head) == HEAD and not head.strip(b"\0"):  # /dev/zero has no end, and no row either
        raise InputError(f"{name}: begins with {HEAD} zero bytes; is it a device, or cut off by a crash?")
    if _is_tfrecord(head):
        raise InputError(f"{name}: is a TFRecord file; save its numbers as .npy: numpy.save('x.npy', values)")


def _is_tfrecord(head: bytes) -> bool:
    """The length of the first record, a checksum of four bytes, and a message of a list of features."""
    length = int.from_bytes(head[:8], "little")
    return 0 < length < 1 << 32 and len(head) > 13 and head[12] == 0x0A and b"\0" in head[:8]


def what_archive(members: Sequence[str]) -> str:
    """What a ZIP archive without .npy members is."""
    for ending, what in _MEMBERS.items():
        if any(member == ending or member.endswith("/" + ending) for member in members):
            return what
    return "a ZIP archive without .npy members; unpack it, or save each array as .npy"
