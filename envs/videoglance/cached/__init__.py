"""Packaged banks, one `<data>.npz` a data set; read them with `load_reference`."""
