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
        ["SECRET", "//DEU SECRET", "//JOINT SECRET GBR USA//REL TO USA, GBR", "//NATO KFOR SECRET", "//CAN GBR S"],
    ),
    "owner-form": (["//USA SECRET", "//USA TOP SECRET//NOFORN", "//GBR USA S//NF"], ["SECRET", "//GBR SECRET"]),
    "owner-coalition": (
        ["//FVEY S", "//TEYE SECRET", "//ACGU TOP SECRET//NOFORN", "//GBR FVEY S", "//FVEY SECRET//REL TO USA, FVEY"],
        [
            "//JOINT SECRET AUS GBR USA//REL TO USA, TEYE",
            "//GBR SECRET//REL TO USA, FVEY",
            "//EU S",
            "//UN RESTRICTED",
            "//NATO SECRET",
        ],
    ),
    "protective-marking": (
        [
            "//GBR OFFICIAL-SENSITIVE",
            "//GBR OFFICIAL",
            "//AUS PROTECTED",
            "//AUS PROTECTED//NOFORN",
            "//CAN PROTECTED A",
            "//NZL IN CONFIDENCE",
            "UK OFFICIAL-SENSITIVE",
            "CANADA PROTECTED B",
            "OFFICIAL",
            "PROTECTED C",
            "SECRET//PROTECTED B",
            "U//OFFICIAL-SENSITIVE",
        ],
        ["//GBR S", "//GBR R", "//GBR C", "//CAN S", "//CAN R", "//AUS S", "//NZL R", "CONFIDENTIAL//FGI AUS//NOFORN"],
    ),
    "national-caveat": (
        ["//AUS S//AUSTEO", "//GBR SECRET//UK EYES ONLY", "UK EYES ONLY", "//CAN TS//CANADIAN EYES ONLY", "S//AGAO"],
        ["//AUS S", "//AUS S//REL TO USA, AUS", "//GBR SECRET//REL TO USA, GBR"],
    ),
    "joint-owners": (
        [
            "//JOINT SECRET USA",
            "//JOINT S GBR GBR",
            "//JOINT SECRET//REL TO USA, GBR",
            "//JOINT S CAN GBR//REL TO USA, CAN, GBR",
        ],
        ["//JOINT SECRET GBR USA//REL TO USA, GBR", "//CAN GBR S//REL TO USA, CAN, GBR"],
    ),
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
        [
            "TOP SECRET//NOFORN//SI",
            "UNCLASSIFIED//LIMDIS//NOFORN",
            "SECRET//ORCON//NOFORN",
            "SECRET//BOHEMIA//SI//NOFORN",
            "SECRET//FGI DEU//RD//NOFORN",
        ],
        [
            "TOP SECRET//SI//NOFORN//SSI",
            "SECRET//RD//FGI DEU//NOFORN",
            "TOP SECRET//SI//SAR-ALPHA/BOHEMIA//RD/ATOMAL//FGI NATO//NOFORN",
        ],
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
            "SECRET//SAR-ALPHA-K15-J12",
            "SECRET//SAR-ALPHA-J12 K20 K10",
            "CUI//NOFORN/FED ONLY",
        ],
        [
            "SECRET//ORCON/NOFORN",
            "TOP SECRET//SI/TK-ABC-XYZ HELLO WORLD//NOFORN",
            "SECRET//REL TO USA, CAN, GBR, NATO",
            "SECRET//SAR-ALPHA/BRAVO",
            "SECRET//RD-SIGMA 14 18",
            "CUI//SP-CTI/EXPT/OPSEC",
            "SECRET//ACCM-DAISY/ROSE",
            "SECRET//SAR-ALPHA-J12 K10 K20-K15/BRAVO",
            "CUI//FED ONLY/NOFORN",
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
        [
            "SECRET//NF",
            "S//NOFORN",
            "TS//COMINT//NF",
            "(SECRET//NOFORN)",
            "S//OC/NOFORN",
            "CUI//FED ONLY/NF//LIMDIS",
            "TS//SI-GAMMA//OC/NF",
        ],
        [
            "SECRET//NOFORN",
            "S//NF",
            "(S//NF)",
            "TOP SECRET//COMINT//NOFORN",
            "CONTROLLED",
            "S//RD-CNWDI",
            "SECRET//RD-N",
        ],
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
            "TOP SECRET//SI-ECI ABCD//NOFORN",
            "TOP SECRET//STLW//SI//NOFORN",
            "SECRET//SAR-ALPHA-",
            "//DEU SECRET//NOSUCH",
        ],
        [
            "SECRET//NOFORN",
            "CUI//SP-CTI",
            "SECRET//ACCM-DAISY",
            "SECRET//ACCM-FICTITIOUS EFFORT",
            "TOP SECRET//SI-EU-G ABCD-NK//ORCON/NOFORN",
            "TOP SECRET//SI-ECRU-GAMMA ABCD//ORCON/NOFORN",
            "TOP SECRET//TK-BLUEFISH ABCD//NOFORN",
        ],
    ),
    "country": (
        [
            "SECRET//REL TO USA, XXX",
            "SECRET//FGI QQQ",
            "//ZZZ SECRET",
            "//JOINT SECRET USA YYY",
            "SECRET//DISPLAY ONLY US",
        ],
        [
            "SECRET//REL TO USA, NATO",
            "SECRET//FGI DEU NATO",
            "SECRET//REL TO USA, EU",
            "SECRET//REL TO USA, ISAF, KFOR, TEYE",
        ],
    ),
    "fgi-nation": (["SECRET//FGI USA", "S//FGI DEU USA//NF"], ["SECRET//FGI DEU", "SECRET//FGI"]),
    "sci-alone": (["SECRET//RSV//NOFORN"], ["SECRET//RSV-ABC//NOFORN"]),
    # Levels
    "unclassified-controls": (
        ["UNCLASSIFIED//SI//NOFORN", "UNCLASSIFIED//SAR-ALPHA", "U//TK//NF"],
        ["UNCLASSIFIED//NOFORN", "UNCLASSIFIED//HVSACO", "SECRET//SAR-ALPHA"],
    ),
    "si-hcs-level": (
        ["UNCLASSIFIED//SI//NOFORN", "U//HCS//NF", "//DEU R//SI//RELIDO"],
        ["CONFIDENTIAL//SI//NOFORN", "CONFIDENTIAL//HCS//NOFORN"],
    ),
    "hcs-compartment-level": (
        ["CONFIDENTIAL//HCS-P//NOFORN", "C//HCS-O//OC/NF"],
        ["SECRET//HCS-P//NOFORN", "S//HCS-O//OC/NF", "TOP SECRET//HCS-O-P//ORCON/NOFORN"],
    ),
    "hcs-p-subcompartment-level": (["SECRET//HCS-P JJJ//ORCON/NOFORN"], ["TOP SECRET//HCS-P JJJ XYZ//ORCON/NOFORN"]),
    "tk-level": (["CONFIDENTIAL//TK//NOFORN", "C//TK-ABC//NF"], ["SECRET//TK//NOFORN"]),
    "tk-blfh-level": (
        ["SECRET//TK-BLFH//NOFORN", "S//KDK-BLFH ABC//NF"],
        ["TOP SECRET//TK-BLFH ABCD//NOFORN", "SECRET//TK-IDIT//NOFORN", "SECRET//TK-KAND//NOFORN"],
    ),
    "kdk-level": (["CONFIDENTIAL//KDK-IDIT//NOFORN"], ["SECRET//KDK-IDIT//NOFORN", "TOP SECRET//KDK-KAND A1//NOFORN"]),
    "rsv-level": (["CONFIDENTIAL//RSV-ABC//NOFORN"], ["SECRET//RSV-ABC//NOFORN"]),
    "si-g-level": (["SECRET//SI-G//ORCON/NOFORN", "S//SI-G ABCD//OC/NF"], ["TOP SECRET//SI-G//ORCON/NOFORN"]),
    "si-compartment-level": (
        ["SECRET//SI-ABC//NOFORN", "C//SI-EU//NF"],
        ["TOP SECRET//SI-ABC-DEF//NOFORN", "SECRET//SI//NOFORN"],
    ),
    "si-g-orcon": (
        ["TOP SECRET//SI-G//NOFORN", "TOP SECRET//SI-G ABCD//NOFORN", "TOP SECRET//SI-G//ORCON-USGOV/NOFORN"],
        ["TOP SECRET//SI-G ABCD//ORCON/NOFORN", "TOP SECRET//SI-ABC//NOFORN"],
    ),
    "hcs-orcon": (
        ["TOP SECRET//HCS-O//NOFORN", "TOP SECRET//HCS-P JJJ//NOFORN", "S//HCS-O//OC-USGOV/NF"],
        ["TOP SECRET//HCS-O//ORCON/NOFORN", "SECRET//HCS-P//NOFORN", "SECRET//HCS-P//ORCON-USGOV/NOFORN"],
    ),
    "rsen-level": (["CONFIDENTIAL//RSEN", "C//RS"], ["SECRET//RSEN", "TS//RS"]),
    "imcon-level": (["CONFIDENTIAL//IMCON", "U//IMC"], ["SECRET//IMCON"]),
    "orcon-level": (["UNCLASSIFIED//ORCON", "U//OC-USGOV"], ["CONFIDENTIAL//ORCON", "SECRET//ORCON-USGOV"]),
    "fouo-level": (["SECRET//FOUO", "C//FOUO"], ["UNCLASSIFIED//FOUO", "U//FOUO"]),
    "restricted-data-level": (
        ["UNCLASSIFIED//RD", "U//FRD", "U//TFNI"],
        ["CONFIDENTIAL//RD", "SECRET//FRD", "CONFIDENTIAL//TFNI"],
    ),
    "cnwdi-level": (["CONFIDENTIAL//RD-CNWDI", "C//RD-N"], ["SECRET//RD-CNWDI", "TS//RD-N"]),
    "sigma-level": (
        ["CONFIDENTIAL//RD-SIGMA 14//NOFORN", "C//FRD-SG 18//NF"],
        ["SECRET//RD-SIGMA 14 18//NOFORN", "TS//FRD-SG 20//NF"],
    ),
    "limdis-level": (["SECRET//LIMDIS", "C//NF//DS"], ["UNCLASSIFIED//LIMDIS", "U//DS"]),
    "sbu-level": (["SECRET//SBU", "C//NF//SBU"], ["UNCLASSIFIED//SBU", "UNCLASSIFIED//NOFORN//SBU"]),
    "accm-level": (["UNCLASSIFIED//ACCM-DAISY", "CUI//ACCM-DAISY"], ["CONFIDENTIAL//ACCM-DAISY"]),
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
        ["SECRET//HCS-P//NOFORN", "TOP SECRET//KDK-BLFH//NOFORN"],
    ),
    "tk-compartment-noforn": (
        ["TOP SECRET//TK-BLFH//REL TO USA, GBR", "SECRET//TK-IDIT//RELIDO", "S//TK-KAND ABC//REL"],
        ["TOP SECRET//TK-BLFH ABC//NOFORN", "SECRET//TK-IDIT-KAND//NOFORN", "SECRET//TK-ABC//REL TO USA, GBR"],
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
    "orcon-orcon-usgov": (
        ["SECRET//ORCON/ORCON-USGOV/NOFORN", "S//OC/OC-USGOV"],
        ["SECRET//ORCON/NOFORN", "SECRET//ORCON-USGOV/NOFORN"],
    ),
    "relido-orcon": (
        ["SECRET//ORCON/RELIDO", "SECRET//ORCON-USGOV/RELIDO", "S//OC/REL TO USA, GBR/RELIDO"],
        ["SECRET//RELIDO", "SECRET//ORCON/REL TO USA, GBR", "SECRET//ORCON/DISPLAY ONLY GBR"],
    ),
    "fouo-alone": (
        ["UNCLASSIFIED//FOUO/PROPIN", "U//FOUO//SBU", "U//FOUO//LES", "U//FOUO/DSEN", "U//FOUO//SSI", "U//FOUO/FISA"],
        ["UNCLASSIFIED//FOUO/NOFORN", "U//FOUO/REL TO USA, JPN", "UNCLASSIFIED//FOUO/RELIDO"],
    ),
    "rel-abbreviated": (["SECRET//REL", "TOP SECRET//SI//REL"], ["SECRET//REL TO USA, GBR", "S//REL TO USA, GBR"]),
    "eyes-only": (
        ["SECRET//USA/CAN/GBR EYES ONLY", "TS//EYES", "SECRET//EYES ONLY", "S//USA/GBR EYES ONLY"],
        ["SECRET//REL TO USA, CAN, GBR"],
    ),
    "rel-to-list": (
        ["SECRET//REL TO USA", "SECRET//REL TO CAN, GBR", "SECRET//REL TO GBR"],
        ["SECRET//REL TO USA, GBR", "UNCLASSIFIED//REL TO USA, NATO"],
    ),
    "nodis-exdis-noforn": (["SECRET//NODIS", "SECRET//REL TO USA, GBR//EXDIS"], ["SECRET//NOFORN//NODIS", "S//NF//XD"]),
    "nodis-exdis": (["SECRET//NOFORN//EXDIS/NODIS"], ["SECRET//NOFORN//NODIS", "SECRET//NOFORN//EXDIS"]),
    "nodis-exdis-sbu": (
        ["UNCLASSIFIED//NOFORN//EXDIS/SBU", "U//NF//ND/SBU", "U//XD/SBU-NF"],
        ["UNCLASSIFIED//NOFORN//EXDIS", "U//NF//ND/LES", "UNCLASSIFIED//NOFORN//SBU"],
    ),
    "sensitive-noforn-release": (
        ["UNCLASSIFIED//NOFORN//SBU NOFORN", "U//REL TO USA, GBR//SBU-NF", "U//RELIDO//LES-NF"],
        ["UNCLASSIFIED//NOFORN//SBU", "U//SBU-NF", "U//NF//LES"],
    ),
    "sensitive-twice": (["UNCLASSIFIED//SBU/SBU NOFORN"], ["UNCLASSIFIED//SBU NOFORN/LES NOFORN"]),
    "les-twice": (["UNCLASSIFIED//LES/LES NOFORN"], ["UNCLASSIFIED//SBU/LES NOFORN"]),
    "sensitive-noforn-classified": (
        ["SECRET//SBU NOFORN", "C//LES-NF"],
        ["UNCLASSIFIED//SBU NOFORN", "U//LES-NF", "SECRET//NOFORN//LES"],
    ),
    # Programmes and atomic energy
    "sap-multiple": (
        ["SECRET//SAR-ALPHA/BRAVO/CHARLIE/DELTA/ECHO", "SECRET//SAR-ALPHA/MULTIPLE PROGRAMS"],
        [
            "SECRET//SAR-ALPHA/BRAVO/CHARLIE/DELTA",
            "SECRET//SAR-MULTIPLE PROGRAMS",
            "SECRET//SAR-ALPHA/HVSACO",
            "SECRET//SAR-ALPHA-J1-J2-J3/BRAVO-J4 K5",
        ],
    ),
    "waived-programme": (["SECRET//WAIVED", "TS//HVSACO//WAIVED"], ["TS//SAR-TB//WAIVED"]),
    "rd-precedence": (
        ["SECRET//RD/FRD//NOFORN", "S//RD/TFNI", "SECRET//RD-CNWDI/FRD-SIGMA 14"],
        ["SECRET//RD", "SECRET//RD-CNWDI/RD-SIGMA 14 18//NOFORN"],
    ),
    "frd-precedence": (["SECRET//FRD/TFNI", "S//FRD-SG 14/TFNI"], ["SECRET//FRD", "SECRET//TFNI"]),
    "cnwdi-frd": (["SECRET//FRD-CNWDI", "S//FRD-N"], ["SECRET//RD-CNWDI", "S//RD-N"]),
    # NATO and JOINT
    "atomal-owner": (
        ["SECRET//ATOMAL", "//DEU SECRET//ATOMAL", "SECRET//ATOMAL//FGI DEU//NOFORN"],
        ["//NATO SECRET//ATOMAL", "//CTS//ATOMAL", "SECRET//RD/ATOMAL//FGI NATO//NOFORN", "//NS-A", "//CTSA"],
    ),
    "atomal-level": (["//NATO RESTRICTED//ATOMAL", "//NU//ATOMAL"], ["//NATO CONFIDENTIAL//ATOMAL", "//NC-A"]),
    "bohemia-balk-owner": (
        ["TOP SECRET//BOHEMIA", "//GBR TOP SECRET//BALK"],
        ["//COSMIC TOP SECRET//BOHEMIA", "TOP SECRET//BOHEMIA//FGI NATO//NOFORN", "//CTS-B"],
    ),
    "bohemia-balk-level": (
        ["//NATO SECRET//BALK", "SECRET//BALK//FGI NATO//NOFORN"],
        ["//COSMIC TOP SECRET//BALK", "//CTS//BOHEMIA", "//CTS-BALK"],
    ),
    "nato-noforn": (["//NATO SECRET//NOFORN", "//NS//NF", "//NIS//NF"], ["//NATO SECRET", "SECRET//NOFORN", "//NKS"]),
    "joint-restricted": (
        ["//JOINT RESTRICTED CAN USA//REL TO USA, CAN", "//JOINT R GBR USA//REL"],
        ["//JOINT CONFIDENTIAL CAN USA//REL TO USA, CAN", "//JOINT UNCLASSIFIED CAN USA//REL TO USA, CAN"],
    ),
    "joint-release": (
        [
            "//JOINT SECRET GBR USA",
            "//JOINT SECRET CAN GBR USA//REL TO USA, GBR",
            "//JOINT S",
            "//JOINT S GBR USA//RELIDO",
        ],
        [
            "//JOINT SECRET GBR USA//REL TO USA, GBR",
            "//JOINT SECRET GBR USA//REL TO USA, FVEY",
            "//JOINT TOP SECRET CAN ISR USA//TK//REL TO USA, CAN, ISR",
            "//JOINT S GBR USA//FGI NZL//REL TO USA, FVEY",
        ],
    ),
    "joint-noforn": (
        ["//JOINT SECRET GBR USA//NOFORN", "//JOINT U GBR USA//SBU-NF"],
        ["//JOINT SECRET GBR USA//ORCON/REL TO USA, GBR"],
    ),
    "joint-hcs": (
        ["//JOINT TOP SECRET GBR USA//HCS//NOFORN", "//JOINT TS GBR USA//HCS-P//REL TO USA, GBR"],
        ["//JOINT TOP SECRET GBR USA//SI//REL TO USA, GBR"],
    ),
    # CUI
    "cui-owner": (["//DEU SECRET//CUI", "//NATO SECRET//CUI//SP-CTI"], ["SECRET//CUI//SP-CTI", "CUI"]),
    "cui-unclassified": (["UNCLASSIFIED//CUI", "U//CUI//SP-CTI"], ["CUI//SP-CTI", "SECRET//CUI"]),
    "cui-portion": (["(CONTROLLED)"], ["(CUI)", "CONTROLLED"]),
    "cui-specified": (
        ["CUI//SP-OPSEC", "CUI//CTI", "SECRET//CUI//SP-LEI//NOFORN"],
        ["CUI//OPSEC", "CUI//SP-CTI", "CUI//SP-HLTH/HLTH", "CUI//SP-IFNC/INF"],
    ),
    "cui-control": (
        ["SECRET//FED ONLY", "UNCLASSIFIED//NOCON", "U//FEDCON", "SECRET//DL ONLY", "S//AC"],
        ["CUI//FED ONLY", "SECRET//CUI//NOFORN/FED ONLY"],
    ),
    "cui-privilege": (
        ["CUI//ATTORNEY-WP", "CUI//OPSEC//ATTORNEY-CLIENT", "CUI//AWP"],
        ["CUI//PRIVILEGE//ATTORNEY-CLIENT/ATTORNEY-WP", "SECRET//CUI//NOFORN/ATTORNEY-WP"],
    ),
    "cui-federal": (["CUI//FED ONLY/FEDCON"], ["CUI//FED ONLY", "CUI//FEDCON"]),
    "cui-contractors": (["CUI//FEDCON/NOCON"], ["CUI//NOCON"]),
    "cui-list": (
        ["CUI//DL ONLY/NOFORN", "CUI//DL ONLY/FED ONLY", "CUI//PRIVILEGE//ATTORNEY-WP/DL ONLY"],
        ["CUI//DL ONLY", "SECRET//CUI//NOFORN/DL ONLY"],
    ),
    "cui-legacy": (["CUI//FOUO", "CUI//NOFORN//SBU", "CUI//SBU-NF"], ["CUI//FED ONLY", "UNCLASSIFIED//FOUO"]),
}
