"""The dictionary of GS1 Application Identifiers: what each may hold, and which go together. Pure.

One line an AI (or a range): `AI  format  rules  # title`. Facts of GS1 General Specifications, sections 3, 4.14, 7.11.

    format  N digits, X set 82, Y set 39, Z set 64 (base64url); a number is exact, `..n` is 1 to n, [ ] may be absent;
            after the comma stand checks: csum (mod 10), csumalpha (mod 1021), dates, gcp (a company prefix first)
    need=   one of these must be there too (`+` joins what must come together); several `need` must all hold
    not=    none of these may be there; `n` is any digit
    key     may open a Digital Link path; key=22,10,21|235 lists its qualifiers in order, | separates alternatives

Two digits tell how long an AI is, and whether its value has a predefined length and needs no FNC1 after it (section
7.8.5). Country and currency codes are checked for their shape, not against the ISO lists.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codegen.ai_checks import CHECKS, SETS, Fault

_DICTIONARY = """
00         N18,csum               key                                  # SSCC
01         N14,csum               key=22,10,21|235 not=255,37          # GTIN
02         N14,csum               need=37 not=01,03                    # CONTENT
03         N14,csum               need=21 not=01,02,37                 # MTO GTIN
10         X..20                  need=01,02,03,8006,8026              # BATCH/LOT
11         N6,yymmd0              need=01,02,03,8006,8026              # PROD DATE
12         N6,yymmd0              need=8020                            # DUE DATE
13         N6,yymmd0              need=01,02,03,8006,8026              # PACK DATE
15         N6,yymmd0              need=01,02,03,8006,8026              # BEST BEFORE
16         N6,yymmd0              need=01,02,03,8006,8026              # SELL BY
17         N6,yymmd0              need=01,02,03,255,8006,8026          # USE BY
20         N2                     need=01,02,03,8006,8026              # VARIANT
21         X..20                  need=01,03,8006 not=235              # SERIAL
22         X..20                  need=01                              # CPV
235        X..28                  need=01                              # TPX
240        X..30                  need=01,02,03,8006,8026              # ADDITIONAL ID
241        X..30                  need=01,02,03,8006,8026              # CUST. PART No.
242        N..6                   need=01,02,8006,8026                 # MTO VARIANT
243        X..20                  need=01                              # PCN
250        X..30                  need=01,03,8006 need=21              # SECONDARY SERIAL
251        X..30                  need=01,03,8006                      # REF. TO SOURCE
253        N13,csum [X..17]       key                                  # GDTI
254        X..20                  need=414                             # GLN EXTENSION
255        N13,csum [N..12]       key not=01,02,415,8006,8020,8026     # GCN
30         N..8                   need=01,02                           # VAR. COUNT
3100-3105  N6                     need=01,02                           # NET WEIGHT (kg)
3110-3115  N6                     need=01,02                           # LENGTH (m)
3120-3125  N6                     need=01,02                           # WIDTH (m)
3130-3135  N6                     need=01,02                           # HEIGHT (m)
3140-3145  N6                     need=01,02                           # AREA (m2)
3150-3155  N6                     need=01,02                           # NET VOLUME (l)
3160-3165  N6                     need=01,02                           # NET VOLUME (m3)
3200-3205  N6                     need=01,02                           # NET WEIGHT (lb)
3210-3215  N6                     need=01,02                           # LENGTH (in)
3220-3225  N6                     need=01,02                           # LENGTH (ft)
3230-3235  N6                     need=01,02                           # LENGTH (yd)
3240-3245  N6                     need=01,02                           # WIDTH (in)
3250-3255  N6                     need=01,02                           # WIDTH (ft)
3260-3265  N6                     need=01,02                           # WIDTH (yd)
3270-3275  N6                     need=01,02                           # HEIGHT (in)
3280-3285  N6                     need=01,02                           # HEIGHT (ft)
3290-3295  N6                     need=01,02                           # HEIGHT (yd)
3300-3305  N6                     need=00,01                           # GROSS WEIGHT (kg)
3310-3315  N6                     need=00,01                           # LENGTH (m), log
3320-3325  N6                     need=00,01                           # WIDTH (m), log
3330-3335  N6                     need=00,01                           # HEIGHT (m), log
3340-3345  N6                     need=00,01                           # AREA (m2), log
3350-3355  N6                     need=00,01                           # VOLUME (l), log
3360-3365  N6                     need=00,01                           # VOLUME (m3), log
3370-3375  N6                     need=01                              # KG PER m2
3400-3405  N6                     need=00,01                           # GROSS WEIGHT (lb)
3410-3415  N6                     need=00,01                           # LENGTH (in), log
3420-3425  N6                     need=00,01                           # LENGTH (ft), log
3430-3435  N6                     need=00,01                           # LENGTH (yd), log
3440-3445  N6                     need=00,01                           # WIDTH (in), log
3450-3455  N6                     need=00,01                           # WIDTH (ft), log
3460-3465  N6                     need=00,01                           # WIDTH (yd), log
3470-3475  N6                     need=00,01                           # HEIGHT (in), log
3480-3485  N6                     need=00,01                           # HEIGHT (ft), log
3490-3495  N6                     need=00,01                           # HEIGHT (yd), log
3500-3505  N6                     need=01,02                           # AREA (in2)
3510-3515  N6                     need=01,02                           # AREA (ft2)
3520-3525  N6                     need=01,02                           # AREA (yd2)
3530-3535  N6                     need=00,01                           # AREA (in2), log
3540-3545  N6                     need=00,01                           # AREA (ft2), log
3550-3555  N6                     need=00,01                           # AREA (yd2), log
3560-3565  N6                     need=01,02                           # NET WEIGHT (troy oz)
3570-3575  N6                     need=01,02                           # NET VOLUME (oz)
3600-3605  N6                     need=01,02                           # NET VOLUME (qt)
3610-3615  N6                     need=01,02                           # NET VOLUME (gal)
3620-3625  N6                     need=00,01                           # VOLUME (qt), log
3630-3635  N6                     need=00,01                           # VOLUME (gal), log
3640-3645  N6                     need=01,02                           # VOLUME (in3)
3650-3655  N6                     need=01,02                           # VOLUME (ft3)
3660-3665  N6                     need=01,02                           # VOLUME (yd3)
3670-3675  N6                     need=00,01                           # VOLUME (in3), log
3680-3685  N6                     need=00,01                           # VOLUME (ft3), log
3690-3695  N6                     need=00,01                           # VOLUME (yd3), log
37         N..8                   need=00 need=02,8026                 # COUNT
3900-3909  N..15                  need=255,8020 not=391n,394n,8111     # AMOUNT
3910-3919  N3,code3 N..15         need=8020                            # AMOUNT, currency
3920-3929  N..15                  need=01 not=393n                     # PRICE
3930-3939  N3,code3 N..15         need=01                              # PRICE, currency
3940-3943  N4                     need=255 not=8111                    # PRCNT OFF
3950-3955  N6                     need=01 not=392n,393n                # PRICE/UoM
400        X..30                                                       # ORDER NUMBER
401        X..30,gcp              key                                  # GINC
402        N17,csum               key                                  # GSIN
403        X..30                  need=00                              # ROUTE
410        N13,csum                                                    # SHIP TO LOC
411        N13,csum                                                    # BILL TO
412        N13,csum                                                    # PURCHASE FROM
413        N13,csum                                                    # SHIP FOR LOC
414        N13,csum               key=254|7040                         # LOC No.
415        N13,csum               key=8020 need=8020                   # PAY TO
416        N13,csum                                                    # PROD/SERV LOC
417        N13,csum               key=7040                             # PARTY
420        X..20                  not=421                              # SHIP TO POST
421        N3,code3 X..9                                               # SHIP TO POST, country
422        N3,code3               need=01,02,8006,8026 not=426         # ORIGIN
423        N3,code3 [N..12,code3s] need=01,02,8006,8026 not=426        # COUNTRY - INITIAL PROCESS
424        N3,code3               need=01,02,8006,8026 not=426         # COUNTRY - PROCESS
425        N3,code3 [N..12,code3s] need=01,02,8006,8026 not=426        # COUNTRY - DISASSEMBLY
426        N3,code3               need=01,02,8006,8026                 # COUNTRY - FULL PROCESS
427        X..3                   need=01,02 need=422                  # ORIGIN SUBDIVISION
4300       X..35,pcenc            need=00                              # SHIP TO COMP
4301       X..35,pcenc            need=00                              # SHIP TO NAME
4302       X..70,pcenc            need=00                              # SHIP TO ADD1
4303       X..70,pcenc            need=4302                            # SHIP TO ADD2
4304       X..70,pcenc            need=00                              # SHIP TO SUB
4305       X..70,pcenc            need=00                              # SHIP TO LOC
4306       X..70,pcenc            need=00                              # SHIP TO REG
4307       X2,letters             need=00                              # SHIP TO COUNTRY
4308       X..30                  need=00                              # SHIP TO PHONE
4309       N20,latlong            need=00                              # SHIP TO GEO
4310       X..35,pcenc            need=00                              # RTN TO COMP
4311       X..35,pcenc            need=00                              # RTN TO NAME
4312       X..70,pcenc            need=00                              # RTN TO ADD1
4313       X..70,pcenc            need=4312                            # RTN TO ADD2
4314       X..70,pcenc            need=00                              # RTN TO SUB
4315       X..70,pcenc            need=00                              # RTN TO LOC
4316       X..70,pcenc            need=00                              # RTN TO REG
4317       X2,letters             need=00                              # RTN TO COUNTRY
4318       X..20                  need=00                              # RTN TO POST
4319       X..30                  need=00                              # RTN TO PHONE
4320       X..35,pcenc            need=00                              # SRV DESCRIPTION
4321       N1,yesno               need=00                              # DANGEROUS GOODS
4322       N1,yesno               need=00                              # AUTH LEAVE
4323       N1,yesno               need=00                              # SIG REQUIRED
4324       N10,yymmd0hhmm         need=00                              # NOT BEF DEL DT
4325       N10,yymmd0hhmm         need=00                              # NOT AFT DEL DT
4326       N6,yymmdd              need=00                              # REL DATE
4330       N6 [X1,minus]          need=00                              # MAX TEMP F
4331       N6 [X1,minus]          need=00                              # MAX TEMP C
4332       N6 [X1,minus]          need=00                              # MIN TEMP F
4333       N6 [X1,minus]          need=00                              # MIN TEMP C
7001       N13                    need=01,02,8006,8026                 # NSN
7002       X..30                  need=01,02                           # MEAT CUT
7003       N10,yymmddhhmm         need=01,02                           # EXPIRY TIME
7004       N..4                   need=01 need=10                      # ACTIVE POTENCY
7005       X..12                  need=01,02                           # CATCH AREA
7006       N6,yymmdd              need=01,02                           # FIRST FREEZE DATE
7007       N6,yymmdd [N6,yymmdd]  need=01,02                           # HARVEST DATE
7008       X..3                   need=01,02                           # AQUATIC SPECIES
7009       X..10                  need=01,02                           # FISHING GEAR TYPE
7010       X..2                   need=01,02                           # PROD METHOD
7011       N6,yymmdd [N4,hhmm]    need=01,02                           # TEST BY DATE
7020       X..20                  need=01,8006 need=416                # REFURB LOT
7021       X..20                  need=01,8006                         # FUNC STAT
7022       X..20                  need=01,8006 need=7021               # REV STAT
7023       X..30,gcp              need=01,8006                         # GIAI - ASSEMBLY
7030-7039  N3,code3 X..27         need=01,02                           # PROCESSOR
7040       N1 X3                                                       # UIC+EXT
7041       X..4                   need=00                              # UFRGT UNIT TYPE
710        X..20                  need=01                              # NHRN PZN
711        X..20                  need=01                              # NHRN CIP
712        X..20                  need=01                              # NHRN CN
713        X..20                  need=01                              # NHRN DRN
714        X..20                  need=01                              # NHRN AIM
715        X..20                  need=01                              # NHRN NDC
716        X..20                  need=01                              # NHRN AIC
717        X..20                  need=01                              # NHRN SRN
7230-7239  X2 X..28               need=01,8004                         # CERT
7240       X..20                  need=01,8006                         # PROTOCOL
7241       N2                     need=8017,8018                       # AIDC MEDIA TYPE
7242       X..25                  need=8017,8018                       # VCN
7250       N8,yyyymmdd            need=8018                            # DOB
7251       N12,yyyymmddhhmm       need=8018                            # DOB TIME
7252       N1,sex                 need=8018                            # BIO SEX
7253       X..40,pcenc            need=8017,8018                       # FAMILY NAME
7254       X..40,pcenc            need=8017,8018                       # GIVEN NAME
7255       X..10,pcenc            need=8017,8018                       # SUFFIX
7256       X..90,pcenc            need=8017,8018                       # FULL NAME
7257       X..70,pcenc            need=8018                            # PERSON ADDR
7258       X3                     need=8018                            # BIRTH SEQUENCE
7259       X..40,pcenc            need=8018                            # BABY
8001       N14,roll               need=01                              # DIMENSIONS
8002       X..20                                                       # CMT No.
8003       N14,zerocsum [X..16]   key                                  # GRAI
8004       X..30,gcp              key=7040                             # GIAI
8005       N6                     need=01,02                           # PRICE PER UNIT
8006       N18,itip               key=22,10,21 not=01,37               # ITIP
8007       X..34,iban             need=415                             # IBAN
8008       N8,yymmddhh [N..4,mmss] need=01,02                          # PROD TIME
8009       X..50                  need=00,01                           # OPTSEN
8010       Y..30,gcp              key=8011                             # CPID
8011       N..12,nozeroprefix     need=8010                            # CPID SERIAL
8012       X..20                  need=01,8006                         # VERSION
8013       X..25,csumalpha        key                                  # GMN
8014       X..25,csumalpha        need=01                              # MUDI
8017       N18,csum               key=8019 not=8018                    # GSRN - PROVIDER
8018       N18,csum               key=8019 not=8017                    # GSRN - RECIPIENT
8019       N..10                  need=8017,8018                       # SRIN
8020       X..25                  need=415                             # REF No.
8026       N18,itip               need=37 not=02,8006                  # ITIP CONTENT
8030       Z..90                  need=00,01+21,03+21,253,255,8003,8004,8006+21,8010+8011,8017,8018  # DIGSIG
8110       X..70                                                       # COUPON CODE
8111       N4                     need=255                             # POINTS
8112       X..70                                                       # COUPON OFFER
8200       X..70                  need=01                              # PRODUCT URL
90         X..30                                                       # INTERNAL
91-99      X..90                                                       # INTERNAL
"""
# General Specifications, figure 7.8.5-2: an element string that begins so has this many characters after the AI.
PREDEFINED: Mapping[str, int] = (
    {"00": 18, "01": 14, "02": 14, "03": 14, "04": 16, "20": 2, "41": 13}
    | {f"{two}": 6 for two in range(11, 20)}
    | {f"{two}": 6 for two in range(31, 37)}
)


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch of a value: `least` to `most` characters of set `kind`; absent altogether if `optional`."""

    kind: str
    least: int
    most: int
    check: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Ai:
    """`needs`: of each group one alternative must be there, all AIs of it. `qualifiers`: None if it opens no path."""

    ai: str
    title: str
    parts: tuple[Part, ...]
    needs: tuple[tuple[tuple[str, ...], ...], ...]
    excludes: tuple[str, ...]
    qualifiers: tuple[tuple[str, ...], ...] | None

    @property
    def predefined(self) -> bool:
        """Whether no FNC1 follows its value in an element string."""
        return self.ai[:2] in PREDEFINED


