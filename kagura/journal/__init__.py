"""The append-only intake: frames, files, replay."""
