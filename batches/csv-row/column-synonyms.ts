/** Names that other systems give to our columns: what a person meant by a name that is not ours. */
import type { MemberName } from '../instruction/members.ts';

/** Letters and digits only, without accents, so that `Payout Amount`, `payoutAmount` and `payout_amount` are one name. */
export const plainName = (name: string): string =>
  name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '');

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Our columns, the likeliest first, and the plain names that mean them. */
const table: readonly (readonly [columns: readonly MemberName[], names: readonly string[]])[] = [
  [
    ['record_id'],
    words(`id uuid requestid instructionid endtoendid e2eid paymentid payoutid payoutitemid transactionid txid transferid invoiceid
      invoiceno invoicenumber externalid clientrequestid uniqueid idempotencykey senderitemid`),
  ],
  [
    ['amount'],
    words(`value amountvalue payoutamount paymentamount transferamount targetamount amounttopay netamount dollars euros pounds sum total
      betrag montant importe importo bedrag valor`),
  ],
  [['amount_minor'], words('cents pence paise amountcents amountincents amountinpaise amountinminorunits minorunits')],
  [
    ['currency'],
    words(`ccy cur curr currencycode isocurrency payoutcurrency paymentcurrency transfercurrency targetcurrency amountcurrency
      wahrung waehrung devise moneda valuta divisa`),
  ],
  [['iban'], words('recipientiban beneficiaryiban creditoriban payeeiban accountiban ibannumber ibancode')],
  [
    ['bank_account_number', 'account_number', 'iban'],
    words(`account accountno accountnum acct acctno bankaccount bankaccountno beneficiaryaccount beneficiaryaccountnumber creditoraccount
      recipientaccount recipientaccountnumber payeeaccount payeeaccountnumber destinationaccount newbankaccountnumber toaccount
      konto kontonummer compte cuenta rekening rekeningnummer`),
  ],
  [['account_type'], words('accttype bankaccounttype typeofaccount')],
  [
    ['swift_bic_code'],
    words('bic bicnumber biccode swift swiftcode swiftbic bicswift bicswiftcode beneficiarybic creditorbic creditoragentbic payeebic'),
  ],
  [['recipient_swift_bic_code'], words('recipientbic recipientswift recipientswiftcode')],
  [
    ['routing_code'],
    words('routing routingnumber routingno aba abacode abanumber abaroutingnumber bankroutingnumber newbankroutingnumber'),
  ],
  [['sort_code'], words('uksortcode banksortcode')],
  [['bsb_number'], words('bsb bsbcode')],
  [['branch_number'], words('branch branchcode branchno agencia agency')],
  [['wallet_name'], words('wallet walletprovider walletbrand')],
  [['wallet_msisdn', 'recipient_msisdn'], words('phone phoneno phonenumber mobile mobileno mobilenumber msisdn walletphone walletnumber')],
  [['card_number'], words('card cardno pan cardpan ccnumber creditcard creditcardnumber')],
  [['card_security_code'], words('cvv cvc cvv2 cvc2 securitycode')],
  [['card_expiration_month'], words('expmonth expirymonth expirationmonth cardexpirymonth')],
  [['card_expiration_year'], words('expyear expiryyear expirationyear cardexpiryyear')],
  [
    ['recipient_bank_name'],
    words('bank bankname beneficiarybank beneficiarybankname creditorbank creditorbankname payeebank payeebankname'),
  ],
  [
    ['recipient_first_name', 'recipient_last_name', 'recipient_full_name'],
    words(`name fullname recipient recipientname beneficiary beneficiaryname payee payeename creditor creditorname receiver receivername
      accountholder accountholdername accountname holdername newbankaccountholdersname bankaccountholdername vendor vendorname
      supplier suppliername employee employeename customername empfanger empfaenger begunstigter beguenstigter zahlungsempfanger kontoinhaber
      beneficiaire destinataire beneficiario begunstigde`),
  ],
  [['recipient_first_name'], words('firstname givenname forename beneficiaryfirstname payeefirstname vorname prenom')],
  [['recipient_last_name'], words('lastname surname familyname beneficiarylastname payeelastname nachname nom apellido')],
  [
    ['recipient_country_iso3'],
    words(`country countrycode countryiso iso3 countryiso3 recipientcountry recipientcountrycode beneficiarycountry payeecountry
      creditorcountry bankcountry land pays`),
  ],
  [
    ['recipient_address_line'],
    words('address address1 addressline addressline1 street streetaddress recipientaddress beneficiaryaddress creditoraddress'),
  ],
  [['recipient_city'], words('city town beneficiarycity')],
  [['recipient_postal_code'], words('postcode postalcode zip zipcode plz recipientpostcode recipientzip beneficiarypostcode')],
  [['recipient_state'], words('state province region')],
  [['recipient_email', 'customer_email'], words('email emailaddress mail beneficiaryemail payeeemail paypalemail')],
  [['recipient_id_number'], words('cpf taxid idnumber nationalid documentnumber')],
  [['recipient_currency'], words('beneficiarycurrency accountcurrency')],
  [
    ['description'],
    words(`memo note notes purpose narration narrative details message comment comments concept remittance remittanceinfo
      remittanceinformation paymentdetails paymentpurpose paymentdescription verwendungszweck zweck motif concepto`),
  ],
  [
    ['description', 'customer_reference'],
    words('reference ref referenceno paymentreference payoutreference transferreference customerref clientreference'),
  ],
  [['sender_company_name'], words('company companyname debtor debtorname sender sendername payer payername')],
];

const synonyms: ReadonlyMap<string, readonly MemberName[]> = new Map(
  table.flatMap(([columns, names]) => names.map((name) => [name, columns] as const)),
);

/** @returns our columns that may be meant, the likeliest first; none for a name that no table knows */
export const synonymsOf = (name: string): readonly MemberName[] => synonyms.get(plainName(name)) ?? [];

const destination =
  /account|acct|iban|bic|swift|routing|sortcode|bank|card|payee|benefici|recipient|receiver|creditor|holder|wallet|phone|mobile|msisdn|e?mail|vpa|upi|ifsc|clabe|paypal|address|destination|amount|currency|name|country|target/;

/** Whether a name seems to say who is paid, where to or how much: such a column is never mere metadata. */
export const looksLikeDestination = (name: string): boolean => destination.test(plainName(name));
