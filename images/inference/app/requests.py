"""The requests of the OpenAI interface that this service understands; a field outside them is refused by name."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Request(BaseModel):
    """What both routes take. ``need_to_know`` is ours: the groups whose information is in the request."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    model: str
    max_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    seed: int | None = None
    stop: str | list[str] | None = None
    n: Literal[1] | None = None
    stream: bool = False
    stream_options: dict[Literal["include_usage"], bool] | None = None
    user: str | None = Field(default=None, exclude=True)
    need_to_know: tuple[str, ...] = Field(default=(), max_length=32, exclude=True)

    def for_engine(self) -> dict[str, Any]:
        """The request as the engine takes it: nothing of another conversation is reused."""
        return self.model_dump(exclude_none=True) | {"cache_prompt": False}


class TextPart(BaseModel):
    """A part of a message's content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["text"]
    text: str


class Message(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = Field(default=None, exclude=True)

    @property
    def text(self) -> str:
        """Its content, the parts one after the other."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class ChatRequest(_Request):
    """``POST /v1/chat/completions``."""

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    response_format: dict[str, Any] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)

    def asked(self) -> str:
        """The last message: those before were the last of earlier requests, or their answers."""
        return self.messages[-1].text


class CompletionRequest(_Request):
    """``POST /v1/completions``."""

    prompt: str
    echo: Literal[False] | None = None
    logprobs: int | None = Field(default=None, ge=0, le=20)

    def asked(self) -> str:
        """The prompt."""
        return self.prompt
