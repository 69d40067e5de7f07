"""What the benchmarks say: the kind of sentences that a telephone agent says. No engine may be tuned on them."""

from __future__ import annotations

from collections.abc import Mapping

from telephony.engines.kokoro.languages import LANGUAGES

LATENCY = {
    "word": "Certainly.",
    "sentence": "Hello, this is a test of the Kokoro text to speech service.",
    "long sentence": (
        "If you would like to change the date of your appointment, please tell me which day of the week suits you "
        "best, and I will look for a free slot in the morning or in the afternoon, as close as possible to the time "
        "that you had before."
    ),
    "paragraph": (
        "Thank you for calling the service desk. I can see that your order left our warehouse on Monday evening, and "
        "that the carrier tried to deliver it yesterday at about three o'clock. Nobody was at home, so the parcel was "
        "taken to the post office in your street. You can collect it there until the end of next week. Please bring "
        "the card that the driver left in your letter box, and something that shows your name."
    ),
}
"""Texts by name, from about one second of speech to about twenty. The second is the protocol's reference exchange, and
the long sentence has no full stop inside."""

ENGLISH = (
    "Good morning, thank you for calling.",
    "How can I help you today?",
    "One moment please, I am looking up your account.",
    "May I have your customer number, please?",
    "How is the name of your street spelled?",
    "I have found your order from last Thursday.",
    "The parcel should arrive tomorrow between nine and eleven.",
    "Your appointment is confirmed for Friday at half past two.",
    "I am sorry, I did not understand that.",
    "Would you like me to repeat the number?",
    "Please hold the line while I connect you.",
    "All of our agents are busy at the moment.",
    "You are number three in the queue.",
    "The expected waiting time is four minutes.",
    "If you prefer, we can call you back this afternoon.",
    "Your balance is one hundred and forty-two dollars and sixty cents.",
    "The last payment was received on the third of March.",
    "For security, please tell me your date of birth.",
    "That is not the answer that we have on file.",
    "Let us try that once more, slowly.",
    "Do you still live at the same address?",
    "I have changed your telephone number in our records.",
    "You will get a text message with the details.",
    "The technician will ring the bell twice.",
    "Please make sure that somebody is at home.",
    "The repair is free of charge, since the warranty is still valid.",
    "Is the small light on the front of the box green or red?",
    "Please pull out the power cable, wait ten seconds, and plug it back in.",
    "It may take up to two minutes until the connection is back.",
    "Thank you for your patience.",
    "We have a table for four on the terrace at eight o'clock.",
    "Would you rather sit inside or outside?",
    "The kitchen closes at ten on weekdays.",
    "Your flight leaves from gate twenty-seven.",
    "Boarding begins in twenty minutes.",
    "The train to the airport runs every quarter of an hour.",
    "There is a delay because of the weather.",
    "I can offer you a seat by the window.",
    "A double room with breakfast costs ninety-five euros a night.",
    "You can cancel free of charge until six in the evening.",
    "The doctor can see you on Wednesday morning.",
    "Please come fifteen minutes early and bring your insurance card.",
    "You should not eat anything for eight hours before the test.",
    "The results will be ready at the beginning of next week.",
    "PhraseReader one tablet twice a day, after a meal.",
    "If the pain gets worse, please call us again at once.",
    "The pharmacy on the corner is open all night.",
    "I have blocked your card, nobody can use it any more.",
    "A new one will be in the mail within three working days.",
    "Did you make a purchase in a shoe shop last Sunday?",
    "The transfer will be booked on the next business day.",
    "There is no fee for this service.",
    "Our office is closed on public holidays.",
    "Please leave a message after the tone.",
    "I will pass that on to my colleague in accounting.",
    "She will write to you before the end of the day.",
    "Is there anything else that I can do for you?",
    "You can also find all of this on our website.",
    "This call may be recorded for training purposes.",
    "On a scale from one to five, how satisfied were you with this call?",
    "Thank you very much, that was very helpful.",
    "Have a pleasant evening, and goodbye.",
)
"""Single sentences of one to five seconds."""

