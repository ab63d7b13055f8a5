"""Configs: searches written in YAML, checked before anything is run.

A config names code, which is imported and called: it is as trusted as a program.
"""
