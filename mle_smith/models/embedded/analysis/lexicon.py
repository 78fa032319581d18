"""What the words in a column's name suggest: an outcome, an attribute, an identifier, a time.

Generic English only. A word is a prior, never a verdict: measurements outweigh it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PARTS = re.compile(r"[A-Za-z]+|\d+")


def _weights(text: str) -> Mapping[str, float]:
    """`"2.5: price cost; 1: amount"` as a mapping of each word to its weight."""
    pairs = (part.split(":") for part in text.split(";"))
    return MappingProxyType({w: float(weight) for weight, ws in pairs for w in ws.split()})


def words(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


def _parts(text: str) -> Mapping[str, str]:
    """`"year: yr yyyy; day: dd"` as a mapping of each word to the part of time it means."""
    pairs = (part.split(":") for part in text.split(";"))
    return MappingProxyType({w: part.strip() for part, ws in pairs for w in ws.split()})


OUTCOMES = _weights(
    """
    3.5: target label outcome churn churned survived diagnosis exited attrition fraud
         fraudulent spam subscribed readmitted defaulted mortality;
    3: died death deaths relapse recurrence survival deceased isfraud sentiment toxicity rul
         dead;
    2.5: mileage gallon output response price deny denied mpg quality severity damage
         converted purchased clicked cancelled canceled cancellation delay delayed failure
         defect defective admitted admit approved approval remission progression yield;
    2: result cost fare cnt demand sales revenue profit charges salary wage wages earnings
         score rating ratings grade grades gpa disease cancer stroke fault complication
         satisfaction satisfied happiness expenses accepted hired promoted voted winner win
         won strength consumption emissions emission expectancy injuries casualties fatalities
         conversion damaged harvest tuition rent rented crime crimes resale overall;
    1.9: species variety;
    1.4: class;
    1.5: total count event status category type genre tip premium efficiency
         load popularity gross wins pass passed fail risk infection injury complete completion
         completed effect default affairs breed concentration ozone pollution purchase
         returned recommend vote case magnitude mag decision lead treatment votes visits
         hospitalization crashes accidents absences doctor infant attendance;
    1: alive income amount duration growth alignment fan appearances value worth surgery
         lesion evaluation stability abundance gain loss employed participation enrolled
         accident violent murder arrest productivity output usage hits runs points net kwh
         energy power traffic volume conc density rings;
    0.6: weight mass size rate kind life state level phase balance bmi pressure circumference
         performance
    """
)

ATTRIBUTES = _weights(
    """
    -0.3: sex gender;
    -1: age race ethnicity religion color colour education job occupation marital married
         region make model brand location temp temperature humidity wind
         weather origin state island smoking smoker smoke last diabetes husband wife mother
         father parent parents eye hair height width length displacement depth experience
         position team rural urban marriage rain snow precipitation visibility dew
         borough speed;
    -1.8: city country zone passengers passenger season holiday working source
         version year yr party study batch sample wave block plot rep replicate previous prior
         past baseline initial lagged weights wt household children expanded stage;
    -2.5: zip zipcode postal month day hour hr weekday dow minute second quarter week
         code index number no row rank order address latitude longitude lat long lon lng
         stratum strata cut clarity path file date time census fips station dose seq rownames
         unnamed;
    -5: id uuid guid key url link slug email phone name comment comments note notes remark
         remarks description title serial
    """
)

ID_WORDS = words(
    """
    id ids uuid guid key pk serial sn ssn imei vin rowid rownames rowname
    """
)
NAME_WORDS = words(
    """
    name names surname firstname lastname fullname url slug link email phone address
    path filename title hash token ticket
    """
)
COMMENT_WORDS = words(
    """
    comment comments note notes remark remarks description memo details
    """
)
PROVENANCE_WORDS = words(
    """
    study batch source file version sample survey wave release
    """
)
ENTITY_WORDS = words(
    """
    id subject subjects patient person individual user customer client student pupil player unit
    machine engine device participant respondent household family animal driver employee account
    member speaker worker rat mouse chick cow dog horse bird plant mother donor author
    artist album hospital school clinic store shop station site firm company panelist panel case
    pid userid nr subj idno subno caseid persnr serial group series county
    country athlete rater judge reviewer movie session episode trip tree bottle cage litter pen
    plate monkey pig rabbit vehicle car
    """
)
WEAK_ENTITY_WORDS = words(
    """
    case unit group series car trip school hospital site country county nr
    """
)
TIME_PARTS = _parts(
    """
    year: year yr yyyy decimal; month: month mon mo mm; week: week wk; quarter: quarter qtr;
    day: day dd dom; hour: hour hr hh; minute: minute min; second: second sec; date: date;
    step: cycle cycles step tick epoch period timepoint visit wave trial round;
    time: time timestamp datetime
    """
)
MONEY_WORDS = words(
    """
    cost costs amount tip paid payment payments price fee fees charge charges refund claim
    claims repair loss losses compensation bill sum total fine penalty damage expense expenses
    delay duration injuries fatalities
    """
)
ELAPSED_WORDS = words(
    """
    time followup follow futime survtime survival duration os pfs fu
    """
)
EVENT_WORDS = words(
    """
    death died dead deceased event survival survived alive mortality relapse recurrence failure
    failed censor censored cens status delta d event deaths dead
    """
)
ORDERED_WORDS = words(
    """
    quality score rating ratings grade severity level satisfaction rank stage happiness health
    stars likert class evaluation overall
    """
)
LABEL_WORDS = words("target label class digit letter cluster")
CODE_WORDS = words("code type class category kind zone group label cluster genre")
COUNT_WORDS = words(
    """
    count counts cnt number total sales demand visits appearances
    """
)


def tokens(name: str) -> tuple[str, ...]:
    """The words of a name, lower case: `"Sum Paid (net)"` and `sumPaidNet` give sum, paid, net."""
    spaced = _CAMEL.sub(" ", name)
    return tuple(t.casefold() for t in _PARTS.findall(spaced))


def plain(name: str) -> str:
    """The name's letters and digits alone, lower case."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def has(name: str, words: frozenset[str]) -> bool:
    """Whether a word of the name is among `words`."""
    return bool(set(tokens(name)) & words)


