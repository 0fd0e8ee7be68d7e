"""A package outside talkbench that offers codecs: one example, fast fakes, and broken ones."""
