"""Objects of a service: files of any size on its volume, each restricted, uploaded in parts and checked by a job.

The volume holds nothing but ciphertext. The key of an object is in its row, which opens for a context of who may read
it; so whoever holds the service's process reads no file of people who have not just asked, and erasing the key erases
the file.
"""

from appliance.service.objects.check import CHECK, Declared, Examiner, Files, check_file
from appliance.service.objects.kept import CurrentObjects, Object, Objects
from appliance.service.objects.serve import served
from appliance.service.objects.volume import PART, Content, Volume

__all__ = [
    "CHECK",
    "PART",
    "Content",
    "CurrentObjects",
    "Declared",
    "Examiner",
    "Files",
    "Object",
    "Objects",
    "Volume",
    "check_file",
    "served",
]
