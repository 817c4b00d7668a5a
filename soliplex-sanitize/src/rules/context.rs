//! The words around a number, which say what it is.
//!
//! Nine bare digits are a passport after "passport number is" and nothing at all elsewhere. Only a
//! few words to the left, and fewer to the right, are read.

use super::runs::{And, run_start};
use super::steps::steps;

/// What the words around a candidate speak of; a set.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Context(u32);

impl Context {
    pub(super) const PASSPORT: Context = Context(1);
    pub(super) const BANK: Context = Context(1 << 1);
    pub(super) const SSN: Context = Context(1 << 2);
    pub(super) const TAX: Context = Context(1 << 3);
    pub(super) const EDIPI: Context = Context(1 << 4);
    pub(super) const IMEI: Context = Context(1 << 5);
    pub(super) const PHONE: Context = Context(1 << 6);
    pub(super) const LICENSE: Context = Context(1 << 7);
    pub(super) const MEDICAL: Context = Context(1 << 8);
    pub(super) const CARD: Context = Context(1 << 9);
    pub(super) const PLACE: Context = Context(1 << 10);
    pub(super) const WALLET: Context = Context(1 << 11);
    pub(super) const MAC: Context = Context(1 << 12);
    pub(super) const GRID: Context = Context(1 << 13);
    pub(super) const MEDICARE: Context = Context(1 << 14);
    pub(super) const DSN: Context = Context(1 << 16);
    pub(super) const SIM: Context = Context(1 << 17);

    pub(super) const IBAN: Context = Context(1 << 18);
    pub(super) const VIN: Context = Context(1 << 19);
    pub(super) const VEHICLE: Context = Context(1 << 20);
    /// Of a pair of numbers; one alone may be of anything that moves.
    pub(super) const POSITION: Context = Context(1 << 21);
    /// Of what may be a simulation, too.
    pub(super) const CHIP: Context = Context(1 << 22);

    pub(super) fn has(self, other: Context) -> bool {
        self.0 & other.0 != 0
    }

