"""Say in words what a request asks people to sign; they read it before they do."""

from collections import Counter, defaultdict

from appliance.trust.fingerprint import fingerprint
from appliance.trust.repository.metadata import parse, targets_of
from appliance.trust.repository.request import SigningRequest
from appliance.trust.repository.root import registered


def describe(request: SigningRequest) -> list[str]:
    """Lines about a request: what it changes or publishes, who signed, what is next."""
    lines = _root_lines(request) if request.next_root else _repository_lines(request)
    for name in sorted(request.documents):
        lines.append(f"  {name}: signed by {', '.join(sorted(request.signed_by(name))) or 'nobody'}")
    lines.append(f"  both algorithms: {', '.join(sorted(request.approved_by())) or 'nobody'}")
    return [f"first root {fingerprint(request.chain.roots[0])}  (compare with the paper)", *lines, request.next_step()]


def _repository_lines(request: SigningRequest) -> list[str]:
    targets = parse(request.documents["targets.json"], "targets", "targets.json").signed
    listed = targets_of(targets).values()
    lines = [f"publishes version {targets.version}, expires {targets.expires:%Y-%m-%d}: {len(listed)} files"]
    sizes: dict[str, int] = defaultdict(int)
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for target in listed:
        sizes[target.custom.kind] += target.length
        labels[target.custom.kind][target.custom.label] += 1
    for kind in sorted(sizes):
        marked = ", ".join(f"{label} ({count})" for label, count in sorted(labels[kind].items()))
        lines.append(f"  {kind}: {sizes[kind]} bytes, {marked}")
    return lines


def _root_lines(request: SigningRequest) -> list[str]:
    ((name, data),) = request.documents.items()
    before, after = request.people, registered(parse(data, "root", name).signed)
    lines = [f"changes who signs: {name}"]
    for person in sorted(set(before.people) | set(after.people)):
        old, new = before.people.get(person), after.people.get(person)
        change = "joins" if old is None else "leaves" if new is None else "has new keys" if old != new else "stays"
        lines.append(f"  {person} {change}")
    lines.append(
        f"  {before.threshold} of {len(before.people)} sign now, {after.threshold} of {len(after.people)} then"
    )
    builders = {*before.builders, *after.builders}
    changed = [name for name in builders if before.builders.get(name) != after.builders.get(name)]
    return lines + [f"  the keys of builder {name} change" for name in sorted(changed)]
