"""Codecs: one file each, or one folder when it has a model. The file name is the registry."""
