"""The networks of the enclaves, and the packet rules that stand whether or not podman's do."""

import json
import subprocess
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from appliance.enclave.render import LABEL_KEY, network_names, networks
from appliance.enclave.site import Enclave, Site
from appliance.errors import ApplianceError
from appliance.host.enforce.podman import Podman

TABLE = "appliance"


def create_networks(podman: Podman, enclave: Enclave) -> bool:
    """Create the inner and outer network of ``enclave`` unless they exist; True when one was made."""
    existing = {network["name"] for network in json.loads(podman.run(["network", "ls", "--format", "json"]).stdout)}
    changed = False
    for network in networks(enclave):
        if network.name not in existing:
            _remove_bridges([network.subnet])
            options = ["--internal"] if network.internal else []
            options += ["--disable-dns", "--subnet", str(network.subnet), "--label", f"{LABEL_KEY}={network.label}"]
            podman.run(["network", "create", *options, network.name])
            changed = True
    return changed


def remove_networks(podman: Podman, *, keep: Iterable[Enclave] = ()) -> bool:
    """Remove every network but those of the enclaves ``keep`` and podman's own default; True when there was one."""
    kept = {"podman", *(name for enclave in keep for name in network_names(enclave))}
    networks = json.loads(podman.run(["network", "ls", "--format", "json"]).stdout)
    strangers = [network for network in networks if network["name"] not in kept]
    for network in strangers:
        podman.run(["network", "rm", "-f", network["name"]], check=False)
    _remove_bridges(ip_network(subnet["subnet"]) for network in strangers for subnet in network.get("subnets") or [])
    return bool(strangers)


def _remove_bridges(subnets: Iterable[IPv4Network | IPv6Network]) -> None:
    """Remove bridges of podman that no network has any more: a killed one leaves its bridge, which takes a subnet."""
    wanted = list(subnets)
    listed = subprocess.run(["ip", "-json", "address", "show"], text=True, capture_output=True, check=True).stdout
    for link in json.loads(listed):
        addresses = [ip_address(address["local"]) for address in link["addr_info"]]
        if link["ifname"].startswith("podman") and any(a in subnet for a in addresses for subnet in wanted):
            subprocess.run(["ip", "link", "delete", link["ifname"]], capture_output=True, check=False)


def ruleset(site: Site) -> str:
    """The nftables rules of ``site``: nothing from an enclave reaches the host, another enclave or the outside.

    Within one network, packets pass (they cross FORWARD where br_netfilter is loaded); from outside, only what podman
    redirected to a gateway passes. The chains run before podman's own (priority -10), and a drop is final.
    """
    enclaves = ", ".join(str(enclave.network) for enclave in site.enclaves)
    lines = [f"table inet {TABLE} {{", "  chain input {", "    type filter hook input priority -10; policy accept;"]
    lines += [
        f"    ip saddr {{ {enclaves} }} ct state established,related accept",
        f"    ip saddr {{ {enclaves} }} counter drop",
        '    iifname "podman*" ip6 saddr ::/0 counter drop',
        "  }",
        "  chain forward {",
        "    type filter hook forward priority -10; policy accept;",
        f"    ip saddr {{ {enclaves} }} ct state established,related accept",
    ]
    lines += [f"    ip saddr {net} ip daddr {net} accept" for e in site.enclaves for net in (e.inner, e.outer)]
    lines += [f"    ip daddr {e.outer} ct status dnat ip saddr != {{ {enclaves} }} accept" for e in site.enclaves]
    lines += [
        f"    ip saddr {{ {enclaves} }} counter drop",
        f"    ip daddr {{ {enclaves} }} counter drop",
        '    iifname "podman*" meta nfproto ipv6 counter drop',
        "  }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def apply_rules(site: Site) -> None:
    """Put the rules of ``site`` in force in one transaction.

    Raises:
        ApplianceError: nft refused them.
    """
    text = f"table inet {TABLE}\ndelete table inet {TABLE}\n{ruleset(site)}"
    result = subprocess.run(["nft", "-f", "-"], input=text, text=True, capture_output=True, check=False)
    if result.returncode != 0:
        raise ApplianceError(f"nft refused the rules: {result.stderr.strip()}", rule="no packet rules, no enclave")


def rules_in_force() -> str:
    """The appliance's table as the kernel has it, without counters; empty where there is none."""
    listed = ["nft", "--stateless", "list", "table", "inet", TABLE]
    return subprocess.run(listed, text=True, capture_output=True, check=False).stdout


def rules_wanted(site: Site) -> str:
    """The table of ``site`` as the kernel would list it: loaded into a network of its own that nothing else is in.

    Raises:
        ApplianceError: nft refused the rules.
    """
    command = ["unshare", "--net", "sh", "-c", f"nft -f - && nft --stateless list table inet {TABLE}"]
    result = subprocess.run(command, input=ruleset(site), text=True, capture_output=True, check=False)
    if result.returncode != 0:
        raise ApplianceError(f"nft refused the rules: {result.stderr.strip()}")
    return result.stdout


def published(enclave: Enclave) -> bool:
    """Whether podman's rules lead the enclave's address to its gateway."""
    saved = subprocess.run(["iptables-save", "-t", "nat"], text=True, capture_output=True, check=False).stdout
    target = f"--to-destination {enclave.outer.network_address + 2}:443"
    return any(f"-d {enclave.address}" in line and target in line for line in saved.splitlines())


def remove_rules() -> None:
    """Take the appliance's packet rules away."""
    subprocess.run(["nft", "delete", "table", "inet", TABLE], capture_output=True, check=False)
