/**
 * Values that mean "there is no value", as programs write them into files: error values of spreadsheets in the languages
 * of their users, and the words of programming languages and databases.
 */

/** Error values without a closing `!` or `?`, in upper case: those of LibreOffice, Google Sheets, Access, Bloomberg and SAP too. */
const withoutSign: ReadonlySet<string> = new Set(
  [
    '#N/A #NA #NV #N/D #ND #N/B #NB #I/T #N/V #N/P #N/T #YOK #SAKNAS #PUUTTUU #HIÁNYZIK #NENÍ_K_DISPOZICI #NIE_JE_K_DISPOZÍCII #Н/Д #НД',
    '#Δ/Υ #لا_ينطبق #GETTING_DATA #DATEN_ABRUFEN #DATEN_WERDEN_ABGERUFEN #CHARGEMENT_DONNEES #OBTENIENDO_DATOS #OBTENDO_DADOS',
    '#ESTRAZIONE_DATI_IN_CORSO #GEGEVENS_OPHALEN #POBIERANIE_DANYCH #ЗАГРУЗКА_ДАННЫХ #ОЖИДАНИЕ_ДАННЫХ #HÄMTAR_DATA #HENTER_DATA #VERİ_ALINIYOR',
    '#ERROR #ERROR# #DELETED #MULTIVALUE #UNAVAILABLE #REF #VALUE #NAME #DIV/0 #NUM #NULL #SPILL #CALC #WERT #BEZUG #VALEUR #VALOR',
  ]
    .join(' ')
    .split(' '),
);

/** Every error value with a closing sign, in any language: `#WERT!`, `#¿NOMBRE?`, `#ДЕЛ/0!`. Spreadsheets write them in upper case. */
const withSign = /^#[¡¿]?(?=[^!?]*[\p{Lu}\p{Lo}])[\p{Lu}\p{Lo}\p{M}\p{N}/._']{2,40}[!?]$/u;
/** The same of the languages and programs that write some of them in mixed case, such as Access. */
const mixedCase = /^#(?:error|name|num|size|type|func|div\/0|ref|value|n\/a|null|spill|calc|busy|unknown)[!?]$/i;
/** Bloomberg adds words: `#N/A Field Not Applicable`. A cell that is too narrow is `####`. */
const others = /^#(?:N\/A .{1,60}|#{2,})$/i;
/** LibreOffice numbers its errors, after a word of the user's language: `Err:502`, `Fehler:502`. */
const numbered =
  /^(?:err|error|fehler|erreur|errore|erro|fout|błąd|ошибка|помилка|fel|feil|fejl|virhe|chyba|hiba|hata|eroare|σφάλμα|エラー|错误|錯誤|오류)\s?[:：]\s?5\d\d$/iu;

/** Whether a whole text is the error value of a spreadsheet or a report, in any language. */
export const isErrorValue = (text: string): boolean => {
  if (text.charCodeAt(0) !== 0x23) return text.length < 16 && /[:：]\s?5\d\d$/.test(text) && numbered.test(text);
  return withSign.test(text) || mixedCase.test(text) || others.test(text) || withoutSign.has(text.toUpperCase().normalize('NFC'));
};

/** Words for "no value" in any case, where a name of a person is not expected. */
const placeholder =
  /^(?:null|none|nil|nan|nat|undefined|n\/a|<na>|<n\/a>|\[object object\]|[(<[]null[)>\]]|\\n|[+-]?inf(?:inity)?|invalid date)$/i;

/** Whether an identifier is a word for "no value", in any case. */
export const isPlaceholder = (text: string): boolean => text.length <= 15 && placeholder.test(text);

/** Words that are no text of anybody: JavaScript and Python write them where a value is missing. */
const neverText: ReadonlySet<string> = new Set(['undefined', '[object Object]', 'NaN']);
/** Words that may be meant, and rarely are. `Null` is a surname. */
const rarelyText: ReadonlySet<string> = new Set(['null', 'NULL', 'None']);

export const isNeverText = (text: string): boolean => neverText.has(text);
export const isRarelyText = (text: string): boolean => rarelyText.has(text);
