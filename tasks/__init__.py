"""One file for each task family; files that begin with an underscore are helpers."""
