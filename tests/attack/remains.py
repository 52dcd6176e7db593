"""What each actor still can do: not prevented, known, and bounded where it says so."""

from tests.attack.row import Actor

REMAINS: dict[Actor, tuple[str, ...]] = {
    Actor.OUTSIDER: (
        "Sees that a gateway is there, its certificate, and when it answers slowly.",
        "Causes 2,000 single records, then one a second; beyond that only counts.",
        "Leaves no record with a TLS handshake that fails: nothing of it reaches a decision, and no request is in it.",
    ),
    Actor.LOW: (
        "Sees the enclaves' load in how long its own requests take.",
        "Causes 5,000 records in its enclave, then 300 a second; beyond that nothing takes effect for it.",
    ),
    Actor.HIGH: (
        "Chooses which public things below to read and when. What passes below by that is a declared channel.",
        "Carries what it read in its head, and on paper.",
    ),
    Actor.OFFICER: (
        "Reads every record of the log that its clearance dominates, names and paths included.",
        "Two officers together change subjects, access rules, roles for some hours, and what leaves.",
    ),
    Actor.LABELING: (
        "Reads, changes and loses what the people whom it serves may read and change there, while they are at work.",
        "Takes jobs that wait, and reads for each person what they may read there, with the groups of that job alone.",
        "Spends the records of its own service (5,000, then 300 a second) and its enclave's storage.",
        "Slows others by what the hardware shares: caches, memory, and the disk where its scheduler heeds no weights.",
    ),
    Actor.EVALUATION: (
        "Takes jobs that wait, and reads what each says with its person's grant; every such reading is a record.",
        "Falsifies the results of its own enclave's evaluations; a person recomputes and signs them.",
        "Asks the enclave's model in the name of whoever started a job, until that grant ends.",
        "Slows others as labeling does.",
    ),
    Actor.INFERENCE: (
        "Answers people of its enclave whatever it likes, with the enclave's marking on it.",
        "Keeps prompts of its enclave in its own volume.",
        "Slows others as labeling does.",
    ),
    Actor.CONSOLE: (
        "Reads the whole log, shows officers other words than it holds, and keeps what they search for.",
        "Cannot change the log: officers' own tools, which never touch the host, find what differs.",
    ),
    Actor.GATEWAY: (
        "Reads and changes all that passes between people and services of its enclave.",
        "Asks the monitor in the name of anybody whose certificate it saw, at its own enclave alone; each is a record.",
    ),
    Actor.DATABASE: ("Reads, changes and loses all data of its own enclave that are in PostgreSQL.",),
    Actor.NEIGHBOUR: (
        "Signals by load (processor, page cache, disk) to whom it agreed with. No reader below sees content by itself.",
    ),
    Actor.CARRIER: (
        "Withholds a medium, or brings one that is older than what the host has seen only to a host that saw none.",
        "Sees what is on it: a bundle is signed, not encrypted.",
    ),
    Actor.SYSADMIN: (
        "As root, can stop the watcher, use podman's own program and read every volume. It is found, not prevented.",
        "Can rewrite of the log what no officer has cosigned and nothing has anchored.",
    ),
}
