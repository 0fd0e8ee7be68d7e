"""Neural speech codecs: tokens of a network, packed exactly. Shared by the codecs beside this folder."""
