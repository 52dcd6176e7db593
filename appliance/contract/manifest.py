"""The manifest of a service: who it is, what it needs, what it answers and what it may record.

`images/<name>/service.yml` holds one. The build compiles all of them into the bundle's catalogue; site model,
rendering, admission, monitor, support and spill traces read nothing else about a service.
"""

import re
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

ServiceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{1,20}$")]
Action = Annotated[str, Field(pattern=r"^[a-z]+$")]
Activity = Annotated[str, Field(pattern=r"^[a-z_]+(\.[a-z_]+)*$", max_length=100)]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
PathPattern = Annotated[str, Field(pattern=r"^/(?:[A-Za-z0-9_.*/-]|\{id\}|\{page\})*$")]
Size = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,3}[mg]$")]
Mount = Literal["models", "log"]
Setting = Literal[
    "certification",
    "certifiers",
    "demo",
    "engine_image",
    "key",
    "markings",
    "model",
    "models",
    "officers",
    "policy",
    "site",
    "use",
    "variant",
]

RESERVED = frozenset({"gateway", "database", "migrate", "session", "models", "host"})
"""Names and first path segments that belong to the appliance itself."""

POSTGRESQL = frozenset({"all", "appliance", "none", "postgres", "public", "template0", "template1"})
"""Names that a role, a database or a schema of PostgreSQL 15 cannot have, or has already."""

FIRST_UID, LAST_UID = 1101, 1109
"""Users of services; below and above are the gateway's, the database's and the migrations' own."""


CONNECTIONS = 40
"""Most connections of all services together; PostgreSQL has 50, of which migrations and its owner need some."""


TYPED = {
    "{id}": "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "{page}": "[1-9][0-9]{0,4}",
}
"""What a typed segment may be: an identifier in the one spelling that there is of it, or the number of a page."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Database(_Part):
    """What a service keeps in the enclave's PostgreSQL: a database, a role and a schema of its own name.

    Attributes:
        connections: how many it may hold at once.
    """

    connections: Annotated[int, Field(ge=1, le=CONNECTIONS)] = 10


class Route(_Part):
    """A group of paths of one service and what using them is called.

    Attributes:
        path: pattern; ``*`` is one path segment, ``{id}`` an identifier, ``{page}`` the number of a page, a final
            ``**`` any number of segments, also none.
        methods: HTTP methods.
        action: name of the action, for example ``read``, ``write``, ``run``, ``export``.
        read_down: whether a session at a higher level may read what the service published there; GET and HEAD only,
            and only a path without a segment of free text: tiles, searches, filters and thumbnails are none.
    """

    path: PathPattern
    methods: Annotated[tuple[Method, ...], Field(min_length=1)]
    action: Action
    read_down: bool = False

    @model_validator(mode="after")
    def _read_down_only_reads(self) -> "Route":
        if self.read_down and not set(self.methods) <= {"GET", "HEAD"}:
            raise ValueError("read_down routes answer GET and HEAD only: anything else is a write to a lower level")
        return self

    @model_validator(mode="after")
    def _read_down_is_typed(self) -> "Route":
        if self.read_down and not self.typed:
            raise ValueError(
                f"read_down: {self.path} has a segment of free text, which is a write to a lower level; name the"
                " segments, or type them as {id} or {page}"
            )
        return self

    @property
    def typed(self) -> bool:
        """Whether its path leaves no choice of text."""
        return "*" not in self.path

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The compiled path pattern."""
        return compiled(self.path)


class Recorded(_Part):
    """An activity that a service may record.

    Attributes:
        activity: its name in the log.
        meaning: what happened, and when the record is made where that matters.
        inputs: what the digests in ``inputs`` are of.
        outputs: what the digests in ``outputs`` are of.
    """

    activity: Activity
    meaning: Annotated[str, Field(min_length=10, max_length=300)]
    inputs: Annotated[str, Field(max_length=200)] = ""
    outputs: Annotated[str, Field(max_length=200)] = ""


class Page(_Part):
    """A page for the navigation; whoever may use its path sees the link.

    Attributes:
        path: of the page.
        title: of the link.
        purpose: what people do there, in one sentence; the service's own purpose when absent.
    """

    path: PathPattern
    title: Annotated[str, Field(min_length=1, max_length=40)]
    purpose: Annotated[str, Field(max_length=200)] = ""


class Exchange(_Part):
    """Where files of records go in and come out, for ``appliance enclave import`` and ``export``.

    Attributes:
        take: path to which records of a project are posted; ``{project}`` stands for it.
        give: for each kind of file, the path from which it is read.
    """

    take: Annotated[str, Field(pattern=r"^/[a-z0-9/{}_-]+$")]
    give: dict[Literal["json", "jsonl"], Annotated[str, Field(pattern=r"^/[a-z0-9/{}_-]+$")]]


