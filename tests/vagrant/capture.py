"""Every packet that a machine sends, seen at its cables from outside, where nothing on the machine can hide one."""

import errno
import ipaddress
import socket
import struct
import subprocess
import threading
from typing import Self

from tests.vagrant.machine import Machine

ETH_P_ALL, ETH_P_IP, ETH_P_ARP, ETH_P_IPV6 = 0x0003, 0x0800, 0x0806, 0x86DD
SITE_NETWORKS = [ipaddress.ip_network(text) for text in ("10.77.5.0/24", "10.77.105.0/24")]


def destination(frame: bytes) -> str:
    """Where a frame wants to go: the address of IP or ARP; the number of any other protocol."""
    (kind,) = struct.unpack_from("!H", frame, 12)
    if kind == ETH_P_IP:
        return str(ipaddress.ip_address(frame[30:34]))
    if kind == ETH_P_ARP:
        return str(ipaddress.ip_address(frame[38:42]))
    if kind == ETH_P_IPV6:
        return str(ipaddress.ip_address(frame[38:54]))
    return f"protocol {kind:#06x}"


def leads_outside(address: str) -> bool:
    """Whether a destination is neither of the site nor bound to its own cable (broadcast, multicast of the link)."""
    try:
        target = ipaddress.ip_address(address)
    except ValueError:
        return True
    if target.is_multicast or address == "255.255.255.255" or target.is_unspecified:
        return False
    return not any(target in network for network in SITE_NETWORKS if network.version == target.version)


class Capture:
    """Packets that ``machine`` sends from now on.

    Attributes:
        destinations: where they went, and how many.
    """

    def __init__(self, machine: Machine) -> None:
        listed = subprocess.run(
            ["virsh", "-q", "domiflist", machine.domain], capture_output=True, text=True, check=True
        ).stdout
        rows = [line.split() for line in listed.splitlines() if line.strip()]
        self.destinations: dict[str, int] = {}
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._listen, args=(row[0], row[4]), daemon=True) for row in rows]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    @property
    def outside(self) -> dict[str, int]:
        """Destinations that are not of the site."""
        return {where: count for where, count in self.destinations.items() if leads_outside(where)}

    def _listen(self, interface: str, address: str) -> None:
        own = bytes.fromhex(address.replace(":", ""))
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as cable:
            cable.bind((interface, 0))
            cable.settimeout(1)
            while not self._stopped.is_set():
                try:
                    frame = cable.recv(65535)
                except TimeoutError:
                    continue
                except OSError as error:
                    if error.errno == errno.ENETDOWN:  # its power was cut
                        return
                    raise
                if frame[6:12] == own:
                    where = destination(frame)
                    self.destinations[where] = self.destinations.get(where, 0) + 1
