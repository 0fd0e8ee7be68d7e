"""Rate-distortion surfaces over picture and sound."""
