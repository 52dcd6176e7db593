"""Laws are about results; how long one example takes belongs to the machine, so there is no deadline."""

from hypothesis import settings

settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