VariantName = Literal["llama.cpp-cpu", "llama.cpp-cuda", "vllm"]


class Variant(_Part):
    """A way in which an engine can run: an image of its own, on the processor or on an accelerator.

    Attributes:
        name: as sites, settings and certificates call it.
        image: the image that it runs from.
        accelerator: whether it is given device nodes of the host.
    """

    name: VariantName
    image: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
    accelerator: bool = False


class Manifest(_Part):
    """One service.

    Attributes:
        name: of the service, of its image and of the first segment of its paths.
        purpose: what it does for whom, in one sentence.
        uid: its user inside containers.
        slot: its place on the enclave's inner network.
        memory: most memory, as ``512m`` or ``2g``.
        processes: most processes and threads.
        weight: its part of processor and disk while others want them too; a gateway and a database have 400 each.
        system_high: whether it runs in the reserved enclave, alone; otherwise it runs in every other.
        engine: whether it serves the enclave's models, so that certificates name its image.
        variants: the ways in which an engine can run, the one that a site need not name first; others run from the
            image of their own name.
        workload: whether it calls other services through the gateway with a certificate of its own.
        database: what it keeps in PostgreSQL, or None.
        mounts: what it reads of the host: the enclave's models, the log.
        settings: what it is told of site, bundle and policy.
        routes: what it answers; the first that matches names the action.
        records: the activities that it may record.
        pages: its pages in the navigation, the first to begin with.
        exchange: where files of records go in and out, or None.
    """

    name: ServiceName
    purpose: Annotated[str, Field(min_length=10, max_length=200)]
    uid: Annotated[int, Field(ge=FIRST_UID, le=LAST_UID)]
    slot: Annotated[int, Field(ge=0, le=99)]
    memory: Size = "1g"
    processes: Annotated[int, Field(ge=8, le=4096)] = 256
    weight: Annotated[int, Field(ge=1, le=1000)] = 100
    system_high: bool = False
    engine: bool = False
    variants: tuple[Variant, ...] = ()
    workload: bool = False
    database: Database | None = None
    mounts: tuple[Mount, ...] = ()
    settings: tuple[Setting, ...] = ()
    routes: Annotated[tuple[Route, ...], Field(min_length=1)]
    records: tuple[Recorded, ...] = ()
    pages: tuple[Page, ...] = ()
    exchange: Exchange | None = None

    @cached_property
    def activities(self) -> frozenset[str]:
        """The names of the activities that it may record."""
        return frozenset(recorded.activity for recorded in self.records)

    def variant(self, name: str | None) -> Variant | None:
        """The variant called ``name``, the first when None; None when there is none."""
        return next((variant for variant in self.variants if name in (None, variant.name)), None)

    @model_validator(mode="after")
    def _engines_have_variants(self) -> "Manifest":
        if self.variants and not self.engine:
            raise ValueError("variants: only an engine has some")
        if len({variant.name for variant in self.variants}) != len(self.variants):
            raise ValueError("variants: name each once")
        return self

    @model_validator(mode="after")
    def _can_name_a_database(self) -> "Manifest":
        if self.database and self.name in POSTGRESQL:
            raise ValueError(f"{self.name} is a name of PostgreSQL itself: no database of a service is called so")
        return self

    @model_validator(mode="after")
    def _is_its_own(self) -> "Manifest":
        if self.name in RESERVED:
            raise ValueError(f"{self.name} is a name of the appliance itself")
        paths = [*(route.path for route in self.routes), *(page.path for page in self.pages)]
        if self.exchange:
            paths += [self.exchange.take, *self.exchange.give.values()]
        for path in paths:
            if not path.startswith(f"/{self.name}/"):
                raise ValueError(f"{path} is no path of {self.name}: all of them begin with /{self.name}/")
        seen: set[tuple[str, str]] = set()
        for route in self.routes:
            for method in route.methods:
                if (method, route.path) in seen:
                    raise ValueError(f"two routes contradict each other: {method} {route.path} stands twice")
                seen.add((method, route.path))
        for page in self.pages:
            if not any("GET" in route.methods and route.pattern.fullmatch(page.path) for route in self.routes):
                raise ValueError(f"the page {page.path} is covered by no route that answers GET")
        return self


def compiled(path: str) -> re.Pattern[str]:
    """The pattern ``path``: ``*`` is one segment, ``TYPED`` says of others what, a final ``**`` any number or none."""
    pattern = re.escape(path).replace(r"/\*\*", "(/.*)?").replace(r"\*", "[^/]+")
    for name, text in TYPED.items():
        pattern = pattern.replace(re.escape(name), text)
    return re.compile(pattern)
