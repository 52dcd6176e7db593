"""The MLS appliance: a labelled workbench for people and models on a host without a network."""

__version__ = "0.1.0"
