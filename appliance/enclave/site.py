"""The site model: the enclaves of one host, as two officers sign them in ``site.yml``."""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    IPvAnyAddress,
    ModelWrapValidatorHandler,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from appliance.contract.catalogue import Catalogue
from appliance.contract.certification import (
    EXERCISE,
    Certification,
    CertificationError,
    Use,
    standard,
    tightened,
)
from appliance.contract.document import read_document
from appliance.contract.manifest import ServiceName, VariantName
from appliance.errors import ApplianceError, first_words
from appliance.markings import Label, Marking, MarkingError, dominates, parse, parse_by_any
from appliance.markings.vocabulary import STRICT, Vocabulary, choices, chosen
from appliance.trust import canonical

Statement = TypeVar("Statement", bound=BaseModel)
ENCLAVE_UIDS = 65536

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Hostname = Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=253)]


_read_with: ContextVar[str] = ContextVar("profile", default=STRICT)
"""The profile by which the statement that is being read has its markings read."""


def _profile_now() -> str:
    return _read_with.get()


@contextmanager
def _read_by(profile: str) -> Iterator[None]:
    """Have markings read by a profile; what is no profile leaves the stricter reading."""
    token = _read_with.set(profile if profile in choices() else STRICT)
    try:
        yield
    finally:
        _read_with.reset(token)


def _known_marking(text: str) -> str:
    try:
        return parse(text, chosen(_profile_now())).banner
    except MarkingError as error:
        raise ValueError(str(error)) from error


def _known_to_any(text: str) -> str:
    try:
        return parse_by_any(text).banner
    except MarkingError as error:
        raise ValueError(str(error)) from error


MarkingText = Annotated[str, AfterValidator(_known_marking)]
AnyMarkingText = Annotated[str, AfterValidator(_known_to_any)]
"""A marking in a statement that is written and read apart from the site's, or that outlives its profile."""


def _ipv4_network(text: Any) -> ipaddress.IPv4Network:
    network = ipaddress.IPv4Network(str(text))
    if network.prefixlen != 24:
        raise ValueError("an enclave has a /24: half for its services, half for its gateway")
    return network


def _ipv4_address(address: Any) -> Any:
    if address.version != 4:
        raise ValueError(f"{address} is an IPv6 address, and gateways and their networks have IPv4 addresses")
    if address.is_unspecified or address.is_multicast or str(address) == "255.255.255.255":
        raise ValueError(f"{address} is no address of one host")
    return address


DeviceNode = Annotated[str, Field(pattern=r"^/dev/(nvidia[a-z0-9-]*|kfd|dri/renderD[0-9]+)$", max_length=64)]


