"""What every rollout engine does."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from limr.types import PromptBatch, Responses, Sampling


class RolloutEngine(ABC):
    """Samples one response for each row of a prompt batch."""

    @abstractmethod
    def generate(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        batch: PromptBatch,
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> Responses:
        """Responses for the rows of `batch`, which already repeats prompts for their samples.

        Args:
            model: The current policy.
            tokenizer: Its tokenizer, for the pad and end-of-sequence ids.
            batch: B prompts, left-padded.
            sampling: Temperature, nucleus mass and length limit (`samples_per_prompt` is the
                caller's).
            seeds: One per row. A row's tokens depend on model, prompt and its seed, not on the rows
                beside it, so batch sizes and the number of ranks change nothing but rounding.

        Returns:
            B responses of at most `sampling.max_response_tokens` tokens.
        """
