"""Every activity that monitor, commands and host record, who records it and what it means.

What services record is in their manifests (`appliance.contract.manifest`).

``docs/reference/activities.md`` is made from this list, and a test compares the list with the code that records. The
activity of a decision about a request is the action that the access policy names, for example ``read``.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Activity:
    """One activity.

    Attributes:
        name: as it stands in the record.
        recorders: services, commands and parts of the host that record it.
        meaning: what happened, and when the record is made where that matters.
        inputs: what the digests in ``inputs`` are of.
        outputs: what the digests in ``outputs`` are of.
    """

    name: str
    recorders: tuple[str, ...]
    meaning: str
    inputs: str = ""
    outputs: str = ""


MONITOR_ACTIVITIES = (
    Activity("session.open", ("monitor",), "A person opened a session, or was refused one."),
    Activity("session.close", ("monitor",), "A person ended a session."),
    Activity(
        "session.offer",
        ("monitor",),
        "A browser without a session asked for a page and was shown how to open one. Nothing was denied.",
    ),
    Activity(
        "request.repeat",
        ("monitor",),
        "Files of a service's image went to the same session so many times more, after the request that is named.",
    ),
    Activity("job.grant", ("monitor",), "A service received a grant, with which a job works on a person's behalf."),
    Activity(
        "job.context",
        ("monitor",),
        "A job received a context for a minute, once the rights of its person were looked at again. Recorded before.",
    ),
    Activity(
        "review.cosign",
        ("monitor", "appliance audit accept"),
        "An officer's cosignature on a checkpoint was verified and kept.",
    ),
    Activity("review.overdue", ("monitor",), "No checkpoint was cosigned for seven days. Recorded once a day."),
    Activity("spool.gap", ("monitor",), "A line of the spool is missing or changed, so events may be lost."),
    Activity(
        "record.unattributed",
        ("monitor",),
        "A service asked for a record that its manifest does not list, or in nobody's name. It was refused.",
    ),
    Activity("record.refuse", ("monitor",), "So many requests of an enclave were refused without a record."),
    Activity(
        "identity.flood",
        ("monitor",),
        "So many requests of nobody whom the site's certificates identify were refused, beyond those recorded singly.",
    ),
    Activity(
        "gateway.count",
        ("monitor",),
        "So many requests at a gateway were closed unanswered, were broken off, or had no answer that may leave.",
    ),
    Activity(
        "subject.flood",
        ("monitor",),
        "A person or a service caused more records than its budget allows. So many of its requests had no effect.",
    ),
    Activity("quota.exceed", ("monitor",), "An enclave recorded more than its quota allows."),
    Activity("storage.good", ("monitor",), "The disk of the log has room again."),
    Activity("storage.warn", ("monitor",), "The disk of the log is 75 % full."),
    Activity("storage.administration", ("monitor",), "It is 95 % full, and only the system-high enclave goes on."),
    Activity("storage.halt", ("monitor",), "16 MiB are left on it, and officers may only read."),
    Activity("load", ("monitor",), "The monitor started, with the access policy that the record names."),
    Activity("stop", ("monitor",), "The monitor stopped."),
    Activity("apply", ("monitor",), "New subjects or access rules were put in force, or were refused."),
)
"""What the monitor records of itself. Its decisions about requests have the action of the access policy instead."""

HOST_ACTIVITIES = (
    Activity(
        "install", ("appliance host install",), "A bundle was proven and copied. Recorded before it takes effect."
    ),
    Activity("return", ("appliance host install", "appliance host recover"), "An update did not become healthy."),
    Activity("rollback", ("appliance host rollback",), "The generation before the current one was put in force again."),
    Activity("release", ("appliance host inventory",), "An approved inventory of this host was written."),
    Activity(
        "calendar.due",
        ("watcher",),
        "Something expired or is due to be renewed. Recorded once a day.",
    ),
    Activity(
        "host.backup",
        ("appliance host backup",),
        "A backup of the host was begun, or was made. Recorded before it is written, and again with its digest.",
        outputs="the archive",
    ),
    Activity(
        "host.restore",
        ("appliance host restore",),
        "The first record of a log that follows another: how that one ended, and what is known to be lost.",
    ),
    Activity(
        "space.free",
        ("appliance host free",),
        "Cold copies, failed generations or bundles of no use were deleted. Recorded before.",
    ),
    Activity(
        "database.upgrade",
        ("appliance host install",),
        "The enclaves' databases go from one major of PostgreSQL to another. Recorded before they do.",
    ),
    Activity(
        "database.close",
        ("appliance host close-upgrade",),
        "Two officers closed such an upgrade: the clusters of the major before are deleted. Recorded before.",
    ),
    Activity(
        "log.end",
        ("appliance host rotate",),
        "The first record of a log that follows another, whose key was replaced: its name, records and root.",
    ),
    Activity(
        "key.rotate",
        ("appliance host rotate",),
        "A key of this host was replaced, as the record names. Recorded before it takes effect.",
    ),
    Activity("verify", ("watcher",), "What runs differs from what was admitted, or no longer differs."),
    Activity(
        "container.admit",
        ("admission hook", "network hook", "podman guard"),
        "A container, a network or a podman command was refused, or a podman exec was let pass.",
    ),
    Activity(
        "certificate.install",
        ("appliance model install",),
        "A model's certificate was installed in an enclave.",
        inputs="the certificate",
    ),
    Activity(
        "statement.revoke",
        ("appliance site revoke",),
        "Two officers withdrew what was signed before. Recorded before it takes effect.",
        inputs="the payload that is withdrawn",
    ),
    Activity(
        "time.attest",
        ("appliance site attest-time",),
        "Two officers attested the right time after the clock was wrong. Recorded before it takes effect.",
    ),
    Activity(
        "data.import",
        ("appliance enclave import",),
        "A file's tasks were added as their user: once before, and once they were added, with their identifiers.",
        inputs="the file",
    ),
    Activity(
        "data.export",
        ("appliance enclave release",),
        "A held export was written to a medium with the approval of two officers.",
        inputs="what the service gave",
        outputs="the released file",
    ),
    Activity(
        "enclave.backup",
        ("appliance enclave backup",),
        "A backup was begun, and a second record when it was done.",
        outputs="the archive",
    ),
    Activity(
        "backup.delete",
        ("appliance enclave prune-backups",),
        "Older backups of an enclave were deleted, and parts of objects that no newer one needs. Recorded before.",
    ),
    Activity(
        "enclave.restore",
        ("appliance enclave restore", "appliance enclave undo-restore"),
        "A backup was restored, or its restoration was undone.",
        inputs="the archive",
    ),
    Activity(
        "enclave.erase",
        ("appliance enclave erase",),
        "Keys, data and copies of an enclave were erased. Recorded before.",
    ),
    Activity(
        "review.finish",
        ("appliance audit review",),
        "An officer wrote a note to each finding of a review. The record holds the notes.",
    ),
    Activity("evidence.export", ("appliance audit export",), "Records were exported as an archive of evidence."),
    Activity(
        "evidence.pack",
        ("appliance evidence pack",),
        "What the host showed of each control was packed for an accreditor. Recorded before the archive is written.",
    ),
    Activity("prompt.compare", ("appliance audit prompt",), "The log was searched for who asked a model a given text."),
    Activity("spill.trace", ("appliance spill trace",), "The log was searched for where a record went."),
    Activity("log.anchor", ("appliance audit anchor",), "The log's checkpoint was written to leave the host."),
    Activity("policy.load", ("appliance audit policy",), "The policy that says who must cosign was installed."),
    Activity(
        "break-glass.start", ("appliance audit break-glass start",), "Two officers lent a person roles or groups."
    ),
)
"""What commands and the host's own parts record, through the spool."""

ACTIVITIES = MONITOR_ACTIVITIES + HOST_ACTIVITIES
