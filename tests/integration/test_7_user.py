"""The program on the user's page runs, before a later test changes the policy that the model is certified for."""

import re
import subprocess
import sys

from demo.instance import REPOSITORY, Instance


def test_a_user_asks_the_model_as_the_document_says(site: Instance) -> None:
    text = (REPOSITORY / "docs" / "user.md").read_text()
    program = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    program = program.replace("10.77.0.", f"10.77.{site.block}.").replace('"build/', f'"{site.build}/')
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("SECRET//REL TO USA, GBR ")
