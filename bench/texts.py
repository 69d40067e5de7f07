"""What the benchmarks say: the kind of sentences that a telephone agent says. No engine may be tuned on them."""

from __future__ import annotations

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
    "Take one tablet twice a day, after a meal.",
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
)
"""Single sentences in Spanish."""
