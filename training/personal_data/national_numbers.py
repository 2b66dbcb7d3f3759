"""National numbers whose check digits hold: tax, social security, identity, health, by country.

Dimensions: none. Pure. The checksums are python-stdnum's; here is only how such a number is written
and which words near it say what it is. A number of digits alone passes some country's checksum by
chance, so it counts without such a word only where its form is its own (letters or separators).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module


@dataclass(frozen=True)
class NationalNumber:
    """One country's number: how it is written, who checks it, the words that announce it."""

    module: str  # of python-stdnum, without its own name
    form: re.Pattern[str]
    words: tuple[str, ...]
    stands_alone: bool  # its form and checksum say enough without a word


def _number(module: str, form: str, *words: str, stands_alone: bool = False) -> NationalNumber:
    whole = re.compile(rf"(?<![\w-]){form}(?![\w-])", re.IGNORECASE)
    return NationalNumber(module, whole, words, stands_alone)


NUMBERS = (
    _number("gb.nhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}", "nhs"),
    _number("ca.sin", r"\d{3}[ -]?\d{3}[ -]?\d{3}", "sin", "social insurance"),
    _number("au.tfn", r"\d{3} ?\d{3} ?\d{2,3}", "tfn", "tax file"),
    _number("fr.nir", r"[12] ?\d\d ?\d\d ?\d[\dAB] ?\d{3} ?\d{3} ?\d\d", "nir", "sécurité sociale",
            stands_alone=True),
    _number("de.idnr", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", "steuer", "tax id", "idnr"),
    _number("es.dni", r"\d{8}-?[A-Z]", "dni", "nif", stands_alone=True),
    _number("es.nie", r"[XYZ]-?\d{7}-?[A-Z]", "nie", stands_alone=True),
    _number("it.codicefiscale", r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", "codice fiscale",
            stands_alone=True),
    _number("nl.bsn", r"\d{9}", "bsn", "burgerservice"),
    _number("be.nn", r"\d{2}\.?\d{2}\.?\d{2}-?\d{3}\.?\d{2}", "rijksregister", "registre national"),
    _number("pl.pesel", r"\d{11}", "pesel"),
    _number("se.personnummer", r"(?:\d{2})?\d{6}[-+]\d{4}", "personnummer", stands_alone=True),
    _number("dk.cpr", r"\d{6}-\d{4}", "cpr"),
    _number("fi.hetu", r"\d{6}[-+A]\d{3}[0-9A-Y]", "hetu", "henkilötunnus", stands_alone=True),
    _number("no.fodselsnummer", r"\d{6} ?\d{5}", "fødselsnummer", "personnummer"),
    _number("pt.nif", r"\d{9}", "nif", "contribuinte"),
    _number("ro.cnp", r"[1-8]\d{12}", "cnp"),
    _number("br.cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}", "cpf", stands_alone=True),
    _number("br.cpf", r"\d{11}", "cpf"),
    _number("cl.rut", r"\d{1,2}\.\d{3}\.\d{3}-[\dkK]", "rut", stands_alone=True),
    _number("mx.curp", r"[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z\d]\d", "curp", stands_alone=True),
    _number("in_.aadhaar", r"[2-9]\d{3} ?\d{4} ?\d{4}", "aadhaar"),
    _number("in_.pan", r"[A-Z]{3}[PCAFHTG][A-Z]\d{4}[A-Z]", "pan"),
    _number("cn.ric", r"\d{17}[\dX]", "身份证", "identity", stands_alone=True),
    _number("kr.rrn", r"\d{6}-[1-8]\d{6}", "주민", stands_alone=True),
    _number("za.idnr", r"\d{13}", "id number", "identity number"),
    _number("tr.tckimlik", r"[1-9]\d{10}", "kimlik", "tckn"),
    _number("us.itin", r"9\d{2}-\d{2}-\d{4}", "itin", stands_alone=True),
)  # fmt: skip


@cache
def checker(module: str) -> Callable[[str], bool]:
    """The check of one country's number."""
    is_valid: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    return is_valid
