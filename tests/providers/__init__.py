"""Tests of the wire formats: recorded dialogues that the tests write themselves, read by the real readers."""
