"""What generative face codecs share: keyframe and motion coders, networks' layers, names, training."""
