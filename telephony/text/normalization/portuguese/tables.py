"""Portuguese words: what is shortened, what is counted, what nouns are."""

from __future__ import annotations

from telephony.text.normalization.language import Currency, Name

CENT = Name("centavo", "centavos")
CENTIMO = Name("cêntimo", "cêntimos")
PARTS = {
    2: "meio",
    3: "terço",
    4: "quarto",
    5: "quinto",
    6: "sexto",
    7: "sétimo",
    8: "oitavo",
    9: "nono",
    10: "décimo",
}
MASCULINE = frozenset(
    "dia dias problema problemas sistema sistemas programa programas mapa mapas tema temas planeta planetas "
    "grama gramas nanograma nanogramas quilograma quilogramas miligrama miligramas idioma idiomas "
    "telefonema telefonemas cinema cinemas clima climas poema poemas esquema esquemas diploma diplomas "
    "sintoma sintomas trauma traumas hematoma hematomas edema edemas hemograma hemogramas cronograma cronogramas "
    "dilema dilemas eletrocardiograma eletrocardiogramas ecocardiograma ecocardiogramas cometa cometas pirata "
    "piratas dentista dentistas motorista motoristas taxista taxistas turista turistas eletricista eletricistas "
    "analista analistas atleta atletas colega colegas".split()
)
FEMININE = frozenset(
    "vez vezes noite noites parte partes chave chaves classe classes mulher mulheres colher colheres cor cores flor "
    "flores luz luzes voz vozes paz ponte pontes fonte fontes gente rede redes fase fases base bases frase frases "
    "crise crises análise análises torre torres carne carnes árvore árvores mãe mães irmã irmãs manhã manhãs maçã "
    "maçãs nuvem nuvens ordem ordens série séries metade metades sede sedes dose doses tarde tardes via vias lei leis "
    "hipótese hipóteses suíte suítes quitinete quitinetes reunião reuniões opinião opiniões conexão conexões questão "
    "questões região regiões união uniões mão mãos equipe equipes chance chances filial filiais central centrais "
    "capital capitais foto fotos moto motos febre febres lente lentes apólice apólices parede paredes espécie espécies "
    "semente sementes boate boates lanchonete lanchonetes raiz raízes matriz matrizes cruz cruzes gripe gripes "
    "digital digitais gestante gestantes ponte pontes".split()
)
FEMININE_ENDINGS = ("a", "as", "ção", "ções", "são", "sões", "dade", "dades", "gem", "gens")
CURRENCIES = {
    "BRL": Currency(Name("real", "reais"), CENT),
    "USD": Currency(Name("dólar", "dólares"), CENT),
    "EUR": Currency(Name("euro", "euros"), CENT),
    "GBP": Currency(Name("libra", "libras"), Name("pêni", "pence")),
    "JPY": Currency(Name("iene", "ienes")),
    "CHF": Currency(Name("franco suíço", "francos suíços"), CENT),
    "AOA": Currency(Name("kwanza", "kwanzas"), CENTIMO),
    "MZN": Currency(Name("metical", "meticais"), CENT),
}
UNITS = {
    "unid.": "unit", "unid": "unit",
    "seg": "duration-second", "mins": "duration-minute", "mcg": "mass-microgram", "µg": "mass-microgram",
    "μg": "mass-microgram", "dL": "volume-deciliter", "dl": "volume-deciliter", "A": "electric-ampere",
    "hp": "horsepower", "cv": "horsepower", "gts": "drop", "gotas": "drop", "comp": "tablet", "comps": "tablet",
    "cp": "tablet", "cáps": "capsule", "UI": "international", "un": "piece", "bpm": "beat",
    "mmHg": "mercury", "rpm": "turn", "mAh": "amp-hour", "dB": "decibel", "amp": "ampoule", "amps": "ampoule",
    "env": "sachet", "ng": "nanogram", "µUI": "micro-international", "μUI": "micro-international",
    "mUI": "milli-international", "mEq": "milliequivalent", "lb": "pound", "lbs": "pound",
    "kmh": "speed-kilometer-per-hour",
    "Km/h": "speed-kilometer-per-hour", "Km": "length-kilometer", "KM": "length-kilometer", "Kg": "mass-kilogram",
    "KG": "mass-kilogram", "mph": "mph", "hs": "duration-hour", "hrs": "duration-hour",
    "col": "spoon", "kHz": "frequency-kilohertz", "lts": "volume-liter", "mts": "length-meter",
}  # fmt: skip
RATES = {
    "mês": "mês", "mes": "mês", "ano": "ano", "dia": "dia", "hora": "hora", "h": "hora", "min": "minuto",
    "s": "segundo", "semana": "semana", "sem": "semana", "noite": "noite", "pessoa": "pessoa", "kg": "quilo",
    "un": "unidade", "km": "quilômetro", "kWh": "quilowatt-hora", "d": "dia", "litro": "litro", "l": "litro",
    "L": "litro",
}  # fmt: skip
ABBREVIATIONS = {
    "Sra.": "Senhora", "Sr.": "Senhor", "Srs.": "Senhores", "Sras.": "Senhoras", "Srta.": "Senhorita",
    "sra.": "senhora", "sr.": "senhor", "Dra.": "Doutora", "Dr.": "Doutor", "Drs.": "Doutores",
    "dra.": "doutora", "dr.": "doutor", "Profª.": "Professora", "Profª": "Professora", "Profa.": "Professora",
    "Prof.": "Professor", "prof.": "professor", "Exmo.": "Excelentíssimo", "Exma.": "Excelentíssima",
    "Ilmo.": "Ilustríssimo", "Ilma.": "Ilustríssima", "Av.": "Avenida", "av.": "avenida", "etc.": "etcétera",
    "etc": "etcétera", "Ltda.": "Limitada", "Cia.": "Companhia", "p. ex.": "por exemplo", "p.ex.": "por exemplo",
    "ex.:": "exemplo:", "séc.": "século", "nasc.": "nascimento", "cód. de": "código de",
    "p/ semana": "por semana", "p/ dia": "por dia",
    "p/ mês": "por mês", "p/ hora": "por hora",
    "p/ pessoa": "por pessoa", "p/ noite": "por noite", "nº de": "número de", "n.º de": "número de",
    "apto.": "apartamento",
    "Apto.": "Apartamento", "Eng.": "Engenheiro",
    "Engª": "Engenheira", "Arq.": "Arquiteto", "Tel.": "Telefone", "tel.": "telefone", "Cel.": "Celular",
    "cel.": "celular", "aprox.": "aproximadamente", "obs.:": "observação:", "Obs.:": "Observação:",
    "qtd.": "quantidade", "Jr.": "Júnior", "c/": "com", "s/": "sem", "p/": "para",
    "Depto.": "Departamento", "V.Exa.": "Vossa Excelência", "vc": "você", "vcs": "vocês",
    "S.A.": "S A", "S/A": "S A", "Apt.": "Apartamento", "apt.": "apartamento",
    "Bl.": "Bloco", "bl.": "bloco", "Cj.": "Conjunto", "cj.": "conjunto", "Conj.": "Conjunto",
    "conj.": "conjunto", "Qd.": "Quadra", "qd.": "quadra", "Lt.": "Lote", "lt.": "lote", "Ed.": "Edifício",
    "ed.": "edifício", "Lj.": "Loja", "lj.": "loja", "Res.": "Residencial", "s/n": "sem número",
    "S/N": "sem número", "s/nº": "sem número", "end.": "endereço", "End.": "Endereço", "pça.": "praça",
    "Pç.": "Praça", "Praç.": "Praça", "trav.": "travessa", "Ref.": "Referência",
    "ref.": "referência", "doc.": "documento", "docs.": "documentos", "pgto.": "pagamento", "pagto.": "pagamento",
    "venc.": "vencimento", "Venc.": "Vencimento", "dpto.": "departamento", "Dpto.": "Departamento",
    "depto.": "departamento", "hab.": "habitantes", "qtde.": "quantidade", "vlr.": "valor",
    "Pça.": "Praça", "Estr.": "Estrada", "Rod.": "Rodovia", "Trav.": "Travessa", "Lgo.": "Largo",
    "and.": "andar", "Dr.ª": "Doutora", "Sr.ª": "Senhora", "Prof.ª": "Professora", "Eng.º": "Engenheiro",
    "Eng.ª": "Engenheira", "trim.": "trimestre", "sem.": "semestre", "val.": "validade", "Val.": "Validade",
    "à esq.": "à esquerda",
    "à dir.": "à direita", "esq.": "esquina", "Sr(a).": "Senhor ou Senhora", "sr(a).": "senhor ou senhora",
    "nº": "número",
    "n.º": "número", "Nº": "Número", "N.º": "Número", "n°": "número", "próx.": "próximo",
    "Próx.": "Próximo", "temp.": "temperatura", "Temp.": "Temperatura", "a.C.": "antes de Cristo",
    "d.C.": "depois de Cristo", "Enga.": "Engenheira", "Adv.": "Advogado",
    "ltda.": "limitada", "Cia": "Companhia",
    "tb": "também", "tbm": "também", "obs": "observação", "q.b.": "quanto baste", "i.e.": "isto é",
    "vel.": "velocidade", "Vel.": "Velocidade", "cond.": "condomínio", "c/c": "conta corrente",
    "C/C": "Conta corrente", "ag.:": "agência:", "Ag.:": "Agência:", "Ag:": "Agência:", "AG:": "Agência:",
    "dorm.": "dormitórios", "dorms.": "dormitórios",
    "dorms": "dormitórios", "qtos": "quartos", "qtos.": "quartos", "vg": "vaga", "vgs": "vagas", "vgs.": "vagas",
    "gar.": "garagem",
    "resp.": "responsável", "V.Sa.": "Vossa Senhoria", "V. Sa.": "Vossa Senhoria", "V. Exa.": "Vossa Excelência",
    "Sr.(a)": "Senhor ou Senhora", "sr.(a)": "senhor ou senhora", "obg": "obrigado", "pfv": "por favor",
    "qq": "qualquer", "vs.": "versus", "vs": "versus", "fds.": "fundos", "qts.": "quartos", "banh.": "banheiros",
    "p.p.": "pontos percentuais", "Desc.": "Desconto", "prot.": "protocolo", "Prot.": "Protocolo", "pf": "por favor",
    "profª": "professora", "profa.": "professora", "cx.": "caixa", "Cx.": "Caixa", "cxs.": "caixas",
    "att.": "atenciosamente", "Att.": "Atenciosamente", "Att,": "Atenciosamente,",
    "Vit.": "Vitamina", "vit.": "vitamina", "sat.": "saturação", "desc.": "desconto", "pts.": "pontos",
    "cod.": "código", "Cod.": "Código", "cód.": "código", "Cód.": "Código",
    "ano/mod.": "ano modelo",
    "atend.": "atendimento", "A/C": "aos cuidados de",
    "a/c": "aos cuidados de", "V.O.": "via oral", "VO": "via oral", "msg": "mensagem", "msgs": "mensagens",
    "hj": "hoje", "ñ": "não", "cfe.": "conforme", "B.O.": "boletim de ocorrência", "O.S.": "ordem de serviço",
    "nac.": "nacional", "int.": "interno", "Tels.": "Telefones", "24h/dia": "vinte e quatro horas por dia",
}  # fmt: skip
TITLES = {"R.": "Rua", "D.": "Dona", "Pça.": "Praça", "Trav.": "Travessa", "Rod.": "Rodovia", "Sto.": "Santo",
          "Sta.": "Santa", "Gov.": "Governador", "Gen.": "General", "Cap.": "Capitão",
          "Al.": "Alameda", "Tv.": "Travessa", "Est.": "Estrada", "Estr.": "Estrada", "Lgo.": "Largo",
          "Lg.": "Largo", "Pq.": "Parque", "Jd.": "Jardim", "Vl.": "Vila", "Pe.": "Padre", "Cel.": "Coronel",
          "Dep.": "Deputado", "Pres.": "Presidente", "Sen.": "Senador", "Mal.": "Marechal", "S.": "São",
          "Ten.": "Tenente", "Maj.": "Major", "Sgt.": "Sargento", "Dom.": "Domingo", "Min.": "Ministro",
          "Gal.": "General", "Brig.": "Brigadeiro", "N. Sra.": "Nossa Senhora", "Cond.": "Condomínio",
          "Ed.": "Edifício", "Hosp.": "Hospital", "Lab.": "Laboratório", "Col.": "Colégio", "Univ.": "Universidade",
          "Esc.": "Escola", "Fac.": "Faculdade", "Sec.": "Secretaria", "Clín.": "Clínica",
          "Cons.": "Conselheiro"}  # fmt: skip
