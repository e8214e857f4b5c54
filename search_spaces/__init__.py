"""One file for each architecture; files that begin with an underscore are helpers."""
