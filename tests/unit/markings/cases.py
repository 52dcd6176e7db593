"""Cases of every rule, written from the rule: texts that break it, and valid texts that come close.

A text may break other rules too. Programme names are fictional.
"""

CASES: dict[str, tuple[list[str], list[str]]] = {
    # The text
    "text-empty": (["", " ", "\t\n"], ["UNCLASSIFIED", "U"]),
    "text-length": (["SECRET//SAR-" + "A" * 2000], ["SECRET//SAR-" + "A" * 500]),
    "text-control-character": (["SECRET\x00", "SEC\u200bRET", "SECRET//NOFORN\n", "\ufeffSECRET"], ["SECRET"]),
    "text-look-alike": (
        [
            "S\N{CYRILLIC CAPITAL LETTER IE}CRET",
            "\N{FULLWIDTH LATIN CAPITAL LETTER S}ECRET",
            "SECRET\N{DIVISION SLASH}\N{DIVISION SLASH}NOFORN",
        ],
        ["SECRET//NOFORN"],
    ),
    "text-character": (["SECRET!", "SECRET//NOFORN;", "SÉCRET", "SECRET//\N{SNOWMAN}"], ["SECRET"]),
    "text-case": (["secret", "Secret//NOFORN", "SECRET//nf"], ["SECRET//NOFORN"]),
    "text-spacing": (
        ["SECRET // NOFORN", " SECRET", "SECRET ", "SECRET//REL TO USA,GBR", "TOP  SECRET", "SECRET\N{NO-BREAK SPACE}"],
        ["SECRET//REL TO USA, GBR", "TOP SECRET"],
    ),
    # The grammar
    "level": (
        ["NOFORN", "SECRT", "RESTRICTED", "NATO SECRET", "//SECRET", "//XX", "//JOINT USA GBR", "()"],
        ["SECRET", "//DEU SECRET", "//JOINT SECRET GBR USA"],
    ),
    "owner-form": (["//USA SECRET", "//USA TOP SECRET//NOFORN"], ["SECRET", "//GBR SECRET"]),
    "joint-owners": (["//JOINT SECRET USA", "//JOINT S GBR GBR"], ["//JOINT SECRET GBR USA"]),
    "separator": (
        [
            "SECRET/NOFORN",
            "SECRET//NOFORN/",
            "SECRET//",
            "SECRET////NOFORN",
            "TOP SECRET//SI/NOFORN",
            "SECRET///NOFORN",
        ],
        ["TOP SECRET//SI//NOFORN"],
    ),
    "category-order": (
        ["TOP SECRET//NOFORN//SI", "SECRET//LIMDIS//NOFORN", "SECRET//ORCON//NOFORN", "SECRET//FGI DEU//RD//NOFORN"],
        ["TOP SECRET//SI//NOFORN//LIMDIS", "SECRET//RD//FGI DEU//NOFORN"],
    ),
    "list-order": (
        [
            "SECRET//NOFORN/ORCON",
            "TOP SECRET//TK/SI//NOFORN",
            "SECRET//REL TO USA, GBR, CAN",
            "SECRET//REL TO USA, FVEY, DEU",
            "SECRET//SAR-BRAVO/ALPHA",
            "SECRET//FGI DEU CAN",
            "TOP SECRET//TK-XYZ-ABC//NOFORN",
            "TOP SECRET//TK-XYZ WORLD HELLO//NOFORN",
            "SECRET//RD-SIGMA 18 14",
            "CUI//EXPT/SP-CTI",
            "CUI//PRVCY/OPSEC",
            "//JOINT SECRET USA CAN",
            "SECRET//ACCM-ROSE/DAISY",
        ],
        [
            "SECRET//ORCON/NOFORN",
            "TOP SECRET//SI/TK-ABC-XYZ HELLO WORLD//NOFORN",
            "SECRET//REL TO USA, CAN, GBR, NATO",
            "SECRET//SAR-ALPHA/BRAVO",
            "SECRET//RD-SIGMA 14 18",
            "CUI//SP-CTI/EXPT/OPSEC",
            "SECRET//ACCM-DAISY/ROSE",
        ],
    ),
    "duplicate": (
        [
            "SECRET//NOFORN/NOFORN",
            "TOP SECRET//SI/SI//NOFORN",
            "SECRET//REL TO USA, GBR, GBR",
            "SECRET//SAR-ALPHA/ALPHA",
            "TOP SECRET//TK-ABC-ABC//NOFORN",
            "TOP SECRET//TK-ABC XY1 XY1//NOFORN",
            "SECRET//RD-SIGMA 14 14",
            "CUI//SP-CTI/SP-CTI",
        ],
        ["SECRET//ORCON/NOFORN", "TOP SECRET//TK-ABC XY1-XYZ XY1//NOFORN"],
    ),
    "form": (
        ["SECRET//NF", "S//NOFORN", "TS//COMINT//NF", "(SECRET//NOFORN)", "S//OC/NOFORN", "CUI//NF/FED ONLY//LIMDIS"],
        ["SECRET//NOFORN", "S//NF", "(S//NF)", "TOP SECRET//COMINT//NOFORN", "CONTROLLED"],
    ),
    "unknown-word": (
        [
            "SECRET//NOFORM",
            "TOP SECRET//SI-ABCDEFG//NOFORN",
            "TOP SECRET//TK-ABC TOOLONGNAME//NOFORN",
            "SECRET//RD-SIGMA 13",
            "SECRET//SAR-",
            "SECRET//SAR-A",
            "SECRET//ACCM-",
            "SECRET//REL TO",
            "CUI//SP-NOSUCH",
            "SECRET//CTI",
            "SECRET//SECRET",
            "SECRET//RD-SIGMA",
            "SECRET//NOFORN//CONTROLLED",
        ],
        ["SECRET//NOFORN", "CUI//SP-CTI", "SECRET//ACCM-DAISY"],
    ),
    "country": (
        [
            "SECRET//REL TO USA, XXX",
            "SECRET//FGI QQQ",
            "//ZZZ SECRET",
            "//JOINT SECRET USA YYY",
            "SECRET//DISPLAY ONLY US",
        ],
        ["SECRET//REL TO USA, NATO", "SECRET//FGI DEU NATO", "SECRET//REL TO USA, EU"],
    ),
    "sci-alone": (["SECRET//RSV//NOFORN"], ["SECRET//RSV-ABC//NOFORN"]),
    # Levels
    "unclassified-controls": (
        ["UNCLASSIFIED//SI//NOFORN", "UNCLASSIFIED//SAR-ALPHA", "U//TK//NF"],
        ["UNCLASSIFIED//NOFORN", "UNCLASSIFIED//HVSACO", "SECRET//SAR-ALPHA"],
    ),
    "si-hcs-level": (
        ["UNCLASSIFIED//SI//NOFORN", "U//HCS//NF", "//JOINT RESTRICTED CAN GBR//SI//RELIDO"],
        ["CONFIDENTIAL//SI//NOFORN", "CONFIDENTIAL//HCS//NOFORN"],
    ),
    "tk-level": (["CONFIDENTIAL//TK//NOFORN", "C//TK-ABC//NF"], ["SECRET//TK//NOFORN"]),
    "kdk-level": (["CONFIDENTIAL//KDK-IDIT//NOFORN"], ["SECRET//KDK-IDIT//NOFORN", "TOP SECRET//KDK-KAND A1//NOFORN"]),
    "rsv-level": (["CONFIDENTIAL//RSV-ABC//NOFORN"], ["SECRET//RSV-ABC//NOFORN"]),
    "si-g-level": (["SECRET//SI-G//ORCON/NOFORN", "S//SI-G ABCD//OC/NF"], ["TOP SECRET//SI-G//ORCON/NOFORN"]),
    "si-g-orcon": (
        ["TOP SECRET//SI-G//NOFORN", "TOP SECRET//SI-G ABCD//NOFORN"],
        ["TOP SECRET//SI-G ABCD//ORCON/NOFORN", "TOP SECRET//SI-ABC//NOFORN"],
    ),
    "rsen-level": (["CONFIDENTIAL//RSEN", "C//RS"], ["SECRET//RSEN", "TS//RS"]),
    "imcon-level": (["CONFIDENTIAL//IMCON", "U//IMC"], ["SECRET//IMCON"]),
    "orcon-level": (["UNCLASSIFIED//ORCON", "U//OC-USGOV"], ["CONFIDENTIAL//ORCON", "SECRET//ORCON-USGOV"]),
    "fouo-level": (["SECRET//FOUO", "C//FOUO"], ["UNCLASSIFIED//FOUO", "U//FOUO"]),
    "restricted-data-level": (
        ["UNCLASSIFIED//RD", "U//FRD", "U//TFNI"],
        ["CONFIDENTIAL//RD", "SECRET//FRD", "SECRET//TFNI", "TOP SECRET//RD/FRD"],
    ),
    "cnwdi-level": (["CONFIDENTIAL//RD-CNWDI", "C//RD-N"], ["SECRET//RD-CNWDI", "TS//RD-N"]),
    "ucni-level": (["SECRET//DOD UCNI", "C//UCNI"], ["UNCLASSIFIED//DOD UCNI", "U//UCNI", "U//DCNI"]),
    # Foreign disclosure and release
    "sci-release": (
        ["TOP SECRET//SI", "S//TK", "TOP SECRET//SI-ABC//ORCON"],
        [
            "TOP SECRET//SI//NOFORN",
            "TOP SECRET//SI//REL TO USA, GBR",
            "SECRET//TK//RELIDO",
            "SECRET//TK//DISPLAY ONLY GBR",
        ],
    ),
    "hcs-kdk-noforn": (
        ["SECRET//HCS//REL TO USA, GBR", "TOP SECRET//KDK-BLFH//RELIDO"],
        ["SECRET//HCS-ABC//NOFORN", "TOP SECRET//KDK-BLFH//NOFORN"],
    ),
    "noforn-rel": (
        ["SECRET//NOFORN/REL TO USA, GBR", "S//NF/REL TO USA, CAN"],
        ["SECRET//NOFORN", "SECRET//REL TO USA, GBR"],
    ),
    "release-exclusive": (
        ["SECRET//NOFORN/DISPLAY ONLY GBR", "SECRET//RELIDO/DISPLAY ONLY GBR"],
        ["SECRET//DISPLAY ONLY GBR", "SECRET//REL TO USA, CAN/DISPLAY ONLY GBR", "SECRET//REL TO USA, CAN/RELIDO"],
    ),
    "noforn-relido": (["SECRET//NOFORN/RELIDO"], ["SECRET//RELIDO", "SECRET//NOFORN"]),
    "rel-to-list": (
        ["SECRET//REL TO USA", "SECRET//REL TO CAN, GBR", "SECRET//REL TO GBR"],
        ["SECRET//REL TO USA, GBR", "UNCLASSIFIED//REL TO USA, NATO"],
    ),
    "nodis-exdis-noforn": (["SECRET//NODIS", "SECRET//REL TO USA, GBR//EXDIS"], ["SECRET//NOFORN//NODIS", "S//NF//XD"]),
    "nodis-exdis": (["SECRET//NOFORN//EXDIS/NODIS"], ["SECRET//NOFORN//NODIS", "SECRET//NOFORN//EXDIS"]),
    "sensitive-noforn-classified": (
        ["SECRET//SBU NOFORN", "C//LES-NF"],
        ["UNCLASSIFIED//SBU NOFORN", "U//LES-NF", "SECRET//NOFORN//LES"],
    ),
    # Programmes and atomic energy
    "sap-multiple": (
        ["SECRET//SAR-ALPHA/BRAVO/CHARLIE/DELTA/ECHO", "SECRET//SAR-ALPHA/MULTIPLE PROGRAMS"],
        ["SECRET//SAR-ALPHA/BRAVO/CHARLIE/DELTA", "SECRET//SAR-MULTIPLE PROGRAMS", "SECRET//SAR-ALPHA/HVSACO"],
    ),
    "cnwdi-frd": (["SECRET//FRD-CNWDI", "S//FRD-N"], ["SECRET//RD-CNWDI/FRD", "S//RD-N/FRD"]),
    # NATO and JOINT
    "atomal-owner": (["SECRET//ATOMAL", "//DEU SECRET//ATOMAL"], ["//NATO SECRET//ATOMAL", "//CTS//ATOMAL"]),
    "bohemia-balk-owner": (["TOP SECRET//BOHEMIA", "//GBR TOP SECRET//BALK"], ["//COSMIC TOP SECRET//BOHEMIA"]),
    "bohemia-balk-level": (["//NATO SECRET//BALK"], ["//COSMIC TOP SECRET//BALK", "//CTS//BOHEMIA"]),
    "nato-noforn": (["//NATO SECRET//NOFORN", "//NS//NF"], ["//NATO SECRET", "SECRET//NOFORN"]),
    "joint-restricted": (
        ["//JOINT RESTRICTED CAN USA", "//JOINT R GBR USA"],
        ["//JOINT RESTRICTED CAN GBR", "//JOINT CONFIDENTIAL CAN USA"],
    ),
    # CUI
    "cui-owner": (["//DEU SECRET//CUI", "//NATO SECRET//CUI//SP-CTI"], ["SECRET//CUI//SP-CTI", "CUI"]),
    "cui-unclassified": (["UNCLASSIFIED//CUI", "U//CUI//SP-CTI"], ["CUI//SP-CTI", "SECRET//CUI"]),
    "cui-portion": (["(CONTROLLED)"], ["(CUI)", "CONTROLLED"]),
    "cui-specified": (
        ["CUI//SP-OPSEC", "CUI//CTI", "SECRET//CUI//SP-LEI//NOFORN"],
        ["CUI//OPSEC", "CUI//SP-CTI", "CUI//SP-HLTH/HLTH", "CUI//SP-IFNC/INF"],
    ),
    "cui-legacy": (["CUI//FOUO", "CUI//NOFORN//SBU", "CUI//SBU-NF"], ["CUI//FED ONLY", "UNCLASSIFIED//FOUO"]),
}
