"""Data sets: declared in TOML, found or fetched, checked, loaded as uint8 arrays.

`load("cifar10", "train")` looks in `$LEAPBENCH_DATA/cifar10/`, the user's cache
(`$LEAPBENCH_CACHE`, else the platform's) and the system's packages, and then
downloads what may be downloaded, unless `LEAPBENCH_OFFLINE=1`.
"""

from leapbench.data.folder import ImageFolder
from leapbench.data.loading import fingerprint, load, open_folder, require
from leapbench.data.locate import Location, find
from leapbench.data.spec import DataSet, get, names
from leapbench.data.status import Status, status

__all__ = [
    "DataSet",
    "ImageFolder",
    "Location",
    "Status",
    "find",
    "fingerprint",
    "get",
    "load",
    "names",
    "open_folder",
    "require",
    "status",
]