    fn add(&mut self, other: Context) {
        self.0 |= other.0;
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// How many words to the left are read, and how far back they may begin.
const WORDS_BEFORE: usize = 7;
const BYTES_BEFORE: usize = 48;
const WORDS_AFTER: usize = 2;
const BYTES_AFTER: usize = 24;

/// Reads the words around `start..end`.
pub(super) fn around(b: &[u8], start: usize, end: usize) -> Context {
    let mut context = Context::default();
    let floor = start.saturating_sub(BYTES_BEFORE);
    let before = &b[floor..start];
    let is_letter = |c: &u8| LETTERS[usize::from(*c)];
    let mut at = before.len();
    let mut previous: &[u8] = b"";
    for _ in 0..WORDS_BEFORE {
        let Some(last) = before[..at].iter().rposition(is_letter) else {
            break;
        };
        let stop = last + 1;
        at = before[..last]
            .iter()
            .rposition(|c| !is_letter(c))
            .map_or(0, |n| n + 1);
        let word = &before[at..stop];
        // A marker names a rule; it says nothing of its neighbors.
        let marker = || {
            let capitals = word.iter().all(u8::is_ascii_uppercase);
            let opened = floor + at > 0 && b[floor + at - 1] == b'[';
            capitals && opened && b.get(floor + stop) == Some(&b']')
        };
        if begins_like_one(word) && !marker() {
            context.add(meaning(word, previous));
        }
        previous = word;
    }
    steps(start - floor);
    let mut at = end;
    let ceiling = b.len().min(end + BYTES_AFTER);
    for _ in 0..WORDS_AFTER {
        while at < ceiling
            && !b[at].is_ascii_alphabetic()
            && b[at] != b'\n'
            && !b[at].is_ascii_digit()
        {
            at += 1;
        }
        let first = at;
        while at < ceiling && b[at].is_ascii_alphabetic() {
            at += 1;
        }
        let word = &b[first..at];
        if word.is_empty() {
            break;
        }
        // The shortest has three letters and the longest six.
        if (3..=6).contains(&word.len())
            && [
                "bank", "office", "mobile", "fax", "cell", "imei", "edipi", "gps",
            ]
            .iter()
            .any(|w| word.eq_ignore_ascii_case(w.as_bytes()))
        {
            context.add(meaning(word, b""));
            if !matches!(word[0] | 0x20, b'b' | b'i' | b'e' | b'g') {
                context.add(Context::PHONE);
            }
        }
    }
    context
}

/// Whether a byte is a letter: a look-up costs less than two comparisons and a shift of case.
static LETTERS: [bool; 256] = {
    let mut letters = [false; 256];
    let mut c = 0;
    while c < 256 {
        letters[c] = (c as u8).is_ascii_alphabetic();
        c += 1;
    }
    letters
};

/// How the words below begin; all others need no closer look.
const BEGINNINGS: &[&[u8; 3]] = &[
    b"pas", b"tra", b"ban", b"acc", b"che", b"sav", b"rou", b"aba", b"ssn", b"soc", b"iti", b"tax",
    b"tin", b"ein", b"edi", b"dod", b"cac", b"ime", b"icc", b"ims", b"msi", b"pho", b"mob", b"cel",
    b"tel", b"fax", b"cal", b"sms", b"wha", b"hot", b"dia", b"voi", b"dsn", b"lic", b"mrn", b"npi",
    b"dea", b"nhs", b"pat", b"med", b"mbi", b"car", b"cre", b"deb", b"vis", b"mas", b"ame", b"pan",
    b"lat", b"lon", b"lng", b"gps", b"coo", b"geo", b"loc", b"pos", b"mgr", b"usn", b"gri", b"wal",
    b"bit", b"btc", b"eth", b"pay", b"cry", b"mac", b"hwa", b"phy", b"iba", b"sim", b"han", b"fei",
    b"mei", b"bss", b"dog", b"ltc", b"lit", b"xrp", b"sol", b"tro", b"trx", b"xmr", b"mon", b"zec",
    b"wif", b"dri", b"vin", b"veh", b"cha",
];

static BEGINNING_BITS: [u64; 512] = {
    let mut bits = [0; 512];
    let mut i = 0;
    while i < BEGINNINGS.len() {
        let n = letters(BEGINNINGS[i]);
        bits[n / 64] |= 1 << (n % 64);
        i += 1;
    }
    bits
};

const fn letters(three: &[u8; 3]) -> usize {
    (three[0] as usize & 31) << 10 | (three[1] as usize & 31) << 5 | (three[2] as usize & 31)
}

fn begins_like_one(word: &[u8]) -> bool {
    let Some(first) = word.first_chunk::<3>() else {
        return word.eq_ignore_ascii_case(b"cc");
    };
    let n = letters(first);
    BEGINNING_BITS[n / 64] & (1 << (n % 64)) != 0
}

/// What one word speaks of, knowing the word after it.
fn meaning(word: &[u8], after: &[u8]) -> Context {
    let mut lower = [0_u8; 24];
    let n = word.len().min(lower.len());
    for (to, from) in lower.iter_mut().zip(word) {
        *to = from.to_ascii_lowercase();
    }
    let is = |a: &[u8], w: &str| a.eq_ignore_ascii_case(w.as_bytes());
    match &lower[..n] {
        w if w.starts_with(b"passport") => Context::PASSPORT,
        b"travel" if is(after, "document") || is(after, "doc") => Context::PASSPORT,
        // One that a system gave itself.
        b"account" | b"acct" if is(after, "id") => Context::default(),
        b"bank" | b"banking" | b"account" | b"acct" | b"checking" | b"savings" | b"routing"
        | b"aba" | b"accountnumber" | b"bankaccount" => Context::BANK,
        b"ssn" | b"ssns" => Context::SSN,
        b"social" | b"soc" if is(after, "security") || is(after, "sec") => Context::SSN,
        b"itin" | b"taxpayer" | b"tin" | b"ein" | b"fein" => Context::TAX,
        b"tax" if is(after, "id") || is(after, "number") || is(after, "identification") => {
            Context::TAX
        }
        b"edipi" | b"dodid" | b"cac" | b"cacid" | b"edi" => Context::EDIPI,
        b"dod" if is(after, "id") || is(after, "number") || after.is_empty() => Context::EDIPI,
        b"imei" | b"imeisv" => Context::IMEI,
        b"iccid" | b"imsi" => Context::SIM,
        b"sim" if is(after, "serial") || is(after, "number") || is(after, "card") => Context::SIM,
        b"sim" => Context::CHIP,
        b"phone" | b"mobile" | b"cell" | b"cellphone" | b"tel" | b"telephone" | b"fax"
        | b"callback" | b"sms" | b"whatsapp" | b"phonenumber" | b"hotline" | b"dial"
        | b"dialed" | b"dialing" | b"voicemail" | b"msisdn" | b"telefon" | b"telefono"
        | b"handy" => Context::PHONE,
        b"call" if is(after, "me") || is(after, "us") || is(after, "back") || is(after, "at") => {
            Context::PHONE
        }
        b"dsn" => Context::DSN,
        b"license" | b"licence" => Context::LICENSE,
        b"driving" | b"driver" if is(after, "license") || is(after, "licence") => Context::LICENSE,
        b"iban" => Context::IBAN,
        b"vin" => Context::VIN,
        b"vehicle" | b"chassis" => Context::VEHICLE,
        b"mrn" | b"npi" | b"dea" | b"nhs" | b"nhsnumber" | b"npinumber" => Context::MEDICAL,
        b"patientid" | b"patientnumber" => Context::MEDICAL,
        b"patient" if is(after, "id") || is(after, "number") => Context::MEDICAL,
        b"medical" if is(after, "record") => Context::MEDICAL,
        b"medicare" | b"mbi" => Context::MEDICARE,
        b"card" | b"credit" | b"debit" | b"visa" | b"mastercard" | b"amex" | b"cc" | b"pan"
        | b"cardnumber" => Context::CARD,
        b"lat" if is(after, "ms") => Context::default(),
        b"lat" | b"latitude" | b"lon" | b"lng" | b"long" | b"longitude" | b"gps"
        | b"coordinates" | b"coordinate" | b"coords" | b"coord" | b"geo" | b"geolocation"
        | b"latlng" | b"latlong" | b"latlon" => Context::PLACE,
        b"location" | b"position" => Context::POSITION,
        b"mgrs" | b"usng" | b"grid" => Context::GRID,
        b"wallet" | b"bitcoin" | b"btc" | b"ethereum" | b"eth" | b"payout" | b"crypto"
        | b"doge" | b"dogecoin" | b"ltc" | b"litecoin" | b"xrp" | b"solana" | b"tron" | b"trx"
        | b"xmr" | b"monero" | b"zec" | b"wif" => Context::WALLET,
        b"sol" if is(after, "wallet") || is(after, "address") => Context::WALLET,
        b"mac" | b"hwaddr" | b"ether" | b"physical" | b"bssid" | b"macaddr" | b"macaddress" => {
            Context::MAC
        }
        _ => Context::default(),
    }
}

/// Whether a word of the name may say what the text behind it is, alone or with that text's first
/// word.
pub(super) fn speaks(name: &[u8]) -> bool {
    const NEXT: [&str; 17] = [
        "doc",
        "sec",
        "license",
        "licence",
        "wallet",
        "address",
        "",
        "document",
        "security",
        "id",
        "number",
        "identification",
        "me",
        "us",
        "back",
        "at",
        "record",
    ];
    name.split(|c| !c.is_ascii_alphabetic()).any(|word| {
        let says = |next: &&str| !meaning(word, next.as_bytes()).is_empty();
        NEXT.iter().any(says)
    })
}

/// Whether a byte may stand between a word and what it speaks of.
#[inline]
pub(super) fn is_gap(c: u8) -> bool {
    matches!(
        c,
        b' ' | b'=' | b':' | b'"' | b'\'' | b'(' | b'>' | b',' | b'|'
    )
}

/// The word that ends just before `at`, separators and quotes skipped.
pub(super) fn word_before(b: &[u8], at: usize) -> &[u8] {
    let mut end = at;
    while end > 0 && at - end < 4 && is_gap(b[end - 1]) {
        end -= 1;
    }
    // `token is …`
    for verb in [&b" is"[..], b" was"] {
        if b[..end].ends_with(verb) && end < at {
            end -= verb.len();
        }
    }
    let floor = end.saturating_sub(MAX_WORD_BYTES);
    let start = floor + run_start(&b[floor..], end - floor, And::Underscore);
    &b[start..end]
}

/// No word that speaks of a secret is longer.
const MAX_WORD_BYTES: usize = 24;
