"""Plain sentences in five languages that say the same, written for this recipe: when, where and how many.

Of some languages the corpora hold no neutral sentence. What a teacher says of the English one is learned for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

# In the order of corpora.LANGUAGES: English, German, French, Spanish, Italian.
_DAYS = (
    ("monday", "montag", "lundi", "lunes", "lunedì"),
    ("tuesday", "dienstag", "mardi", "martes", "martedì"),
    ("thursday", "donnerstag", "jeudi", "jueves", "giovedì"),
    ("friday", "freitag", "vendredi", "viernes", "venerdì"),
)
_TIMES = (
    ("two", "zwei", "deux", "dos", "due"),
    ("three", "drei", "trois", "tres", "tre"),
    ("six", "sechs", "six", "seis", "sei"),
    ("eight", "acht", "huit", "ocho", "otto"),
    ("ten", "zehn", "dix", "diez", "dieci"),
)
_ROOMS = (
    ("in the kitchen", "in der küche", "dans la cuisine", "en la cocina", "in cucina"),
    ("in the office", "im büro", "au bureau", "en la oficina", "in ufficio"),
    ("in the garden", "im garten", "dans le jardin", "en el jardín", "in giardino"),
    ("at the station", "am bahnhof", "à la gare", "en la estación", "alla stazione"),
)
_THINGS = (
    ("the key", "der schlüssel", "la clé", "la llave", "la chiave"),
    ("the book", "das buch", "le livre", "el libro", "il libro"),
    ("the newspaper", "die zeitung", "le journal", "el periódico", "il giornale"),
    ("the box", "die kiste", "la boîte", "la caja", "la scatola"),
)
_SENTENCES = (
    ("the shop opens on {0}.", "der laden öffnet am {0}.", "le magasin ouvre {0}.", "la tienda abre el {0}.",
     "il negozio apre {0}."),
    ("the course begins on {0}.", "der kurs beginnt am {0}.", "le cours commence {0}.", "el curso empieza el {0}.",
     "il corso comincia {0}."),
    ("today is {0}.", "heute ist {0}.", "aujourd'hui, c'est {0}.", "hoy es {0}.", "oggi è {0}."),
    ("they deliver it on {0}.", "sie liefern es am {0}.", "ils le livrent {0}.", "lo entregan el {0}.",
     "lo consegnano {0}."),
    ("the train leaves at {1}.", "der zug fährt um {1} ab.", "le train part à {1} heures.",
     "el tren sale a las {1}.", "il treno parte alle {1}."),
    ("the library closes at {1}.", "die bibliothek schließt um {1}.", "la bibliothèque ferme à {1} heures.",
     "la biblioteca cierra a las {1}.", "la biblioteca chiude alle {1}."),
    ("there are {1} chairs {2}.", "{2} stehen {1} stühle.", "il y a {1} chaises {2}.", "hay {1} sillas {2}.",
     "ci sono {1} sedie {2}."),
    ("we need {1} copies.", "wir brauchen {1} kopien.", "il nous faut {1} copies.", "necesitamos {1} copias.",
     "ci servono {1} copie."),
    ("{3} is {2}.", "{3} ist {2}.", "{3} est {2}.", "{3} está {2}.", "{3} è {2}."),
    ("{3} is on the table.", "{3} liegt auf dem tisch.", "{3} est sur la table.", "{3} está sobre la mesa.",
     "{3} è sul tavolo."),
    ("please put {3} on the shelf.", "{3} kommt bitte ins regal.", "mets {3} sur l'étagère, s'il te plaît.",
     "pon {3} en el estante, por favor.", "metti {3} sullo scaffale, per favore."),
    ("he works {2}.", "er arbeitet {2}.", "il travaille {2}.", "trabaja {2}.", "lavora {2}."),
    ("she is waiting {2} at {1}.", "sie wartet um {1} {2}.", "elle attend {2} à {1} heures.",
     "ella espera {2} a las {1}.", "lei aspetta {2} alle {1}."),
)  # fmt: skip


def plain() -> Iterator[tuple[str, ...]]:
    """Each sentence in all of the languages."""
    slots = (_DAYS, _TIMES, _ROOMS, _THINGS)
    for sentence in _SENTENCES:
        used = [slot if f"{{{number}}}" in sentence[0] else slot[:1] for number, slot in enumerate(slots)]
        for values in product(*used):
            yield tuple(one.format(*filled) for one, *filled in zip(sentence, *values, strict=True))
