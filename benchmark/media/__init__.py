"""Pictures and sound: ffmpeg, colour, faces, delay, mel bands."""
