# ruff: noqa: RUF001 - Turkish has a dotless i
"""Everyday shop words in other languages, for listings that mix them; and each one's small words.

Pure data. German, French and Spanish are planted where a model learns; Italian, Dutch, Polish and
Turkish only where it is judged.
"""

TAUGHT = ("de", "fr", "es")
UNSEEN = ("it", "nl", "pl", "tr")
_LANGUAGES = (*TAUGHT, *UNSEEN)

_TABLE = """
black schwarz noir negro nero zwart czarny siyah
white weiß blanc blanco bianco wit biały beyaz
red rot rouge rojo rosso rood czerwony kırmızı
blue blau bleu azul blu blauw niebieski mavi
green grün vert verde verde groen zielony yeşil
yellow gelb jaune amarillo giallo geel żółty sarı
grey grau gris gris grigio grijs szary gri
gray grau gris gris grigio grijs szary gri
silver silber argent plata argento zilver srebrny gümüş
cable Kabel câble cable cavo kabel kabel kablo
printer Drucker imprimante impresora stampante printer drukarka yazıcı
cartridge Patrone cartouche cartucho cartuccia cartridge wkład kartuş
paper Papier papier papel carta papier papier kağıt
ink Tinte encre tinta inchiostro inkt tusz mürekkep
original Original original original originale origineel oryginalny orijinal
with mit avec con con met z ile
for für pour para per voor do için
and und et y e en i ve
power Strom alimentation corriente alimentazione stroom zasilanie güç
supply Versorgung source fuente fornitura voeding dostawa kaynağı
wireless kabellos sans-fil inalámbrico senza-fili draadloos bezprzewodowy kablosuz
screen Bildschirm écran pantalla schermo scherm ekran ekran
memory Speicher mémoire memoria memoria geheugen pamięć bellek
keyboard Tastatur clavier teclado tastiera toetsenbord klawiatura klavye
mouse Maus souris ratón topo muis mysz fare
labels Etiketten étiquettes etiquetas etichette etiketten etykiety etiketler
pages Seiten pages páginas pagine pagina's strony sayfa
headphones Kopfhörer casque auriculares cuffie koptelefoon słuchawki kulaklık
battery Akku batterie batería batteria batterij bateria pil
high hoch haute alta alta hoog wysoki yüksek
colour Farbe couleur color colore kleur kolor renk
color Farbe couleur color colore kleur kolor renk
kit Satz ensemble juego corredo set zestaw takım
adapter Netzteil adaptateur adaptador adattatore adapter zasilacz adaptör
cheese Käse fromage queso formaggio kaas ser peynir
bread Brot pain pan pane brood chleb ekmek
milk Milch lait leche latte melk mleko süt
juice Saft jus zumo succo sap sok suyu
fresh frisch frais fresco fresco vers świeży taze
frozen gefroren surgelé congelado surgelato bevroren mrożony donmuş
chicken Huhn poulet pollo pollo kip kurczak tavuk
beef Rind bœuf vacuno manzo rund wołowina dana
chocolate Schokolade chocolat chocolate cioccolato chocolade czekolada çikolata
candy Süßigkeiten bonbons caramelos caramelle snoep cukierki şeker
soup Suppe soupe sopa zuppa soep zupa çorba
water Wasser eau agua acqua water woda su
vegetables Gemüse légumes verduras verdure groenten warzywa sebze
cookies Kekse biscuits galletas biscotti koekjes ciastka kurabiye
"""
_ROWS = [line.split() for line in _TABLE.strip().splitlines()]
TRANSLATIONS = {
    language: {row[0]: row[1 + place] for row in _ROWS} for place, language in enumerate(_LANGUAGES)
}
PHRASES = {
    "de": ("mit schneller Lieferung", "für den täglichen Gebrauch", "jetzt neu und sehr günstig"),
    "fr": ("livraison rapide et gratuite", "pour tous les jours", "avec garantie de deux ans"),
    "es": ("con envío rápido y gratis", "para el uso diario", "nuevo y muy barato"),
    "it": ("con spedizione veloce", "per uso quotidiano", "nuovo nella sua confezione"),
    "nl": ("met snelle levering", "voor dagelijks gebruik", "nieuw in de doos"),
    "pl": ("z szybką dostawą do domu", "do codziennego użytku", "nowy w pudełku"),
    "tr": ("hızlı teslimat ile birlikte", "günlük kullanım için", "kutusunda yeni ürün"),
}
_SMALL = """
mit für und der das ein eine oder nicht sehr ist auf von zu bei aus ohne jetzt neu
avec et les des une sur est ou tous très nouveau
para por los las una muy del nuevo
il gli della nella senza molto voor het een zonder
"""  # none of them is an English word too
SMALL_WORDS = frozenset(_SMALL.split())