PORTUGUESE = (
    "Bom dia, obrigado por ligar.",
    "Em que posso ajudar o senhor hoje?",
    "Um momento, por favor, estou procurando o seu cadastro.",
    "Qual é o número do seu pedido?",
    "A encomenda deve chegar amanhã, entre nove e onze horas.",
    "A sua consulta está confirmada para sexta-feira à tarde.",
    "Desculpe, não entendi o que a senhora disse.",
    "O pagamento foi recebido na semana passada.",
    "O técnico vai ligar antes de chegar à sua casa.",
    "Por favor, desligue o aparelho e espere dez segundos.",
    "Posso ajudar em mais alguma coisa?",
    "Tenha uma boa noite e até logo.",
    "A senhora gostaria de falar com o setor financeiro?",
    "O seu pedido saiu do nosso depósito ontem à noite.",
    "O prazo de entrega é de cinco dias úteis.",
    "A segunda via da conta foi enviada para o seu endereço.",
    "Preciso confirmar alguns dados antes de continuar.",
    "Não se preocupe, vou resolver isso agora mesmo.",
    "A loja fica aberta de segunda a sábado.",
    "O valor será devolvido no seu cartão em até trinta dias.",
    "Pode me dizer o nome da sua rua, por favor?",
    "A luz da frente do aparelho está verde ou vermelha?",
    "O voo para Recife está atrasado por causa da chuva.",
    "A reserva do quarto inclui o café da manhã.",
    "Traga um documento com foto e a carteira do convênio.",
    "Os resultados do exame ficam prontos na próxima semana.",
    "Já atualizei o seu telefone em nosso sistema.",
    "Vou transferir a ligação para o meu colega.",
    "Esse serviço não tem nenhum custo adicional.",
    "Obrigada pela paciência, a senhora foi muito gentil.",
)
"""Single sentences in Brazilian Portuguese."""

SPANISH = (
    "Buenos días, gracias por llamar.",
    "¿En qué puedo ayudarle hoy?",
    "Un momento, por favor, estoy buscando su cuenta.",
    "¿Me puede dar su número de cliente?",
    "El paquete debería llegar mañana por la mañana.",
    "Su cita está confirmada para el viernes a las dos y media.",
    "Lo siento, no he entendido lo que ha dicho.",
    "Recibimos su pago la semana pasada.",
    "El técnico llamará antes de llegar a su casa.",
    "Por favor, apague el aparato y espere diez segundos.",
    "¿Hay algo más que pueda hacer por usted?",
    "Que tenga una buena tarde, hasta luego.",
    "¿Desea hablar con el departamento de facturación?",
    "Su pedido salió ayer por la noche de nuestro almacén.",
    "El plazo de entrega es de cinco días laborables.",
    "Le hemos enviado una copia de la factura por correo.",
    "Necesito comprobar algunos datos antes de continuar.",
    "No se preocupe, lo voy a resolver ahora mismo.",
    "La tienda abre de lunes a sábado.",
    "El importe se devolverá a su tarjeta en un plazo de treinta días.",
    "¿Me puede decir el nombre de su calle?",
    "¿La luz del aparato está verde o roja?",
    "El vuelo a Sevilla sale con retraso por la lluvia.",
    "La habitación incluye el desayuno.",
    "Traiga un documento de identidad y la tarjeta del seguro.",
    "Los resultados del análisis estarán listos la próxima semana.",
    "He cambiado su número de teléfono en nuestros registros.",
    "Ahora le paso con mi compañera.",
    "Este servicio no tiene ningún coste adicional.",
    "Muchas gracias por su paciencia.",
)
"""Single sentences in Spanish."""

FRENCH = (
    "Bonjour et merci de votre appel.",
    "Comment puis-je vous aider aujourd'hui ?",
    "Un instant, s'il vous plaît, je cherche votre compte.",
    "Pouvez-vous me donner votre numéro de client ?",
    "Le colis devrait arriver demain matin.",
    "Votre rendez-vous est confirmé pour vendredi après-midi.",
    "Je suis désolé, je n'ai pas compris votre réponse.",
    "Nous avons reçu votre paiement la semaine dernière.",
    "Le technicien vous appellera avant de passer chez vous.",
    "Débranchez l'appareil et attendez dix secondes.",
    "Souhaitez-vous parler au service de facturation ?",
    "Votre commande a quitté notre entrepôt hier soir.",
    "Le délai de livraison est de cinq jours ouvrables.",
    "Une copie de la facture vous a été envoyée par courrier.",
    "Je dois vérifier quelques informations avant de continuer.",
    "Ne vous inquiétez pas, je m'en occupe tout de suite.",
    "Le magasin est ouvert du lundi au samedi.",
    "La somme sera remboursée sur votre carte sous trente jours.",
    "Quel est le nom de votre rue ?",
    "Le voyant de l'appareil est-il vert ou rouge ?",
    "Le vol pour Marseille a du retard à cause de la pluie.",
    "Le petit déjeuner est compris dans le prix de la chambre.",
    "Apportez une pièce d'identité et votre carte d'assurance.",
    "Les résultats de l'analyse seront prêts la semaine prochaine.",
    "J'ai changé votre numéro de téléphone dans notre fichier.",
    "Je vous passe ma collègue.",
    "Ce service est entièrement gratuit.",
    "Merci beaucoup de votre patience.",
    "Puis-je faire autre chose pour vous ?",
    "Je vous souhaite une bonne soirée, au revoir.",
)
"""Single sentences in French."""

