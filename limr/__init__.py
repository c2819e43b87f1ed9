"""limr: which of your reinforcement-learning problems are worth training on?"""

__version__ = "0.1.0"
