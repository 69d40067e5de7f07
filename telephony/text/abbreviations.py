"""Shortened words whose full stop need not end a sentence, language by language; pure.

Initials, and words with inner full stops ("e.g", "U.S", "a.m"), need no entry. All entries are in lower case, without
their last stop. A text's language is not known where it is cut, so that the words of all languages count together.
"""

from __future__ import annotations

_BEFORE_NAMES = {
    "en": "mr mrs ms dr prof rev hon sr jr st mt ft gen col capt lt sgt cmdr adm gov sen rep pres supt messrs "
    "vs cf ca approx appt assoc univ esp incl excl attn pt reg acc vit maj det cllr",
    "pt": "sra srta dra drs profa profª pça exmo exma ilmo ilma eng arq av trav sto sta vl jd pq rod lgo gov séc brig "
    "cód",
    "es": "srta sres dña ud uds vd vds av avda ctra pza plza lic ing gral ee arz urb blvd calz mons lcdo lcda "
    "mtro mtra excmo excma ntra col crta gta rda trva pje cno bda fco gpe fdez hdez glez rguez mtnez hble ayto mpio "
    "expte cód hnas inst fac cra kr nal dpto depto",
    "fr": "mme mlle pr immat mgr env réf av bd boul chem rte imp rés",
    "it": "sig sigg dott ing avv geom rag spett gent egr v.le p.za c.so p.zza l.go fraz loc mons p.le c.da v.lo "
    "contr fam rist osp tg mod",
    "de": "str bzw usw ggf evtl z.b d.h hr hrn fr sog inkl exkl zzgl abzgl vgl mind tgl mtl bzgl bspw insb ehem lt gem "
    "allg gebr geb wg mio mrd tsd fa dipl med tägl",
    "ru": "ул просп пер бул наб пл пос обл респ им гр тел кв корп стр оф эт под ст проф акад доц ген см напр т.е т.к "
    "пр ш мкр",
    "hi": "डॉ प्रो श्रीमती कु सु पं स्व सोम मंगल बुध गुरु शुक्र शनि रवि",
}
"""Behind these a sentence goes on, whatever comes."""

_BEFORE_NUMBERS = {
    "en": "no nos nr p pp pg fig figs vol ch sec art par apt ste rm fl bldg ext tel ph fax ave blvd rd hwy pkwy expy "
    "apts ln ct pl sq cir ter inc ltd corp co bros etc al min mins max hr hrs wk yr yrs mo oz lb lbs yd mi gal tbsp "
    "tsp "
    "jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun "
    "a.m p.m tab tabs cap caps dept ref acct est ed eds arr dep conf ver qty exp vis betw pls ins eff avail "
    "nr mob temp plat agg sz para ala ariz calif colo conn fla mich minn okla tenn tex wis mass "
    "rt rte jct cty inv btwn flt",
    "pt": "n núm pág págs cap ap apto cj bl tel cel ramal aprox fev abr mai ago set out dez "
    "ag op cs cond sécs cáps amp vgs dorm dorms qtos qts banh caps mod sat desc pts fls prot fab "
    "tam nasc seg ter qua qui sex sáb dom máx mín temp próx comp ed lj sl qd conj venc pgto trim val inc",
    "es": "nac n núm pág págs cap tel tfno tlf telf ofic pta esc aprox máx mín ene abr ago dic uu cp "
    "lun mar mié jue vie sáb dom comp izq izda dcha edif ref hab apdo hs cad "
    "núms arts km exp cod incl vit amp ctms ctvs pzas grs oblig indiv cl "
    "mart juev miérc orig sup inh ss pers dorm atn att ced párr opc "
    "cdra cdras viv ptal pral ent unid cant reg",
    "fr": "port n tél chap apt app appt ét bât bte bur voit poste janv févr fév avr juil déc lun mar mer jeu ven "
    "sam dim gél déj term inj enreg asc arr terr éch sem amp vit dép th coef",
    "it": "n pag pagg cap int sc cell ca ecc gen mag giu lug sett ott dic "
    "lun mer gio ven sab gg cpr cps gtt pz uff fatt scad civ bin cod rif pal "
    "d.lgs d.p.r prot sez mens tot imp conf mart merc giov prat amb colaz temp "
    "pad carr cond dep bamb lett prov rich bust segr ang sat n.civ tit par tess es num",
    "de": "tabl tbl gr nr nrn mwst abb kap abs bd std sek stk zi whg gl app kto hbf bhf jän mär mrz okt",
    "ru": "руб коп тыс млн млрд мин сек час чел шт кг гг янв фев февр мар апр авг сент окт нояб дек пн вт ср чт пт сб "
    "вс доб моб рис стр пп разд вып табл капс",
    "hi": "rs रु नं मो फ़ोन फोन मि घं पृ सं किमी",
}
"""Behind these a sentence goes on with a number, or a small letter; a capital ends it."""

