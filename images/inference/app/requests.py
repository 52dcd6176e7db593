"""The requests of the OpenAI interface that this service understands; a field outside them is refused by name."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from .nothing import without_nothing

MOST_ANSWERS = 64
MOST_MESSAGES = 512
"""The engine lays out all messages before it looks whether they fit: 10,000 kept it busy for 21 s."""
Text = Annotated[str, Field(min_length=1)]


class _Asked(BaseModel):
    """An object of a request; what asks nothing in it counts as absent."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, given: Any) -> Any:
        return without_nothing(given, cls.model_fields)


class StreamOptions(_Asked):
    """What a stream has beside the answer; nothing is padded against listeners, since TLS ends at the gateway."""

    include_usage: bool = False
    include_obfuscation: Literal[False] = Field(default=False, exclude=True)


class _Request(_Asked):
    """What all routes take. ``need_to_know`` is ours: the groups whose information is in the request."""

    model: str
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    stream: bool = False
    need_to_know: tuple[str, ...] = Field(default=(), max_length=32, exclude=True)

    def for_engine(self) -> dict[str, Any]:
        """The request as the engine takes it: nothing of another conversation is reused."""
        return self.model_dump(exclude_none=True) | {"cache_prompt": False}


class _Sampled(_Request):
    """What chat and completions take."""

    max_tokens: int | None = Field(default=None, ge=1)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    seed: int | None = None
    stop: str | list[str] | None = None
    n: int | None = Field(default=None, ge=1, le=MOST_ANSWERS)
    stream_options: StreamOptions | None = None


class TextPart(_Asked):
    """A part of a message's content."""

    type: Literal["text"]
    text: str


class ResponsePart(_Asked):
    """A part of the content of an item of ``/v1/responses``."""

    type: Literal["input_text", "output_text"]
    text: str
    logprobs: list[Any] = Field(default=[], exclude=True)


def _joined(content: str | Sequence[TextPart | ResponsePart]) -> str:
    return content if isinstance(content, str) else "".join(part.text for part in content)


class Message(_Asked):
    """One message of a conversation, or the message object of an answer, sent back."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = Field(default=None, exclude=True)
    reasoning_content: str | None = Field(default=None, exclude=True)

    @property
    def text(self) -> str:
        """Its content, the parts one after the other."""
        return _joined(self.content)


class ChatRequest(_Sampled):
    """``POST /v1/chat/completions``."""

    messages: list[Message] = Field(min_length=1, max_length=MOST_MESSAGES)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    response_format: dict[str, Any] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)

    def asked(self) -> str:
        """The last message: those before were the last of earlier requests, or their answers."""
        return self.messages[-1].text


class CompletionRequest(_Sampled):
    """``POST /v1/completions``."""

    prompt: Text | Annotated[list[Text], Field(min_length=1, max_length=MOST_ANSWERS)]
    logprobs: int | None = Field(default=None, ge=0, le=20)

    @model_validator(mode="before")
    @classmethod
    def _false_is_none(cls, given: Any) -> Any:
        """Some clients send the false of the chat interface."""
        if isinstance(given, dict) and given.get("logprobs") is False:
            return {name: value for name, value in given.items() if name != "logprobs"}
        return given

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.stream and self.logprobs is not None:
            reason = "logprobs: a stream of completions has none; leave it out, or ask without stream, or use chat"
            raise PydanticCustomError("not_done", reason)
        return self

    def asked(self) -> str:
        """The prompt, or the prompts one after the other."""
        return self.prompt if isinstance(self.prompt, str) else "\n".join(self.prompt)


class ResponseItem(_Asked):
    """A message of the input, or an item of an answer's output, sent back."""

    type: Literal["message"] = "message"
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[ResponsePart]
    id: str | None = Field(default=None, exclude=True)
    status: Literal["completed", "incomplete", "in_progress"] | None = Field(default=None, exclude=True)

    @property
    def words(self) -> str:
        """Its content, the parts one after the other."""
        return _joined(self.content)

    def for_engine(self) -> dict[str, Any]:
        """The item as the engine takes it: what was an answer in the form of an answer."""
        if self.role != "assistant":
            return {"role": self.role, "content": self.words}
        part = {"type": "output_text", "text": self.words, "annotations": []}
        return {"type": "message", "role": "assistant", "status": "completed", "content": [part]}


class TextFormat(_Asked):
    """The form of the answer: free text, or JSON under a schema."""

    type: Literal["text", "json_schema", "json_object"]
    name: str | None = None
    description: str | None = Field(default=None, exclude=True)
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = Field(default=None, exclude=True)


class TextSettings(_Asked):
    """``text`` of a response request."""

    format: TextFormat | None = None


class ResponseRequest(_Request):
    """``POST /v1/responses``; the engine gets it as a conversation."""

    input: Text | Annotated[list[ResponseItem], Field(min_length=1, max_length=MOST_MESSAGES)]
    instructions: str | None = None
    max_output_tokens: int | None = Field(default=None, ge=1)
    text: TextSettings | None = None
    stream_options: StreamOptions | None = Field(default=None, exclude=True)

    def asked(self) -> str:
        """The last message."""
        return self.input if isinstance(self.input, str) else self.input[-1].words

    def for_engine(self) -> dict[str, Any]:
        """The request as the engine takes it."""
        given = self.model_dump(exclude_none=True, exclude={"text", "input"}) | {"cache_prompt": False}
        given["input"] = self.input if isinstance(self.input, str) else [item.for_engine() for item in self.input]
        if self.text and self.text.format and self.text.format.type != "text":
            given["text"] = {"format": self.text.format.model_dump(exclude_none=True, by_alias=True)}
        return given