ITALIAN = (
    "Buongiorno e grazie per la sua chiamata.",
    "In che modo posso esserle utile oggi?",
    "Un attimo, per favore, sto cercando il suo conto.",
    "Può darmi il suo numero cliente?",
    "Il pacco dovrebbe arrivare domani mattina.",
    "Il suo appuntamento è confermato per venerdì pomeriggio.",
    "Mi dispiace, non ho capito la sua risposta.",
    "Abbiamo ricevuto il suo pagamento la settimana scorsa.",
    "Il tecnico la chiamerà prima di venire a casa sua.",
    "Spenga l'apparecchio e aspetti dieci secondi.",
    "Desidera parlare con l'ufficio fatturazione?",
    "Il suo ordine è partito ieri sera dal nostro magazzino.",
    "I tempi di consegna sono di cinque giorni lavorativi.",
    "Le abbiamo spedito una copia della fattura per posta.",
    "Devo verificare alcuni dati prima di continuare.",
    "Non si preoccupi, me ne occupo subito.",
    "Il negozio è aperto dal lunedì al sabato.",
    "L'importo sarà rimborsato sulla sua carta entro trenta giorni.",
    "Come si chiama la via in cui abita?",
    "La luce dell'apparecchio è verde o rossa?",
    "Il volo per Palermo è in ritardo a causa della pioggia.",
    "La colazione è compresa nel prezzo della camera.",
    "Porti un documento d'identità e la tessera sanitaria.",
    "I risultati dell'esame saranno pronti la prossima settimana.",
    "Ho cambiato il suo numero di telefono nei nostri archivi.",
    "Le passo subito una collega.",
    "Questo servizio è completamente gratuito.",
    "Grazie mille per la sua pazienza.",
    "Posso fare altro per lei?",
    "Le auguro una buona serata, arrivederci.",
)
"""Single sentences in Italian."""

HINDI = (
    "नमस्कार, हमारी सेवा में आपका स्वागत है।",
    "कृपया अपना ग्राहक नंबर बताइए।",
    "आपका पार्सल कल सुबह तक पहुँच जाना चाहिए।",
    "हमें आपका भुगतान पिछले हफ़्ते मिल गया था।",
    "तकनीशियन आपके घर पहुँचने से पहले फ़ोन करेगा।",
    "मशीन को बंद कीजिए और दस सेकंड इंतज़ार कीजिए।",
    "क्या आप बिलिंग विभाग से बात करना चाहेंगे?",
    "आपका सामान कल रात हमारे गोदाम से निकल चुका है।",
    "पहुँचाने में आम तौर पर पाँच दिन लगते हैं।",
    "हमने बिल की एक प्रति आपके पते पर भेज दी है।",
    "आगे बढ़ने से पहले मुझे कुछ जानकारी की पुष्टि करनी होगी।",
    "चिंता मत कीजिए, मैं अभी इसका हल निकालती हूँ।",
    "दुकान सोमवार से शनिवार तक खुली रहती है।",
    "आपकी गली का नाम क्या है?",
    "क्या डिब्बे के आगे वाली बत्ती हरी है या लाल?",
    "बारिश की वजह से उड़ान में देरी हो रही है।",
    "जाँच की रिपोर्ट अगले हफ़्ते तैयार हो जाएगी।",
    "मैंने आपका फ़ोन नंबर हमारे रिकॉर्ड में बदल दिया है।",
    "इस सेवा के लिए कोई अलग शुल्क नहीं है।",
    "आपके धैर्य के लिए बहुत शुक्रिया, शुभ रात्रि।",
)
"""Single sentences in Hindi."""

