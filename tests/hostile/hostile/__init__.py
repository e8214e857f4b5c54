"""A third-party distribution whose architectures go wrong in every way."""
