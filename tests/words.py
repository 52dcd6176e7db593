"""Words of which made-up messages of one topic each consist."""

TOPICS = {
    "Logistics": ["truck", "fuel", "convoy", "depot", "pallet", "driver", "road", "crate"],
    "Weather": ["rain", "wind", "cloud", "storm", "fog", "front", "gust", "humid"],
    "Personnel": ["leave", "roster", "shift", "officer", "course", "sergeant", "medal", "duty"],
}
COMMON = [
    "the",
    "a",
    "report",
    "at",
    "dawn",
    "today",
    "says",
    "near",
    "camp",
    "harbour",
    "north",
    "two",
    "about",
    "and",
    "of",
    "was",
]