JAPANESE = (
    "こんにちは、カスタマーセンターでございます。",
    "お客様番号をお教えいただけますでしょうか。",
    "お荷物は明日の午前中に届く予定です。",
    "先週、お客様のお支払いを確認いたしました。",
    "技術者がご自宅に着く前にお電話を差し上げます。",
    "電源を切って、十秒ほどお待ちいただけますか。",
    "経理の担当者におつなぎいたしましょうか。",
    "ご注文の品は昨日の夜に倉庫を出ました。",
    "お届けまでに五日ほどかかります。",
    "明細書の控えをご住所にお送りしました。",
    "続ける前に、いくつか確認させてください。",
    "ご心配なく、すぐに手配いたします。",
    "お店は月曜日から土曜日まで開いております。",
    "お住まいの町の名前を教えてください。",
    "本体の前のランプは緑ですか、それとも赤ですか。",
    "雨のため、福岡行きの便が遅れております。",
    "検査の結果は来週の初めに出ます。",
    "お電話番号を新しいものに変更いたしました。",
    "このサービスに追加の料金はかかりません。",
    "長い間お待ちいただき、本当にありがとうございました。",
)
"""Single sentences in Japanese."""

CHINESE = (
    "您好，这里是客户服务中心。",
    "请告诉我您的客户编号，好吗？",
    "您的快递明天上午应该能送到。",
    "我们上个星期已经收到了您的付款。",
    "师傅到您家之前会先给您打电话。",
    "请把机器关掉，等十秒钟再打开。",
    "需要我帮您转到财务部门吗？",
    "您买的东西昨天晚上已经离开仓库了。",
    "送货一般需要五个工作日。",
    "账单的复印件已经寄到您的地址了。",
    "在继续之前，我要核对几项资料。",
    "别担心，我马上为您处理这个问题。",
    "商店从星期一到星期六都营业。",
    "您住的那条街叫什么名字？",
    "盒子前面的小灯是绿色的还是红色的？",
    "因为下雨，飞往广州的航班要晚点。",
    "检查结果下周初就可以拿到。",
    "我已经在系统里更新了您的电话号码。",
    "这项服务不收任何额外费用。",
    "非常感谢您的耐心，祝您晚上愉快。",
)
"""Single sentences in Mandarin."""

SENTENCES = {
    "a": ENGLISH,
    "b": ENGLISH,
    "e": SPANISH,
    "f": FRENCH,
    "h": HINDI,
    "i": ITALIAN,
    "j": JAPANESE,
    "p": PORTUGUESE,
    "z": CHINESE,
}
"""What is said in a Kokoro voice's language (the first letter of its name)."""

WRITTEN_IN = {**LANGUAGES, "a": "en-GB"}
"""What those sentences are written in: the English ones in British English, whoever says them."""

FIRST_SENTENCES = {
    "a": LATENCY["sentence"],
    "b": LATENCY["sentence"],
    "e": "Hola, esta es una prueba del servicio de voz para las llamadas telefónicas.",
    "f": "Bonjour, ceci est un essai du service vocal pour les appels téléphoniques.",
    "h": "नमस्ते, यह फ़ोन पर बात करने वाली आवाज़ सेवा का एक परीक्षण है।",
    "i": "Salve, questa è una prova del servizio vocale per le chiamate telefoniche.",
    "j": "こんにちは、こちらは電話の音声案内サービスのテストです。",
    "p": "Olá, este é um teste do serviço de voz para as chamadas telefônicas.",
    "z": "您好，这是一段用来测试电话语音服务的录音。",
}
"""What somebody who calls first hears: one sentence of about four seconds."""

