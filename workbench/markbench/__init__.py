"""MarkBench: whether a model can mark, and whether it spills. Tasks whose answers `appliance.markings` computes.

It needs nothing else of the appliance. The generator is public and its key is secret: item n of a hold-out is a
function of HMAC(key, suite, generation, n), so whoever gets the key afterwards can make hold-out and scores again.

Prior art: AccessDeniedInc (arXiv 2506.00964), sensitivity awareness of models that answer from company data; MIT's
derivative classification on the DISC set; TorchSight, data loss prevention. None has portion marks, roll-up, or a
lattice of need and release.
"""
