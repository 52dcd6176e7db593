"""OCSF's classes as types: what each requires and forbids, so that an event of one is OCSF as soon as it is made.

An event is made for each decision, so its bytes are not read again for what its type proves. A test holds these types
against OCSF's own definitions in ``schemas/``, by which spooled events and ``appliance audit fsck`` are checked.
"""

from typing import Literal

from appliance.audit.events.ocsf import Actor, Api, Event, Metadata, Named, Resource
from appliance.audit.events.schema import EventError


class _Metadata(Metadata):
    """OCSF metadata of the classes that have no profile for models."""

    profiles: tuple[Literal["host", "security_control"], ...] | None = None


class Recorded(Event):
    """An event of a class that is known when it is made."""

    def record(self) -> tuple[str, bytes]:
        """As ``Event.record``; only what the types cannot say is looked at.

        Raises:
            EventError: its ``type_uid`` is of another class or activity.
        """
        if self.type_uid != self.class_uid * 100 + self.activity_id:
            raise EventError("the event's type_uid is not class_uid * 100 + activity_id", rule="OCSF 1.8.0, type_uid")
        return self.label, self.model_dump_json(exclude_none=True).encode()


class ApiActivity(Recorded):
    """OCSF class 6003: a call of an interface, and what services and commands do."""

    class_uid: Literal[6003]
    category_uid: Literal[6]
    activity_id: Literal[0, 1, 2, 3, 4, 99]
    actor: Actor
    api: Api
    src_endpoint: Named
    entity: None = None
    user: None = None
    dst_endpoint: None = None


class Authentication(Recorded):
    """OCSF class 3002: a session."""

    class_uid: Literal[3002]
    category_uid: Literal[3]
    activity_id: Literal[0, 1, 2, 3, 4, 5, 6, 7, 99]
    user: Named
    dst_endpoint: Named
    metadata: _Metadata
    api: None = None
    http_request: None = None
    src_endpoint: None = None
    resources: None = None
    entity: None = None
    ai_model: None = None


class EntityManagement(Recorded):
    """OCSF class 3004: a change of what the appliance runs or enforces."""

    class_uid: Literal[3004]
    category_uid: Literal[3]
    activity_id: Literal[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 99]
    entity: Resource
    metadata: _Metadata
    api: None = None
    http_request: None = None
    src_endpoint: None = None
    resources: None = None
    user: None = None
    dst_endpoint: None = None
    ai_model: None = None


CLASSES: dict[int, type[Recorded]] = {6003: ApiActivity, 3002: Authentication, 3004: EntityManagement}