SAMPLES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "sentence": "Good morning, thank you for calling. How can I help you today?",
        "figures": (
            "Your order A7-3497 of 14 March 2026 comes to $1,234.50. Call +1 415 555 0132 before 6:30 pm, "
            "and you save 15%."
        ),
        "SSML": (
            '<speak>Your code is <say-as interpret-as="characters">AB12</say-as>. <break time="500ms"/>'
            '<prosody rate="75%">Once more, slowly: <say-as interpret-as="characters">AB12</say-as>.</prosody> '
            '<sub alias="Doctor Martin">Dr. M.</sub> expects you on '
            '<say-as interpret-as="date" format="mdy">03/14/2026</say-as>.</speak>'
        ),
    },
    "pt": {
        "sentence": "Bom dia, obrigado por ligar. Em que posso ajudar?",
        "figures": (
            "O seu pedido A7-3497, de 14/03/2026, ficou em R$ 1.234,50. Ligue para (11) 98765-4321 até as 18h30 "
            "e ganhe 15% de desconto."
        ),
        "SSML": (
            '<speak>O seu código é <say-as interpret-as="characters">AB12</say-as>. <break time="500ms"/>'
            '<prosody rate="75%">Mais uma vez, devagar: <say-as interpret-as="characters">AB12</say-as>.</prosody> '
            'A consulta é no dia <say-as interpret-as="date" format="dmy">14/03/2026</say-as>.</speak>'
        ),
    },
    "es": {
        "sentence": "Buenos días, gracias por llamar. ¿En qué puedo ayudarle?",
        "figures": (
            "Su pedido A7-3497, del 14/03/2026, cuesta 1.234,50 €. Llame al 612 345 678 antes de las 18:30 "
            "y ahorre un 15 %."
        ),
        "SSML": (
            '<speak>Su código es <say-as interpret-as="characters">AB12</say-as>. <break time="500ms"/>'
            '<prosody rate="75%">Otra vez, despacio: <say-as interpret-as="characters">AB12</say-as>.</prosody> '
            'La cita es el <say-as interpret-as="date" format="dmy">14/03/2026</say-as>.</speak>'
        ),
    },
    "fr": {
        "sentence": "Bonjour et merci de votre appel. Comment puis-je vous aider ?",
        "figures": (
            "Votre commande A7-3497 du 14/03/2026 coûte 1 234,50 €. Appelez le 06 12 34 56 78 avant 18h30 "
            "et économisez 15 %."
        ),
        "SSML": (
            '<speak>Votre code est <say-as interpret-as="characters">AB12</say-as>. <break time="500ms"/>'
            '<prosody rate="75%">Encore une fois, lentement : '
            '<say-as interpret-as="characters">AB12</say-as>.</prosody> '
            'Le rendez-vous est le <say-as interpret-as="date" format="dmy">14/03/2026</say-as>.</speak>'
        ),
    },
    "it": {
        "sentence": "Buongiorno e grazie per la sua chiamata. Come posso aiutarla?",
        "figures": (
            "Il suo ordine A7-3497 del 14/03/2026 costa 1.234,50 €. Chiami il 347 123 4567 prima delle 18:30 "
            "e risparmi il 15%."
        ),
        "SSML": (
            '<speak>Il suo codice è <say-as interpret-as="characters">AB12</say-as>. <break time="500ms"/>'
            '<prosody rate="75%">Ancora una volta, piano: '
            '<say-as interpret-as="characters">AB12</say-as>.</prosody> '
            'L\'appuntamento è il <say-as interpret-as="date" format="dmy">14/03/2026</say-as>.</speak>'
        ),
    },
    "hi": {
        "sentence": "नमस्ते, फ़ोन करने के लिए धन्यवाद। मैं आपकी क्या मदद करूँ?",
        "figures": "आपका ऑर्डर नंबर 3497 है और कुल राशि 1234 रुपये है।",
        "SSML": '<speak>एक मिनट रुकिए। <break time="500ms"/><prosody rate="75%">एक बार फिर, धीरे-धीरे।</prosody></speak>',
    },
    "ja": {
        "sentence": "お電話ありがとうございます。ご用件をお聞かせください。",
        "figures": "ご注文番号は3497番、合計は1234円です。",
        "SSML": (
            '<speak>少々お待ちください。<break time="500ms"/>'
            '<prosody rate="75%">もう一度申し上げます。</prosody></speak>'
        ),
    },
    "zh": {
        "sentence": "您好，感谢您的来电。请问有什么可以帮您？",
        "figures": "您的订单号是3497，一共1234元。",
        "SSML": '<speak>请稍等。<break time="500ms"/><prosody rate="75%">我再说一遍。</prosody></speak>',
    },
    "ko": {"sentence": "안녕하세요, 전화해 주셔서 감사합니다. 무엇을 도와드릴까요?"},
    "de": {"sentence": "Guten Morgen, vielen Dank für Ihren Anruf. Wie kann ich Ihnen helfen?"},
    "ru": {"sentence": "Здравствуйте, спасибо за звонок. Чем я могу вам помочь?"},
}
"""What samples of each language (by the first part of its tag) say, by kind: a greeting; numbers, dates and codes; a
document."""