def fault(entry: Ai, value: str) -> Fault | None:
    """What is wrong with a value, and at which of its characters; None when nothing is."""
    at = 0
    for part in entry.parts:
        if part.optional and at == len(value):
            break
        stretch = value[at : at + part.most]
        for place, character in enumerate(stretch):
            if character not in SETS[part.kind]:
                return Fault(at + place, f"{character!r} is not allowed")
        if len(stretch) < part.least:
            return Fault(len(value), f"it ends after {len(value)} characters, too early")
        if part.check and (wrong := CHECKS[part.check](stretch)) is not None:
            return Fault(at + wrong.at, wrong.says, wrong.expected)
        at += len(stretch)
    if at < len(value):
        return Fault(at, f"it has {len(value)} characters, at most {at} are allowed")
    return None


def unmet(values: Mapping[str, str]) -> str | None:
    """The first rule on what goes together that these AIs break, as a sentence; None when they break none."""
    for ai in values:
        entry = DICTIONARY[ai]
        for group in entry.needs:
            if not any(all(needed in values for needed in one) for one in group):
                wanted = " or ".join(" with ".join(one) for one in group)
                return f"AI {ai} ({entry.title}) must come with {wanted}."
        for excluded in entry.excludes:
            pattern = re.compile(excluded.replace("n", "[0-9]"))
            for other in values:
                if pattern.fullmatch(other):
                    return f"AI {ai} ({entry.title}) must not come with AI {other}."
    return None


