"""`appliance enclave`."""

from appliance.cli.enclave import backup as enclave_backup
from appliance.cli.enclave import erase as enclave_erase
from appliance.cli.enclave import exchange as enclave_exchange
from appliance.cli.shared.commands import Commands
from appliance.cli.shared.options import ROOT, AnyRoot, EnclaveName, Json
from appliance.cli.site.access import AccessFile, SiteFile, SubjectsFile, judged, show, today

app = Commands("enclave")
app.command()(enclave_backup.backup)
app.command()(enclave_backup.restore)
app.command("undo-restore")(enclave_backup.undo_restore)
app.command("verify-backup")(enclave_backup.verify_backup)
app.command("prune-backups")(enclave_backup.prune_backups)
app.command("backup-key")(enclave_backup.backup_key)
app.command("import")(enclave_exchange.import_)
app.command()(enclave_exchange.export)
app.command()(enclave_exchange.approve)
app.command()(enclave_exchange.release)
app.command("sign-erasure")(enclave_erase.sign_erasure)
app.command()(enclave_erase.erase)


@app.callback()
def enclave() -> None:
    """Answer questions about one enclave, move data in and out, back it up and restore it."""


@app.command()
def access(
    name: EnclaveName,
    *,
    root: AnyRoot = ROOT,
    site: SiteFile = None,
    subjects: SubjectsFile = None,
    rules: AccessFile = None,
    as_json: Json = False,
) -> None:
    """Say who can reach what in an enclave, by the signed statements or by files that nobody has signed yet.

    Example: appliance enclave access secret --subjects subjects.yml
    """
    from appliance.monitor.decide.access import reach  # keeps `appliance --help` quick

    where, registry, policy = judged(root, site, subjects, rules)
    asked, day = where.enclave(name), today().date()
    show([reach(one, asked, where, policy, day) for one in registry.subjects], "subject", as_json=as_json)
