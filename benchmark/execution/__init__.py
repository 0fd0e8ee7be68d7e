"""Worker processes, the queue of jobs, and what a job takes."""
