"""Offline ceremonies: what is to be signed travels to each person on media and comes back signed.

A request holds whole metadata files. People first sign each of them; when enough have, the exact bytes stand, and
people sign these with both algorithms. So with two people of three, a request goes to the first, to the second, and
once more to the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tuf.api.metadata import Metadata

from appliance.errors import ApplianceError, first_finding
from appliance.trust import canonical, dsse
from appliance.trust.repository import hybrid
from appliance.trust.repository.chain import RootChain, approval_name
from appliance.trust.repository.metadata import add_signature, check_signatures, parse, role_keys
from appliance.trust.repository.root import CanonicalSerializer, Person, Registered, make_root, registered

LIMIT = 128 << 20


RULE = "a signing request is the file that `appliance bundle request` or `appliance keys change` made"
REMEDY = "name that file, or make it again"


class RequestError(ApplianceError):
    """A signing request that cannot be read or signed."""


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    type: Literal["signing-request"] = Field(alias="_type")
    chain: dict[str, str]
    documents: dict[str, str] = Field(min_length=1)
    envelope: str | None


@dataclass(frozen=True)
class SigningRequest:
    """What is to be signed, with the signatures so far.

    Attributes:
        chain: the roots by which the signatures will be judged.
        documents: metadata files by name: the three roles of a repository, or one next root.
        envelope: the signatures with both algorithms over the exact bytes, once the documents stand.
    """

    chain: RootChain
    documents: dict[str, bytes]
    envelope: bytes | None = None

    @classmethod
    def decode(cls, data: bytes, name: str) -> Self:
        """Read a request file.

        Raises:
            ApplianceError: not in its form, or the chain of roots does not hold.
        """
        value = canonical.decode(data, name)
        if not isinstance(value, dict) or value.get("_type") != "signing-request":
            raise RequestError(
                f"{name}: is not a signing request, but {canonical.described(value)}", rule=RULE, remedy=REMEDY
            )
        try:
            form = _Form.model_validate(canonical.decode_canonical(data, name))
        except ValidationError as error:
            raise RequestError(
                f"{name}: not a signing request: {first_finding(error)}", rule=RULE, remedy=REMEDY
            ) from error
        request = cls(
            chain=RootChain.pick({file: text.encode() for file, text in form.chain.items()}),
            documents={file: text.encode() for file, text in form.documents.items()},
            envelope=form.envelope.encode() if form.envelope is not None else None,
        )
        request.chain.verify()
        roles = {"targets.json", "snapshot.json", "timestamp.json"}
        if set(request.documents) not in (roles, {f"{len(request.chain) + 1}.root.json"}):
            raise RequestError(
                f"{name}: asks for signatures on neither a repository nor the next root",
                rule="a request is about one bundle or about the next root",
                remedy="make it again: appliance bundle request, or appliance keys change",
            )
        for file, document in request.documents.items():
            metadata = parse(document, _kind(file), file)
            check_signatures(metadata, request._permitted(metadata), file)
        request.approved_by()
        return request

    def encode(self) -> bytes:
        """The bytes of the request file."""
        form = _Form(
            _type="signing-request",
            chain={name: data.decode() for name, data in self.chain.files.items()},
            documents={name: data.decode() for name, data in self.documents.items()},
            envelope=self.envelope.decode() if self.envelope is not None else None,
        )
        return canonical.encode(form.model_dump(by_alias=True))

    @property
    def next_root(self) -> bool:
        """Whether it is about a next root, not about a repository."""
        return any(name.endswith(".root.json") for name in self.documents)

    @property
    def people(self) -> Registered:
        """Who decides: the people of the last root that is in force."""
        return registered(self.chain.current())

    def signed_by(self, name: str) -> set[str]:
        """Names of those who signed a document."""
        names = {keys[0].keyid: person for person, keys in self._everyone().items()}
        return {names[keyid] for keyid in _signatures(self.documents[name])}

    def documents_stand(self) -> bool:
        """Whether enough people signed every document, so that its bytes change no more."""
        for name, data in self.documents.items():
            signers, deciding = self.signed_by(name), self.people
            if len(signers & set(deciding.people)) < deciding.threshold:
                return False
            if self.next_root:
                joining = registered(parse(data, "root", name).signed)
                if len(signers & set(joining.people)) < joining.threshold:
                    return False
        return True

    def approved_by(self) -> set[str]:
        """Names of those who signed the exact bytes with both algorithms."""
        if self.envelope is None:
            return set()
        return set(hybrid.verify(self.envelope, self.covered(), self.people.people, 1))

    def complete(self) -> bool:
        """Whether nobody needs to sign any more."""
        return self.documents_stand() and len(self.approved_by()) >= self.people.threshold

    def sign(self, person: Person) -> "SigningRequest":
        """The request with everything that ``person`` can sign now; the same request when that is nothing.

        Raises:
            RequestError: the person is not registered with these keys.
        """
        if self._everyone().get(person.name) != person.public:
            raise RequestError(
                f"{person.name} is not registered with these two keys",
                rule="root.json names who signs",
                remedy="sign with both keys of a person of the root; others join by appliance keys change",
            )
        request = self if self.documents_stand() else self._sign_documents(person)
        if request.documents_stand() and person.name in request.people.people and not request.complete():
            covered = request.covered()
            envelope = request.envelope or hybrid.sign(covered, [])
            for key in (person.classical, person.quantum_safe):
                envelope = dsse.in_order(dsse.add_signature(envelope, key, hybrid.FILE), hybrid.FILE)
            request = SigningRequest(request.chain, request.documents, envelope)
        return request

    def next_step(self) -> str:
        """What has to happen now, for people."""
        if self.complete():
            return "complete: everybody who must has signed"
        if not self.documents_stand():
            signed = set.intersection(*(self.signed_by(name) for name in self.documents))
            waiting = sorted(set(self._everyone()) - signed)
            return f"signatures are missing; carry it to one of: {', '.join(waiting)}"
        waiting = sorted(set(self.people.people) - self.approved_by())
        return f"now the exact bytes are signed with both algorithms; carry it to one of: {', '.join(waiting)}"

    def files(self) -> dict[str, bytes]:
        """The finished metadata files by name.

        Raises:
            RequestError: signatures are missing.
        """
        if not self.complete() or self.envelope is None:
            raise RequestError("the request is not signed by enough people", remedy=self.next_step())
        if self.next_root:
            return self.chain.files | self.documents | {approval_name(len(self.chain) + 1): self.envelope}
        return self.covered() | {hybrid.FILE: self.envelope}

    def covered(self) -> dict[str, bytes]:
        """The files whose exact bytes are signed with both algorithms."""
        if self.next_root:
            return self.documents
        return self.chain.files | {"root.json": self.chain.roots[-1]} | self.documents

    def _sign_documents(self, person: Person) -> "SigningRequest":
        documents = {}
        for name, data in self.documents.items():
            metadata = parse(data, _kind(name), name)
            keyid = person.classical.public.keyid
            if keyid in self._permitted(metadata) and keyid not in metadata.signatures:
                add_signature(metadata, person.classical)
            documents[name] = metadata.to_bytes(CanonicalSerializer())
        return SigningRequest(self.chain, documents, None)

    def _permitted(self, metadata: Metadata[Any]) -> dict[str, Any]:
        role = metadata.signed.type
        keys = role_keys(self.chain.current(), role)
        return keys | role_keys(metadata.signed, "root") if role == "root" else keys

    def _everyone(self) -> Mapping[str, Any]:
        everyone = dict(self.people.people)
        if self.next_root:
            (data,) = self.documents.values()
            everyone |= registered(parse(data, "root", "next root").signed).people
        return everyone


def sign_with_all(request: SigningRequest, people: Sequence[Person]) -> SigningRequest:
    """Carry a request to each of ``people``, twice, as long as it is not complete; for keys that are in one place."""
    for person in (*people, *people):
        if not request.complete():
            request = request.sign(person)
    return request


def request_next_root(chain: RootChain, enrolled: Registered, expires: datetime) -> SigningRequest:
    """Ask for a next root that registers ``enrolled``: enough of the people before and after sign it.

    Raises:
        ApplianceError: the threshold does not fit the people.
    """
    number = len(chain) + 1
    data = make_root(enrolled, version=number, expires=expires, signers=[])
    return SigningRequest(chain, {f"{number}.root.json": data})


@lru_cache(maxsize=64)
def _signatures(document: bytes) -> frozenset[str]:
    """Key ids of a document's signatures; kept, because large documents are asked again and again."""
    return frozenset(each["keyid"] for each in canonical.decode(document, "document")["signatures"])


def _kind(name: str) -> str:
    return "root" if name.endswith(".root.json") else name.removesuffix(".json")
