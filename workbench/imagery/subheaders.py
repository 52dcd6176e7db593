"""The subheaders of all kinds of segments, field by field (MIL-STD-2500C, Tables A-3 to A-8; MIL-STD-2500A)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from appliance.markings.formats.nitf import LAYOUTS, NitfSecurity
from workbench.imagery.extensions import OVERFLOW, Extension, read_block
from workbench.imagery.fields import Fields
from workbench.imagery.position import Corners, corners_of

UNCOMPRESSED = "NC"
_PLAIN = ("NC", "NM")
"""Compressions (IC) that are none, and so have no rate; NM has a mask of blocks."""


@dataclass(frozen=True, slots=True)
class Picture:
    """How the pixels of an image lie.

    Attributes:
        rows: of significant pixels.
        columns: of significant pixels.
        bands: how many.
        bits: of each pixel of each band, as stored (NBPP).
        significant: of these, how many count (ABPP).
        kind: of values (PVTYPE): INT, SI, R, C or B.
        compression: IC; NC is none.
        interleave: IMODE: B, P, R or S.
        blocks: rows and columns of blocks.
        block: rows and columns of pixels of each block.
        tables: whether bands have tables of colours, so that values are places in them.
        corners: where it lies, if the header says so in degrees.
    """

    rows: int
    columns: int
    bands: int
    bits: int
    significant: int
    kind: str
    compression: str
    interleave: str
    blocks: tuple[int, int]
    block: tuple[int, int]
    tables: bool = False
    corners: Corners | None = None

    @property
    def data_bytes(self) -> int | None:
        """Bytes of the data; None where they depend on the content, or pixels are no whole bytes."""
        if self.compression != UNCOMPRESSED or self.bits % 8:
            return None
        pixels = self.blocks[0] * self.blocks[1] * self.block[0] * self.block[1]
        return pixels * self.bands * (self.bits // 8)


@dataclass(frozen=True, slots=True)
class Subheader:
    """What a header or subheader says that decides who may read.

    Attributes:
        security: its security fields.
        prefix: what their names begin with in this kind of header: FS, IS ...
        offset: their first byte in the file.
        extensions: its tagged extensions.
        picture: of an image.
        overflows: whether the data of the segment are extensions of another header.
    """

    security: NitfSecurity
    prefix: str
    offset: int
    extensions: tuple[Extension, ...] = ()
    picture: Picture | None = None
    overflows: bool = False

    def place(self, name: str) -> int:
        """The first byte in the file of a security field, by its name without prefix."""
        names = list(self.security.fields)
        widths = dict(LAYOUTS[self.security.version])
        return self.offset + sum(widths[before] for before in names[: names.index(name)])

    def with_extensions(self, extensions: Iterable[Extension]) -> "Subheader":
        """The same with more extensions."""
        return replace(self, extensions=self.extensions + tuple(extensions))


def read_security(fields: Fields, prefix: str, version: str) -> Subheader:
    """What a header says with its security fields alone, which are printable ASCII.

    Raises:
        HeaderError: they are cut off, or have other characters.
    """
    values, place = {}, fields.offset
    for name, width in LAYOUTS[version]:
        values[name] = _ascii(fields, prefix + name, width)
    if version == "2.0" and values["DWNG"] == "999998":  # the event has a field of its own
        values["DEVT"] = _ascii(fields, f"{prefix}DEVT", 40)
    return Subheader(NitfSecurity(version, values), prefix, place)


def _ascii(fields: Fields, name: str, width: int) -> str:
    place = fields.offset
    text = fields.text(name, width)
    if not text.isascii():
        raise fields.wrong(name, "has a character that is not ASCII", place)
    return text.rstrip(" ")


def _texts(fields: Fields, *widths: tuple[str, int]) -> None:
    for name, width in widths:
        fields.text(name, width)


def _begin(fields: Fields, tag: str, prefix: str, version: str, *before: tuple[str, int]) -> Subheader:
    """The tag, the fields before the security fields, these, and that nothing is encrypted."""
    fields.one_of("the tag of the segment", tag)
    _texts(fields, *before)
    found = read_security(fields, prefix, version)
    fields.one_of("ENCRYP", "0")
    return found


def _image(fields: Fields, version: str, extensions: int) -> Subheader:
    found = _begin(fields, "IM", "IS", version, ("IID1", 10), ("IDATIM", 14), ("TGTID", 17), ("IID2", 80))
    fields.text("ISORCE", 42)
    rows, columns = fields.number("NROWS", 8, 1), fields.number("NCOLS", 8, 1)
    kind = fields.one_of("PVTYPE", "INT", "B  ", "SI ", "R  ", "C  ").rstrip()
    _texts(fields, ("IREP", 8), ("ICAT", 8))
    significant = fields.number("ABPP", 2, 1, 96)
    fields.one_of("PJUST", "R", "L")
    corners, system = None, fields.text("ICORDS", 1)
    if system != (" " if version == "2.1" else "N"):
        corners = corners_of(system, fields.text("IGEOLO", 60))
    for number in range(1, fields.number("NICOM", 1) + 1):
        fields.text(f"ICOM{number}", 80)
    compression = fields.text("IC", 2)
    if compression not in _PLAIN:
        fields.text("COMRAT", 4)
    bands, tables = _bands(fields, version)
    fields.text("ISYNC", 1)
    interleave = fields.one_of("IMODE", "B", "P", "R", "S")
    across, down = fields.number("NBPR", 4, 1), fields.number("NBPC", 4, 1)
    width, height = (_block(fields, *one) for one in (("NPPBH", across, columns), ("NPPBV", down, rows)))
    place = fields.offset
    bits = fields.number("NBPP", 2, 1, 64)
    if across * width < columns or down * height < rows:
        raise fields.wrong("NBPR to NPPBV", "make fewer pixels than NROWS and NCOLS say", place - 16)
    _texts(fields, ("IDLVL", 3), ("IALVL", 3), ("ILOC", 10), ("IMAG", 4))
    blocks = read_block(fields, "UDIDL", "UDOFL", extensions) + read_block(fields, "IXSHDL", "IXSOFL", extensions)
    picture = Picture(
        rows=rows,
        columns=columns,
        bands=bands,
        bits=bits,
        significant=significant,
        kind=kind,
        compression=compression,
        interleave=interleave,
        blocks=(down, across),
        block=(height, width),
        tables=tables,
        corners=corners,
    )
    return replace(found, picture=picture).with_extensions(blocks)


def _block(fields: Fields, name: str, blocks: int, pixels: int) -> int:
    """Pixels of a block in one direction; 0 stands for one block of more than 8,192 (MIL-STD-2500C)."""
    place = fields.offset
    found = fields.number(name, 4, 0, 8192)
    if found == 0 and blocks != 1:
        raise fields.wrong(name, "is 0, which stands for a single block, and there are more", place)
    return found or pixels


def _bands(fields: Fields, version: str) -> tuple[int, bool]:
    """How many bands there are, and whether one has tables of colours."""
    bands = fields.number("NBANDS", 1, 0 if version == "2.1" else 1)
    bands = bands or fields.number("XBANDS", 5, 10)
    coloured = False
    for number in range(1, bands + 1):
        _texts(fields, (f"IREPBAND{number}", 2), (f"ISUBCAT{number}", 6), (f"IFC{number}", 1), (f"IMFLT{number}", 3))
        tables = fields.number(f"NLUTS{number}", 1, 0, 4)
        entries = fields.number(f"NELUT{number}", 5, 1, 65_536) if tables else 0
        fields.take(f"LUTD{number}", tables * entries)
        coloured |= tables > 0
    return bands, coloured


def _graphic(fields: Fields, version: str, extensions: int) -> Subheader:
    found = _begin(fields, "SY", "SS", version, ("SID", 10), ("SNAME", 20))
    _texts(fields, ("SFMT", 1), ("SSTRUCT", 13), ("SDLVL", 3), ("SALVL", 3), ("SLOC", 10), ("SBND1", 10))
    _texts(fields, ("SCOLOR", 1), ("SBND2", 10), ("SRES2", 2))
    return found.with_extensions(read_block(fields, "SXSHDL", "SXSOFL", extensions))


def _symbol(fields: Fields, version: str, extensions: int) -> Subheader:
    found = _begin(fields, "SY", "SS", version, ("SID", 10), ("SNAME", 20))
    _texts(fields, ("STYPE", 1), ("NLIPS", 4), ("NPIXPL", 4), ("NWDTH", 4), ("NBPP", 1), ("SDLVL", 3), ("SALVL", 3))
    _texts(fields, ("SLOC", 10), ("SLOC2", 10), ("SCOLOR", 1), ("SNUM", 6), ("SROT", 3))
    fields.take("DLUT", 3 * fields.number("NELUT", 3, 0, 256))
    return found.with_extensions(read_block(fields, "SXSHDL", "SXSOFL", extensions))


def _label(fields: Fields, version: str, extensions: int) -> Subheader:
    found = _begin(fields, "LA", "LS", version, ("LID", 10))
    _texts(fields, ("LFS", 1), ("LCW", 2), ("LCH", 2), ("LDLVL", 3), ("LALVL", 3), ("LLOC", 10))
    fields.take("LTC and LBC", 6)  # colours, of any bytes
    return found.with_extensions(read_block(fields, "LXSHDL", "LXSOFL", extensions))


def _text(fields: Fields, version: str, extensions: int) -> Subheader:
    names = (("TEXTID", 7), ("TXTALVL", 3)) if version == "2.1" else (("TEXTID", 10),)
    found = _begin(fields, "TE", "TS", version, *names, ("TXTDT", 14), ("TXTITL", 80))
    fields.text("TXTFMT", 3)
    return found.with_extensions(read_block(fields, "TXSHDL", "TXSOFL", extensions))


def _extension(fields: Fields, version: str, _extensions: int) -> Subheader:
    """A data extension segment; it has no field of encryption."""
    fields.one_of("the tag of the segment", "DE")
    name = fields.text("DESID", 25).rstrip()
    fields.text("DESVER", 2)
    found = read_security(fields, "DES", version)
    overflows = name in OVERFLOW
    if overflows:
        fields.text("DESOFLW", 6)
        fields.number("DESITEM", 3)
    fields.take("DESSHF", fields.number("DESSHL", 4))
    return replace(found, overflows=overflows)


def _reserved(fields: Fields, version: str, _extensions: int) -> Subheader:
    """A reserved extension segment."""
    fields.one_of("the tag of the segment", "RE")
    fields.text("RESID", 25)
    fields.text("RESVER", 2)
    found = read_security(fields, "RES", version)
    fields.take("RESSHF", fields.number("RESSHL", 4))
    return found


READERS: Mapping[str, Callable[[Fields, str, int], Subheader]] = {
    "image": _image,
    "graphic": _graphic,
    "symbol": _symbol,
    "label": _label,
    "text": _text,
    "data extension": _extension,
    "reserved extension": _reserved,
}
"""What reads the subheader of each kind, given its fields, the version and the number of data extension segments."""
