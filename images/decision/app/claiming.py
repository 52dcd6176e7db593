"""The job that has the model write claims, stratum by stratum, each checked against the words that it quotes."""

from uuid import UUID

from appliance.markings import Restriction, parse_by_any
from appliance.service.database import Row
from appliance.service.jobs import Handler, Work
from workbench.citations.banner import banner_of
from workbench.citations.claims import Claim, Given, UnsupportedError, checked, prompt, strata
from workbench.citations.passages import restriction_of

from .asking import QUOTED
from .enclave import Enclave
from .model import Model, SilentModelError, model_client
from .store import questions, search

TRIES = 2
INSUFFICIENT = "insufficient information"


def claim_with(enclave: Enclave) -> Handler:
    """What runs jobs of this kind in ``enclave``."""

    async def claim(work: Work) -> None:
        identifier = UUID(work.job.spec["question"])
        async with work.transaction(writes=False) as transaction:
            question = await questions.get(transaction, identifier)
            found = await questions.quoted(transaction, identifier)
            rows = await search.shown(transaction, found, [])
        try:
            claims, message = await _claims(work, enclave, question, rows)
            state = "answered"
        except SilentModelError as error:
            claims, message, state = [], error.message, "failed"
        async with work.transaction() as transaction:
            await questions.answered(transaction, question, claims, state, message)
        work.result = {"claims": len(claims)}

    return claim


async def _claims(work: Work, enclave: Enclave, question: Row, rows: list[Row]) -> tuple[list[Claim], str]:
    """The claims of all strata, and what people should know of those that have none."""
    own = restriction_of(parse_by_any(question["portion"]), frozenset())
    claims, silent = [], []
    levels = strata(own, (Restriction.decode(row["restriction"]) for row in rows))
    async with model_client(enclave.gateway, enclave.paths) as client:
        model = Model(client, str(question["model"]), work.grant)
        context = await model.context()
        for number, stratum in enumerate(levels):
            work.check()
            work.progress(number, len(levels))
            given = await _given(work, question["text"], stratum)
            marks = [question["portion"], *(one.portion for one in given)]
            portion = banner_of(marks, enclave.vocabulary).portion
            wrote = await _asked(model, question["text"], given, stratum, portion, context)
            claims += wrote
            if not wrote:
                silent.append(f"({portion}) {INSUFFICIENT}")
    return claims, "; ".join(silent)


async def _given(work: Work, text: str, stratum: Restriction) -> list[Given]:
    """What a reader who may read nothing outside the stratum would find, with the statistics that they would have."""
    async with work.transaction(writes=False) as transaction:
        terms = await search.terms_of(transaction, text)
        found = await search.search(transaction, terms, QUOTED, within=stratum)
        rows = await search.shown(transaction, found, [])
    return [
        Given(row["document"], row["number"], row["portion"], row["text"], Restriction.decode(row["restriction"]))
        for row in rows
    ]


async def _asked(
    model: Model, text: str, given: list[Given], stratum: Restriction, portion: str, context: int
) -> list[Claim]:
    """What the model claims in one stratum; nothing when it is not supported after ``TRIES`` tries."""
    asked = prompt(text, given, context)
    for seed in range(1, TRIES + 1):
        try:
            return checked(await model.ask(asked, stratum, seed), asked, portion)
        except UnsupportedError:
            continue
    return []
