"""The way to the data foundry: a version is read under a job's grant, through the enclave's gateway, and proven here.

Nothing of it is kept: a run reads it again, so what was withdrawn meanwhile is learned by no run, and whoever takes
this service over finds no data of runs that are over.
"""

from http import HTTPStatus
from uuid import UUID

import httpx
from fastapi.concurrency import run_in_threadpool

from appliance.errors import ApplianceError
from appliance.markings import Label
from workbench.tuning.version import Version, read_version

SECONDS = 120
MOST_BYTES = 64 << 20
HEADER = "X-Appliance-Job"


class Foundry:
    """The labeling service of the enclave.

    Args:
        client: leads to the gateway.
        label: encoded label of the enclave.
    """

    def __init__(self, client: httpx.AsyncClient, label: str) -> None:
        self._client, self._label = client, Label.decode(label)

    async def version(self, grant: str, project: UUID, digest: str) -> Version:
        """The version with this digest (hexadecimal), every byte proven.

        Raises:
            ApplianceError: it does not come, or is not what its name says.
        """
        path = f"/labeling/api/export/{project}/versions/sha256:{digest}/all"
        manifest = await self._get(f"{path}/manifest", grant)
        proof = (await self._get(f"{path}/proof", grant)).split("\n")
        return await run_in_threadpool(read_version, manifest, proof, f"sha256:{digest}", self._label)

    async def _get(self, path: str, grant: str) -> str:
        data = b""
        try:
            async with self._client.stream("GET", path, headers={HEADER: grant}) as answer:
                if answer.status_code != HTTPStatus.OK:
                    raise ApplianceError(
                        "this version does not come from labeling",
                        rule="a run reads what its person may read, if officers let tuning export (docs/tuning.md)",
                        remedy="look whether the version is there, and whether you belong to its groups",
                    )
                async for piece in answer.aiter_bytes():
                    data += piece
                    if len(data) > MOST_BYTES:
                        raise ApplianceError(
                            "the version is too large",
                            rule=f"a run reads at most {MOST_BYTES >> 20} MiB",
                            remedy="divide the project",
                        )
            return data.decode()
        except (httpx.HTTPError, UnicodeDecodeError) as error:
            raise ApplianceError(
                "labeling does not answer through the gateway",
                remedy="try again; then the administrator looks at the log",
            ) from error
