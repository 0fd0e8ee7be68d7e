"""The embedded dataset: ray-cast talking heads with phoneme-driven mouths and espeak-ng voices."""