BEFORE_NAMES = frozenset(" ".join(_BEFORE_NAMES.values()).split())
BEFORE_NUMBERS = frozenset(" ".join(_BEFORE_NUMBERS.values()).split())

WITH_STOP = frozenset(("of",))
"""The same, but words of another language where they have no stop: "of. 12"."""

CAPITALISED = frozenset(
    (
        "Vit Cel Cond Hosp Clín Esc Hr Cap Ten Gen Maj Al Ed Est Estr Pol Ind Del MM Pal "
        "Tv Nte Pte Ote Carr Prol Priv Ma Suc Bco Cd"
    ).split()
)
"""Those that only with this capital stand before names, as in streets."""

ROADS = frozenset("ave blvd rd hwy pkwy ln ct pl sq cir ter mi".split())
"""Those behind which a direction, or a letter as in "Ave. B", may stand."""

STREETS = frozenset("st dr".split())
"""Those that may be a street's last word: behind a name, the next word shows whether the sentence has ended."""

LETTERED = frozenset(
    "apt ste rm fl bldg no art sec fig ch vol par ap apto bl cj n int sc esc pta app bât pal bin "
    "edif sl lj chap ed ref flt vit pad amb cod rif prot".split()
)
"""Those behind which a code of one letter may stand, be it "A"."""

TIMES = frozenset("a.m p.m mon tue tues wed thu thur thurs fri sat sun".split())
"""Those behind which one of `AFTER_TIMES` belongs to the time."""

GERMAN_DAYS = frozenset("Mo Di Mi Do Fr Sa So".split())
"""Those that only with this capital stand before numbers."""

GERMAN_ORDINALS = frozenset(
    "januar jänner jan februar feb märz mär april apr mai juni juli august aug september sep sept "
    "oktober okt november nov "
    "dezember dez etage stock stockwerk og obergeschoss klasse jahrhundert mal platz quartal halbjahr weltkrieg "
    "bezirk auflage".split()
)
"""Words that a number with a stop belongs to: "3. März"."""

LATIN = frozenset("e.g i.e p.ex p.ej z.b d.h u.a v.a т.е т.к".split())
"""Those with inner full stops that never end a sentence."""

SENTENCE_STARTS = frozenset(
    "the a an i i'm i'll you your we we're our he she it it's its they their this that that's these there please "
    "is are was do does did can could would shall should have has if when what what's where which who how why "
    "thanks thank then next call press let let's and but so or yes not to for in at on after before as once turn "
    "bring come see ask look park ring knock use wait walk drive head meet show find check leave follow keep get give "
    "take go say tell my enter hold stay sorry okay ok just also note remember".split()
)
"""Words with which sentences begin, and no names do."""

AFTER_TIMES = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun "
    "january february march april june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec "
    "est edt et cst cdt ct mst mdt mt pst pdt pt gmt utc bst cet eastern central mountain pacific".split()
)
"""Words behind "a.m." and "p.m." that belong to the time."""
