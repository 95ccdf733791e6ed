"""The rules of pupil transfer: pure functions and values, standard library only."""