class Engine(BaseModel):
    """How the enclave's engine runs.

    Attributes:
        variant: of the service's manifest; its first when absent.
        devices: nodes of accelerators on the host, which this enclave's engine has and nothing else: NVIDIA's, or
            those of the kernel's render and compute drivers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: VariantName | None = None
    devices: Annotated[tuple[DeviceNode, ...], Field(max_length=32)] = ()

    @field_validator("devices")
    @classmethod
    def _devices_once(cls, devices: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(devices)) != len(devices):
            raise ValueError("name each device once")
        return devices


class Enclave(BaseModel):
    """One label and everything that carries it.

    Attributes:
        name: lower-case name, used in paths and container names.
        label: marking of the enclave; immutable, another marking is another enclave.
        hostname: name of the gateway's origin.
        address: IPv4 address of the host at which the gateway is reached.
        network: an IPv4 /24 of the host's own; first half services, second half the gateway's outer side.
        uids: first of the 65,536 host uids that the enclave's containers are mapped to.
        services: the services that run in it, by the names of the bundle's catalogue.
        models: names of the bundle's models that its engine serves.
        engine: how that engine runs: on the processor, unless it says otherwise.
        use: what people here use the model for (policies/certification.yml, uses); when absent, `exercise` on a DEMO
            site and `analysis` elsewhere, so that a model without a high tier must be declared for less.
        system_high: whether it is the reserved enclave of the log and the officers' console; exactly one is.
        storage: size of its file system, as ``500m`` or ``20g``: all that its services can fill.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    label: MarkingText
    hostname: Hostname
    address: Annotated[IPvAnyAddress, AfterValidator(_ipv4_address)]
    network: Annotated[ipaddress.IPv4Network, BeforeValidator(_ipv4_network)]
    uids: Annotated[int, Field(ge=100_000, le=2**31)]
    services: tuple[ServiceName, ...]
    models: Annotated[tuple[Name | str, ...], Field(max_length=1)] = ()
    engine: Engine = Engine()
    use: Use | None = None
    system_high: bool = False
    storage: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,5}[mg]$")] = "2g"
    _profile: str = PrivateAttr(default_factory=_profile_now)

    @property
    def storage_bytes(self) -> int:
        """The same in bytes."""
        return int(self.storage[:-1]) << {"m": 20, "g": 30}[self.storage[-1]]

    @cached_property
    def marking(self) -> Marking:
        """The parsed marking, by the profile of the site."""
        return parse(self.label, chosen(self._profile))

    @cached_property
    def lattice(self) -> Label:
        """The marking's label, as the lattice compares it; worked out once, because each decision needs it."""
        return self.marking.label

    @cached_property
    def encoded(self) -> str:
        """The label in its stable text form."""
        return self.lattice.encode()

    def declared_use(self, *, demo: bool) -> str:
        """What the model is used for here."""
        return self.use or (EXERCISE if demo else "analysis")

    @cached_property
    def obligations(self) -> tuple[str, ...]:
        """What the marking demands beside its label, for example ``OC`` (ORCON): decided by the access policy."""
        return self.marking.obligations

    @property
    def inner(self) -> ipaddress.IPv4Network:
        """The network that joins the enclave's containers and nothing else."""
        return next(self.network.subnets(new_prefix=25))

    @property
    def outer(self) -> ipaddress.IPv4Network:
        """The network through which users reach the gateway."""
        return list(self.network.subnets(new_prefix=25))[1]

    @property
    def gateway_address(self) -> str:
        """Fixed address of the gateway on the inner network; there is no name service."""
        return str(self.inner.network_address + 2)

    def slot_address(self, slot: int) -> str:
        """Fixed address of the service in ``slot`` on the inner network."""
        return str(self.inner.network_address + 10 + slot)

    @field_validator("services")
    @classmethod
    def _services_once(cls, services: tuple[str, ...]) -> tuple[str, ...]:
        if not services or len(set(services)) != len(services):
            raise ValueError("name each service once, and at least one")
        return services


