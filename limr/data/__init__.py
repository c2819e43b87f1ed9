"""Problems in, prompt batches out."""

from limr.data.benchmarks import Benchmark, Suite
from limr.data.datamodule import MathDataModule
from limr.data.generated import GeneratedProblems
from limr.data.loaders import BenchmarkLoader, PromptLoader
from limr.data.reasoning_gym import ReasoningGymProblems
from limr.data.resampling import Resampling
from limr.data.sources import FileProblems, HubProblems, ProblemSource
from limr.data.supervised import Stage, WorkedSolutionsDataModule
from limr.data.templates import ChatTemplate, Exemplar, PlainTemplate, PromptTemplate
from limr.tables import Columns

__all__ = [
    "Benchmark",
    "BenchmarkLoader",
    "ChatTemplate",
    "Columns",
    "Exemplar",
    "FileProblems",
    "GeneratedProblems",
    "HubProblems",
    "MathDataModule",
    "PlainTemplate",
    "ProblemSource",
    "PromptLoader",
    "PromptTemplate",
    "ReasoningGymProblems",
    "Resampling",
    "Stage",
    "Suite",
    "WorkedSolutionsDataModule",
]
