/* Which language a text is probably in: by its letters, or by the commonest words of the languages that are spoken here. */

const SCRIPTS = [
  [/\p{Script=Hiragana}|\p{Script=Katakana}/gu, ["ja"]],
  [/\p{Script=Han}/gu, ["zh", "ja"]],
  [/\p{Script=Hangul}/gu, ["ko"]],
  [/\p{Script=Cyrillic}/gu, ["ru", "uk", "bg", "sr", "kk"]],
  [/\p{Script=Greek}/gu, ["el"]],
  [/\p{Script=Arabic}/gu, ["ar", "fa", "ur"]],
  [/\p{Script=Hebrew}/gu, ["he"]],
  [/\p{Script=Devanagari}/gu, ["hi", "ne", "mr"]],
];
const WORDS = {
  en: "the and is are of to you your for with this that have not please thank can will",
  pt: "o os as não é são você seu sua uma um para com está mais obrigado obrigada em na no do da",
  es: "el los las no es su una un para con está más gracias usted que del muy por favor",
  fr: "le les la est sont vous votre une un pour avec pas merci que du des et dans",
  it: "il gli la è sono per con una un non grazie che del della di suo sua nel",
  de: "der die das und ist sind nicht ein eine für mit Sie Ihr bitte danke zu auf",
};
const MARKS = [[/[ãõ]/g, "pt"], [/[ñ¿¡]/g, "es"], [/[œ]|\b[cdjlnqst]['’](?=\p{L})/giu, "fr"], [/ß/g, "de"]];
const SETS = Object.entries(WORDS).map(([tag, words]) => [tag, new Set(words.toLowerCase().split(" "))]);
const SAMPLE_CHARS = 2000;
const SURE = 1.4;                    // so many times as many hits as the next language has

/* Tags of the language alone, the likeliest first; none where nothing is sure. */
export function guessLanguages(text) {
  const sample = text.slice(0, SAMPLE_CHARS).replace(/<[^>]*>/g, " ").toLowerCase();
  const letters = (sample.match(/\p{L}/gu) || []).length;
  for (const [script, tags] of SCRIPTS) if ((sample.match(script) || []).length * 2 > letters) return tags;
  const hits = new Map(SETS.map(([tag]) => [tag, 0]));
  for (const word of sample.match(/\p{L}+/gu) || []) {
    for (const [tag, words] of SETS) if (words.has(word)) hits.set(tag, hits.get(tag) + 1);
  }
  for (const [mark, tag] of MARKS) hits.set(tag, hits.get(tag) + 2 * (sample.match(mark) || []).length);
  const [[best, most], [, next]] = [...hits].sort((one, other) => other[1] - one[1]);
  return most >= 2 && most >= SURE * next ? [best] : [];
}

export function languageName(tag) {
  try { return new Intl.DisplayNames(["en"], {type: "language"}).of(tag); } catch { return tag; }
}