class Certifier(BaseModel):
    """A person whose signature on an evaluation certificate lets a model serve.

    Attributes:
        name: of the person, as certificates and the log show it.
        public_key: their public key in PEM (ECDSA P-384), ``<name>.pub`` of the key ceremony.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    public_key: str


class Destination(BaseModel):
    """Where exports may go: a medium or a recipient outside this host.

    Attributes:
        name: as the export and its approval name it.
        label: the highest marking that it may hold.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(min_length=3, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
    label: MarkingText


class Exchange(BaseModel):
    """What may pass between enclaves and media.

    Attributes:
        types: kinds of file that may pass; what a file is found to be counts, not its name.
        scanner: a program on the host with its arguments; it is given the path of each file as the last argument, and
            lets the file pass by exit status 0. Where one is named, nothing passes without it.
        maximum_bytes: size of the largest file.
        destinations: where exports may go; the enclaves of the host are destinations too, by their names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    types: tuple[Literal["json", "jsonl"], ...] = ("json", "jsonl")
    scanner: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    maximum_bytes: Annotated[int, Field(ge=1, le=1 << 30)] = 64 << 20
    destinations: tuple[Destination, ...] = ()

    @field_validator("scanner")
    @classmethod
    def _absolute(cls, scanner: tuple[str, ...]) -> tuple[str, ...]:
        if scanner and not scanner[0].startswith("/"):
            raise ValueError("the scanner is named by its whole path")
        return scanner


def _known_profile(name: str) -> str:
    if name not in choices():
        raise ValueError(f"{name!r} is none of {', '.join(choices())} (policies/markings/profiles)")
    return name


class MarkingRules(BaseModel):
    """How the site reads markings.

    Attributes:
        profile: whose rules count where manuals disagree: a profile of `policies/markings/profiles` (`ic`, `dod`,
            `nato`, `cui`), or `strict`, the stricter reading of each disputed rule.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: Annotated[str, AfterValidator(_known_profile)] = STRICT

    @property
    def vocabulary(self) -> Vocabulary:
        """The words and rules by which the site reads markings."""
        return chosen(self.profile)


class Site(BaseModel):
    """Everything that the officers decided about one host, apart from subjects and access.

    Attributes:
        site: name of the site.
        version: grows with every change; an older one is not installed again.
        predecessor: SHA-256 of the payload of the statement before this one.
        demo: whether it is a demonstration, whose keys protect nothing.
        markings: how markings are read, those of the enclaves included.
        enclaves: the enclaves of the host.
        certifiers: the people whose signature lets an evaluated model serve.
        exchange: what may pass between enclaves and media.
        certification: the site's own certification policy, whole, when it is tighter than the project's.
        hardening_exceptions: for each control of `policies/hardening.yml` that is left out, the reason.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: Name
    version: Annotated[int, Field(ge=1)] = 1
    predecessor: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    demo: bool = False
    markings: MarkingRules = MarkingRules()
    enclaves: Annotated[tuple[Enclave, ...], Field(min_length=2)]
    certifiers: tuple[Certifier, ...] = ()
    exchange: Exchange = Exchange()
    certification: Certification | None = None
    hardening_exceptions: dict[str, Annotated[str, Field(max_length=500)]] = {}

    @model_validator(mode="wrap")
    @classmethod
    def _by_its_own_profile(cls, data: Any, handler: ModelWrapValidatorHandler["Site"]) -> "Site":
        """Read the enclaves' markings by the profile that stands in the same statement."""
        rules = data.get("markings") if isinstance(data, dict) else None
        name = rules.get("profile") if isinstance(rules, dict) else None
        with _read_by(name if isinstance(name, str) else STRICT):
            return handler(data)

    @field_validator("certification")
    @classmethod
    def _only_tighter(cls, own: Certification | None) -> Certification | None:
        try:
            return tightened(standard(), own) if own else None
        except CertificationError as error:
            raise ValueError(f"{error.message}: {error.rule}") from error

    @model_validator(mode="after")
    def _enclaves_share_nothing(self) -> "Site":
        for field in ("name", "label", "hostname", "address", "uids"):
            seen: dict[Any, str] = {}
            for enclave in self.enclaves:
                value = getattr(enclave, field)
                if value in seen:
                    raise ValueError(
                        f"duplicate enclave: {seen[value]!r} and {enclave.name!r} have the same {field}, {value}"
                    )
                seen[value] = enclave.name
        for index, one in enumerate(self.enclaves):
            for other in self.enclaves[index + 1 :]:
                if one.network.overlaps(other.network):
                    raise ValueError(f"the networks of {one.name!r} and {other.name!r} overlap")
                if abs(one.uids - other.uids) < ENCLAVE_UIDS:
                    raise ValueError(f"the uid ranges of {one.name!r} and {other.name!r} overlap (each is 65,536 wide)")
        return self

    @model_validator(mode="after")
    def _devices_have_one_owner(self) -> "Site":
        owners: dict[str, str] = {}
        for enclave in self.enclaves:
            for device in enclave.engine.devices:
                if device in owners:
                    raise ValueError(
                        f"{owners[device]!r} and {enclave.name!r} both have {device}: what one enclave leaves in a"
                        " device's memory another could read"
                    )
                owners[device] = enclave.name
        return self

    @property
    def owners(self) -> dict[str, str]:
        """The enclave that has each device."""
        return {device: enclave.name for enclave in self.enclaves for device in enclave.engine.devices}

    @model_validator(mode="after")
    def _one_system_high(self) -> "Site":
        high = [enclave for enclave in self.enclaves if enclave.system_high]
        if len(high) != 1:
            raise ValueError("exactly one enclave is system_high: the log lives there")
        top = high[0].marking.label
        for enclave in self.enclaves:
            if not dominates(top, enclave.marking.label):
                raise ValueError(
                    f"system-high {high[0].label} does not dominate enclave {enclave.name!r} ({enclave.label})"
                )
        return self

    def destination_label(self, name: str) -> str:
        """The marking up to which a registered medium or an enclave of this host may hold what is exported.

        Raises:
            ApplianceError: nothing of that name is registered.
        """
        known = {one.name: one.label for one in self.exchange.destinations}
        known |= {enclave.name: enclave.label for enclave in self.enclaves}
        if name not in known:
            raise ApplianceError(
                f"{name!r} is no registered destination",
                rule="what leaves goes to a medium or enclave with a label (site.yml, exchange.destinations)",
                remedy=f"one of {', '.join(known)}; or have two officers sign a site.yml with it",
            )
        return known[name]

    @property
    def certification_policy(self) -> Certification:
        """What decides about models here."""
        return self.certification or standard()

    @property
    def system_high(self) -> Enclave:
        """The reserved enclave of the log."""
        return next(enclave for enclave in self.enclaves if enclave.system_high)

    def enclave(self, name: str) -> Enclave:
        """The enclave called ``name``.

        Raises:
            ApplianceError: there is none.
        """
        for enclave in self.enclaves:
            if enclave.name == name:
                return enclave
        raise ApplianceError(
            f"no enclave is called {name!r}",
            rule="an enclave is called as site.yml calls it",
            remedy=f"one of {', '.join(e.name for e in self.enclaves)}",
        )


def validated(model: type[Statement], data: Any, where: str) -> Statement:
    """``data`` of a site's statement as its model.

    Args:
        model: what it must be.
        data: parsed YAML or JSON.
        where: the file, for the error.

    Raises:
        ApplianceError: the first finding, as one clear refusal that names file and field.
    """
    required = [field.alias or name for name, field in model.model_fields.items() if field.is_required()]
    if not isinstance(data, dict) or (required and not {*model.model_fields, *required} & set(data)):
        raise ApplianceError(
            f"{where}: is not what it should be, but {canonical.described(data)}",
            rule=f"it has the fields {', '.join(required)}",
            remedy="name the right file, or see the example in the documents",
        )
    try:
        return model.model_validate(data)
    except ValidationError as error:
        field, why = first_words(error)
        draft = f"correct {field} in {where}"
        signed = f"correct {field} in the YAML that it was signed from, and have two officers sign it again"
        raise ApplianceError(
            f"{where}: {field}: {why}",
            rule="the site's statements are checked whole before anything changes (docs/sysadmin/people-and-access.md)",
            remedy=signed if where.endswith(".dsse.json") else draft,
        ) from error


def check_services(site: Site, catalogue: Catalogue, where: str = "site.yml") -> None:
    """Refuse a site whose enclaves run what the bundle's catalogue does not offer, or not there.

    Raises:
        ApplianceError: names the enclave, the service and the rule.
    """
    for number, enclave in enumerate(site.enclaves):
        field = f"{where}: enclaves.{number}.services"
        for service in enclave.services:
            if service not in catalogue:
                raise ApplianceError(
                    f"{field}: {enclave.name!r} runs {service!r}, which the bundle does not offer",
                    rule="a site names services of the bundle's catalogue",
                    remedy=f"one of {', '.join(manifest.name for manifest in catalogue)}",
                )
            if catalogue[service].system_high != enclave.system_high:
                place = "the system-high enclave alone" if catalogue[service].system_high else "no system-high enclave"
                raise ApplianceError(
                    f"{field}: {enclave.name!r} runs {service!r}, which belongs into {place}",
                    rule="the reserved enclave of the log runs the services made for it, and nothing else",
                )
        _check_engine(enclave, catalogue, f"{where}: enclaves.{number}.engine")


def _check_engine(enclave: Enclave, catalogue: Catalogue, field: str) -> None:
    engine, asked = catalogue.engine, enclave.engine
    if asked == Engine():
        return
    if engine is None or engine.name not in enclave.services:
        raise ApplianceError(
            f"{field}: {enclave.name!r} runs no engine",
            rule="devices and variants are of the service that serves models",
            remedy="leave engine out, or have the enclave run that service",
        )
    variant = engine.variant(asked.variant)
    if variant is None:
        raise ApplianceError(
            f"{field}.variant: {asked.variant!r} is no variant of {engine.name!r}",
            rule="a site names variants of the bundle's catalogue",
            remedy=f"one of {', '.join(one.name for one in engine.variants) or 'none'}",
        )
    if variant.accelerator != bool(asked.devices):
        needs = "is given no device" if variant.accelerator else "uses no device"
        raise ApplianceError(
            f"{field}.devices: {variant.name} {needs}",
            rule="an accelerator belongs to one enclave, and a variant that uses none is given none",
            remedy="name the device nodes" if variant.accelerator else "leave devices out, or name another variant",
        )


def check_handed_over(before: Site | None, after: Site) -> None:
    """Refuse a site by which a device passes from one enclave to another in one step.

    In between it belongs to nobody: engines stop, and what is in its memory is removed and looked for.

    Raises:
        ApplianceError: names the device and both enclaves.
    """
    had = before.owners if before else {}
    for device, owner in after.owners.items():
        if had.get(device, owner) != owner:
            raise ApplianceError(
                f"{device}: goes from {had[device]!r} to {owner!r}",
                rule="a device changes its owner by way of a generation in which nobody has it (ADR 213)",
                remedy="install a site without it, look for remains in its memory, then install this one",
            )


def parse_site(data: Any, where: str = "site.yml") -> Site:
    """Validate the data of ``site.yml``.

    Raises:
        ApplianceError: names the field and the rule.
    """
    return validated(Site, data, where)


def load_site(path: Path) -> Site:
    """Read an unsigned ``site.yml``, as its author has it on the desk.

    Raises:
        ApplianceError: the file cannot be read or a field breaks a rule.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ApplianceError(f"{path} cannot be read: {error}") from error
    return parse_site(read_document(data, path.name), path.name)
