"""What the host itself enforces: podman's configuration, packet rules, hardening."""
