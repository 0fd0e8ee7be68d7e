"""talkbench: benchmark and leaderboard for talking-head audio-visual compression."""

__version__ = "0.1.0"
