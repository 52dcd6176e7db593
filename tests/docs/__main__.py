"""Write the pages of `docs/reference/` and the schemas in `schemas/v1/` from the code: `make docs`."""

from tests.docs import schemas
from tests.docs.markdown import REPOSITORY
from tests.docs.reference import write

for page in write():
    print(f"written: {page.relative_to(REPOSITORY)}")
for schema in schemas.write():
    print(f"written: {schema}")
