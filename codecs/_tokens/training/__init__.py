"""How the small speech codecs are trained and measured."""
