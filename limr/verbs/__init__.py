"""Verbs of the command line with a plain parser: one module each, with ``main(args) -> int``.

:mod:`limr.__main__` imports a verb's module only when it is asked for.
"""
