"""Trials in worker processes of this machine: the engine, the program of its workers, and what lies between them."""