def ai_at(text: str, at: int) -> str | None:
    """The AI that begins at a place of an element string; None: there is none."""
    length = _LENGTHS.get(text[at : at + 2])
    ai = text[at : at + length] if length else ""
    return ai if ai in DICTIONARY else None


def _entries() -> Iterator[Ai]:
    for line in _DICTIONARY.strip().splitlines():
        facts, _, title = line.partition("#")
        names, *words = facts.split()
        first, _, last = names.partition("-")
        for number in range(int(first), int(last or first) + 1):
            yield _entry(f"{number:0{len(first)}d}", title.strip(), words)


def _entry(ai: str, title: str, words: list[str]) -> Ai:
    parts, needs, excludes, qualifiers = list[Part](), list[tuple[tuple[str, ...], ...]](), tuple[str, ...](), None
    for word in words:
        rule, _, rest = word.partition("=")
        if rule == "need":
            needs.append(tuple(tuple(one.split("+")) for one in rest.split(",")))
        elif rule == "not":
            excludes = tuple(rest.split(","))
        elif rule == "key":
            qualifiers = tuple(tuple(one.split(",")) for one in rest.split("|")) if rest else ()
        else:
            parts.append(_part(word))
    return Ai(ai, title, tuple(parts), tuple(needs), excludes, qualifiers)


def _part(word: str) -> Part:
    optional = word.startswith("[")
    size, _, check = word.strip("[]").partition(",")
    kind, most = size[0], int(size[1:].removeprefix(".."))
    return Part(kind, 1 if ".." in size else most, most, check, optional)


DICTIONARY: Mapping[str, Ai] = {entry.ai: entry for entry in _entries()}
KEYS = frozenset(ai for ai, entry in DICTIONARY.items() if entry.qualifiers is not None)
_LENGTHS = {ai[:2]: len(ai) for ai in DICTIONARY}