def prior(name: str) -> float:
    """How much the name alone speaks for an outcome (positive) or an attribute (negative)."""
    parts = tokens(name)
    if re.fullmatch(r"y|y_?\d+|target_?\d*|resp_?\d*", name.casefold()):
        return 3.5
    if not parts:
        return 0.0
    best = max((_outcome(t) for t in parts), default=0.0)
    worst = min((ATTRIBUTES.get(t, 0.0) for t in parts), default=0.0)
    if worst <= -4.5 and parts[-1] not in OUTCOMES:
        return worst
    if len(parts) == 1 and best >= 2:
        return best + 0.8
    shared = 1.0 if len(parts) <= 3 else 0.7
    return best * shared + worst * (0.5 if best > 0 else 1.0)


def _outcome(token: str) -> float:
    """The weight of a word, or half of it for a longer word that ends in it (`carprice`)."""
    if token in OUTCOMES:
        return OUTCOMES[token]
    endings = (w for w in OUTCOMES if len(w) >= 6 and token.endswith(w))
    return 0.5 * max((OUTCOMES[w] for w in endings), default=0.0)


def kin(first: str, second: str) -> bool:
    """Whether two names share a stem that is not a mere number or a one-letter word."""
    pairs = ((a, b) for a in tokens(first) for b in tokens(second))
    return any(_stem(a, b) for a, b in pairs) or _siblings(first, second)


def _stem(a: str, b: str) -> bool:
    """Whether two words begin alike, for four letters and more than half of the shorter."""
    least = max(4, (min(len(a), len(b)) + 1) // 2)
    return not a.isdigit() and a[:least] == b[:least] and len(a) >= least <= len(b)


def _siblings(first: str, second: str) -> bool:
    """`Y1` and `Y2`: equal but for a number at the end."""
    a, b = (re.sub(r"\d+$", "", n) for n in (first, second))
    return bool(a) and a == b and first != second


def time_part(name: str) -> str | None:
    """Which part of time a name says it holds (`year`, `hour`, `date`, ...), if any."""
    parts = tokens(name)
    if not parts or len(parts) > 3:
        return None
    for token in reversed(parts):
        if token in TIME_PARTS:
            return TIME_PARTS[token]
    return None