BEFORE_NUMBER = {
    "nº": "número", "n.º": "número", "Nº": "número", "N.º": "número", "n°": "número", "N°": "número",
    "no.": "número", "núm.": "número", "#": "número", "pág.": "página", "págs.": "páginas", "p.": "página",
    "art.": "artigo", "Art.": "artigo", "cap.": "capítulo", "caps.": "capítulos", "vol.": "volume",
    "ap.": "apartamento", "apt.": "apartamento", "v.": "versão",
    "num.": "número", "Nr.": "número", "nr.": "número", "No.": "número", "Art": "artigo",
    "tam.": "tamanho", "Ap.": "Apartamento", "AP": "apartamento", "ap": "apartamento", "apto": "apartamento",
    "Apto": "Apartamento",
    "apt": "apartamento", "Cap.": "Capítulo", "Vol.": "Volume", "Bl": "Bloco", "bl": "bloco", "cj": "conjunto",
    "km": "quilômetro", "Km": "quilômetro", "KM": "quilômetro", "Qd": "Quadra", "Lt": "Lote", "sl.": "sala",
    "Sl.": "Sala", "inc.": "inciso", "fl.": "folha", "fls.": "folhas",
    "CC:": "Conta corrente:", "cc:": "conta corrente:", "CC": "conta corrente",
    "fig.": "figura", "Fig.": "Figura", "tab.": "tabela", "Tab.": "Tabela", "fab.": "fabricação", "Fab.": "Fabricação",
    "ag.": "agência", "Ag.": "Agência", "ag": "agência", "Ag": "Agência", "cta.": "conta", "Cta.": "Conta",
    "op.": "operação", "cs.": "casa", "Cs.": "Casa", "pç.": "praça", "Cond.": "Condomínio",
    "tel": "telefone", "Tel": "Telefone", "cel": "celular",
}  # fmt: skip
WEEKDAYS = {
    "seg": "segunda", "ter": "terça", "qua": "quarta", "qui": "quinta", "sex": "sexta", "sáb": "sábado",
    "sab": "sábado", "dom": "domingo", "2ª": "segunda", "3ª": "terça", "4ª": "quarta", "5ª": "quinta",
    "6ª": "sexta", "2.ª": "segunda", "3.ª": "terça", "4.ª": "quarta", "5.ª": "quinta",
    "6.ª": "sexta",
}  # fmt: skip
CURRENCY_SIGNS = {"r$": "BRL", "reais": "BRL", "u$s": "USD", "U$": "USD", "Kz": "AOA"}
SPOKEN_UNITS = {
    "unit": Name("unidade", "unidades"),
    "decibel": Name("decibel", "decibéis"),
    "mass-kilogram": Name("quilo", "quilos"),
    "horsepower": Name("cavalo", "cavalos"),
    "drop": Name("gota", "gotas"),
    "tablet": Name("comprimido", "comprimidos"),
    "capsule": Name("cápsula", "cápsulas"),
    "duration-day": Name("dia", "dias"),
    "nanogram": Name("nanograma", "nanogramas"),
    "micro-international": Name("micro unidade internacional", "micro unidades internacionais"),
    "milli-international": Name("mili unidade internacional", "mili unidades internacionais"),
    "milliequivalent": Name("miliequivalente", "miliequivalentes"),
    "pound": Name("libra", "libras"),
    "ampoule": Name("ampola", "ampolas"),
    "sachet": Name("envelope", "envelopes"),
    "spoon": Name("colher", "colheres"),
    "international": Name("unidade internacional", "unidades internacionais"),
    "piece": Name("unidade", "unidades"),
    "beat": Name("batimento por minuto", "batimentos por minuto"),
    "mercury": Name("milímetro de mercúrio", "milímetros de mercúrio"),
    "turn": Name("rotação por minuto", "rotações por minuto"),
    "amp-hour": Name("miliampere-hora", "miliamperes-hora"),
    "year": Name("ano", "anos"),
    "mph": Name("milha por hora", "milhas por hora"),
}
MONTHS = {
    "jan": 1, "fev": 2, "mar": 3, "abr": 4, "mai": 5, "jun": 6, "jul": 7, "ago": 8, "set": 9, "out": 10, "nov": 11,
    "dez": 12,
}  # fmt: skip
ALPHABET = {
    word[0].upper(): word
    for word in (
        "amor bola casa dado escola faca gato hotel igreja janela kiwi lua mar navio ovo pato queijo rato sapo tatu "
        "uva vaca Washington xícara yoga zebra"
    ).split()
}
"""The words that Brazilians spell with."""
