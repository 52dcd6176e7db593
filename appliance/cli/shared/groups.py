"""The groups of commands and what each is for; a group's module is imported when its name is used."""

GROUPS = {
    "keys": "Make and use the keys of people.",
    "bundle": "Build, verify and inspect bundles.",
    "site": "Check and sign the site's own statements: enclaves, subjects, access.",
    "user": "Issue subjects' certificates; say who they are and what they reach.",
    "enclave": "Answer questions about one enclave, move data in and out, back it up and restore it.",
    "host": "Install, check and remove the appliance on this host.",
    "model": "Certify models from their evaluation results.",
    "audit": "Verify, review and export the audit log.",
    "spill": "Find out where a record went that should not have been there.",
    "evidence": "Pack what an accreditor asks for into one archive, and verify one.",
    "monitor": "Run the reference monitor.",
    "marking": "Parse, check, roll up and compare classification markings.",
    "anchor": "Take the checkpoint off this host, and compare with it later.",
    "break-glass": "Lend one subject roles or groups for some hours; every use is reviewed.",
}
TOP = tuple(name for name in GROUPS if name not in {"anchor", "break-glass"})
"""The groups directly below `appliance`."""
