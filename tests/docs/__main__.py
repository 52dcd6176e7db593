"""Write the pages of `docs/reference/` from the code: `make docs`."""

from tests.docs.markdown import REPOSITORY
from tests.docs.reference import write

for page in write():
    print(f"written: {page.relative_to(REPOSITORY)}")
