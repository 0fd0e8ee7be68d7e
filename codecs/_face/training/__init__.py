"""How the small face codecs are trained and measured."""
